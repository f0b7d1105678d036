// The moderators' queue: its keys, what stands behind a row, and its beginning. Comes last of its scripts.
"use strict";

// --- What stands behind a row ---

async function reveal(details) {
  if (details.dataset.loaded || !details.open) return;
  details.dataset.loaded = "1";
  const answer = await fetch(details.dataset.behind, { credentials: "same-origin" }).catch(() => null);
  if (answer?.ok && !answer.redirected) details.lastElementChild.replaceChildren(...elements(await answer.text()));
}
queue.addEventListener("toggle", (event) => event.target.matches(".behind") && reveal(event.target), true);

async function edit() {
  const details = current?.querySelector(".behind");
  if (!details) return;
  details.open = true;
  await reveal(details);
  (details.querySelector("textarea") ?? current.querySelector(".decision textarea"))?.focus();
}

queue.addEventListener("keydown", (event) => {
  const box = event.target.closest(".edit textarea");
  if (!box || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    const row = box.closest("article");
    decide(row, box.form, box.form.querySelector("[value=publish]"), true);
  } else if (event.key === "Escape") {
    event.preventDefault();
    box.closest("article").focus();
  }
});

// Join to the report it is probably about: what is offered on the row, else the likest of those behind it.
async function join() {
  const row = current;
  if (!waits(row) || row.getAttribute("aria-busy")) return;
  const offered = row.querySelector(".likely .join");
  if (offered) return decide(row, offered, offered.querySelector("button"), true);
  const details = row.querySelector(".behind");
  if (!details) return;
  details.open = true;
  await reveal(details);
  (details.querySelector(".join button") ?? details.querySelector("summary")).focus();
}

// --- Keys ---

const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], audio, video";

// The key's own letter, whatever input method is on; nothing with a modifier, or while a word is being composed.
function plain(event) {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return null;
  const key = event.key === "Process" ? event.code.replace(/^(Key|Digit)/, "") : event.key;
  if (event.shiftKey && key !== "?") return null;
  return key.length === 1 ? key.toLowerCase() : key;
}

const KEYS = {
  p: () => act("publish"),
  r: () => act("reject"),
  h: () => act("hold"),
  e: edit,
  m: join,
  u: () => undoings.at(-1)?.(),
  x: () => current?.querySelector("input[name=post]")?.click(),
  a: () => {
    const boxes = [...queue.querySelectorAll("input[name=post]")];
    const all = boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = !all;
    count();
  },
  n: showUrgent,
  o: () => current?.querySelector("a.ticket")?.click(),
  "?": () => document.getElementById("keys")?.showModal(),
  Escape: () => {
    for (const box of chosen()) box.checked = false;
    count();
  },
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || document.querySelector("dialog[open]") || event.target.closest?.(TYPING)) return;
  const key = plain(event);
  if (key === "j" || key === "k") {
    event.preventDefault();
    return step(key === "j" ? 1 : -1);
  }
  // Held down, a key that decides would decide what nobody read.
  if (!key || event.repeat || !("decides" in queue.dataset) || !Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  KEYS[key]();
});

for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", KEYS["?"]);
}

// --- The beginning ---

queue.classList.add("keyed");
rowsOf().forEach(take);
go(rowsOf().find(waits), document.activeElement === document.body);
attend();
count();
closable();
for (const form of queue.querySelectorAll("form[data-undo]")) offer(form.closest("article"), Number(form.dataset.undo));
for (const all of document.querySelectorAll("[data-undo-all]")) offerAll(document.getElementById("undo"), all.dataset.undoAll, []);
