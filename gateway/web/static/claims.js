// Who looks at what: the post somebody has before him is told to the others, as long as he has it.
"use strict";

(() => {
  const csrf = document.querySelector("input[name=csrf]")?.value;
  const page = document.querySelector("[data-claim]");
  if (!csrf || !page) return;
  // One rests on a row before it counts as opened: who only passes disturbs nobody.
  const REST = 500;
  const seconds = Number(page.dataset.claim);
  const form = () => new URLSearchParams({ csrf });
  let held = null;
  let resting = 0;

  const tell = (id, what) => fetch(`/console/queue/${id}/${what}`, { method: "POST", body: form(), credentials: "same-origin" }).catch(() => null);

  async function open(id, row) {
    held = id;
    const answer = await tell(id, "open");
    const place = row?.querySelector("[data-people]");
    if (answer?.ok && place) place.innerHTML = (await answer.json()).people;
  }

  function leave() {
    clearTimeout(resting);
    if (held) tell(held, "leave");
    held = null;
  }

  document.addEventListener("row", (event) => {
    const row = event.detail;
    if (row.dataset.post === held) return;
    leave();
    if (!row.classList.contains("decided")) resting = setTimeout(() => open(row.dataset.post, row), REST);
  });

  const shown = document.querySelector("[data-open]");
  if (shown) open(shown.dataset.open, shown);
  setInterval(() => held && !document.hidden && tell(held, "open"), (seconds * 1000) / 3);
  addEventListener("pagehide", () => held && navigator.sendBeacon(`/console/queue/${held}/leave`, form()));
})();
