// The moderators' queue: what happens while somebody works in it. Goes on from queue.js.
"use strict";

async function fetched(query) {
  const answer = await fetch(`${queue.dataset.queue}?${query}`, { credentials: "same-origin" }).catch(() => null);
  return answer?.ok && !answer.redirected ? elements(await answer.text()) : [];
}

// Draw rows anew where they stand, but for one that somebody types in.
async function redraw(ids) {
  const typing = (row) => row?.querySelector(".behind[open]")?.contains(document.activeElement) || row?.querySelector("input[name=note]:focus, textarea:focus");
  const wanted = ids.filter((id) => !typing(document.getElementById(`q-${id}`)));
  for (let at = 0; at < wanted.length; at += 50) {
    const number = question();
    for (const fresh of await fetched(`ids=${wanted.slice(at, at + 50)}`)) {
      const row = document.getElementById(fresh.id);
      if (row?.matches("article.row")) replace(row, fresh.outerHTML, number);
    }
  }
  count(); // what was chosen may be decided by now
}

let looking = false;
let again = false;

// Ask what changed of what is near; one question at a time.
async function look() {
  if (document.hidden || looking) return (again = true);
  looking = true;
  again = false;
  try {
    await ask();
    tidy();
  } finally {
    looking = false;
    setTimeout(() => again && look(), 700);
  }
}

async function ask() {
  const asked = [...near].filter((row) => row.isConnected).slice(0, 300);
  const answer = await send("/console/queue/marks", { ids: asked.map((row) => row.dataset.post).join(","), since });
  if (!answer?.ok) return;
  const told = await answer.json();
  since = told.at;
  for (const row of asked) {
    const place = row.querySelector("[data-people]");
    const people = told.people[row.dataset.post] ?? "";
    if (place && waits(row) && place.innerHTML.trim() !== people) place.innerHTML = people;
  }
  const changed = asked.filter((row) => !row.getAttribute("aria-busy") && told.marks[row.dataset.post] !== row.dataset.mark);
  await redraw(changed.map((row) => row.dataset.post));
  await arrive(told);
}

const unknown = (ids) => ids.filter((id) => !document.getElementById(`q-${id}`));
let urgent = [];

// What is new stands at the end; emergencies wait behind a bar until they are asked for.
async function arrive(told) {
  urgent = unknown(told.urgent);
  const bar = document.getElementById("arrived");
  const button = bar.firstElementChild;
  bar.hidden = urgent.length === 0;
  button.textContent = (urgent.length === 1 ? button.dataset.one : button.dataset.many).replace("{n}", urgent.length);
  const fresh = unknown(told.fresh).filter((id) => !urgent.includes(id));
  if (fresh.length && !queue.querySelector(".more")) {
    const rows = (await fetched(`ids=${fresh}`)).filter((row) => row.matches("article"));
    rows.sort((one, other) => fresh.indexOf(one.dataset.post) - fresh.indexOf(other.dataset.post));
    add(rows);
  }
}

function add(rows) {
  queue.querySelector(":scope > .empty")?.remove();
  for (const row of rows) {
    if (!document.getElementById(row.id)) queue.append(row.matches("article") ? take(row) : row);
  }
  if (!waits(current)) go(rowsOf().find(waits), false);
}

async function showUrgent() {
  if (!urgent.length) return;
  const rows = (await fetched(`ids=${urgent}`)).filter((row) => row.matches("article"));
  queue.querySelector(":scope > .empty")?.remove();
  queue.prepend(...rows.map(take));
  document.getElementById("arrived").hidden = true;
  urgent = [];
  go(rows[0]);
}
document.getElementById("arrived").firstElementChild.addEventListener("click", showUrgent);

let fetching = false;

// The next page, once its link comes near.
async function more() {
  const link = queue.querySelector(".more");
  if (!link || fetching) return;
  fetching = true;
  const rows = await fetched(`cursor=${encodeURIComponent(link.dataset.following)}`);
  if (rows.length) link.remove();
  add(rows.filter((row) => row.matches("article")));
  const next = rows.find((row) => row.matches(".more"));
  if (next) queue.append(next);
  fetching = false;
  attend();
}

const ahead = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && more(), { rootMargin: "1200px" });

function attend() {
  ahead.disconnect();
  const link = queue.querySelector(".more");
  if (link) ahead.observe(link);
}

// What is decided and far above goes; what is seen stays where it is.
function tidy() {
  const gone = rowsOf().filter((row) => !waits(row) && row !== current && !row.querySelector("form[data-undo]") && row.getBoundingClientRect().bottom < -600);
  for (const row of gone) {
    watcher.unobserve(row);
    near.delete(row);
    const anchor = current?.isConnected ? current : null;
    const before = anchor?.getBoundingClientRect().top;
    row.remove();
    if (anchor) scrollBy(0, anchor.getBoundingClientRect().top - before);
  }
}

// A span of time in words of the page's language.
function span(seconds) {
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, size]) => seconds >= 1.5 * size) ?? ["second", 1];
  return new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" }).format(Math.round(seconds / size));
}

function keepPace({ oldest, median, p95 }) {
  const show = (name, seconds) => {
    document.querySelector(`[data-${name}]`).textContent = seconds === null ? "–" : span(seconds);
  };
  show("oldest", oldest);
  show("median", median);
  show("p95", p95);
}

document.addEventListener("queue", (event) => {
  keepPace(event.detail);
  look();
});
document.addEventListener("visibilitychange", () => !document.hidden && again && look());
