// The moderators' queue: keys, decisions without leaving the page, and what happens meanwhile. Nothing moves under
// whoever reads; without this file the queue is a page of plain forms.
"use strict";

const queue = document.getElementById("queue");
const token = document.querySelector("input[name=csrf]")?.value;
const several = document.getElementById("several");
// What can still be undone, the newest last: a function each.
const undoings = [];
// The rows near what is seen: only these are asked about.
const near = new Set();
let current = null;
let since = queue.dataset.since;

const rowsOf = () => [...queue.querySelectorAll("article.row")];
const waits = (row) => row && !row.classList.contains("decided");
const tell = (words) => (document.getElementById("told").textContent = words);
const accepting = { Accept: "application/json" };

function send(path, fields = {}) {
  const body = fields instanceof URLSearchParams ? fields : new URLSearchParams(fields);
  body.set("csrf", token);
  return fetch(path, { method: "POST", body, headers: accepting, credentials: "same-origin" }).catch(() => null);
}

// --- Where one is ---

const watcher = new IntersectionObserver((seen) => {
  for (const one of seen) near[one.isIntersecting ? "add" : "delete"](one.target);
}, { rootMargin: "150%" });

function take(row) {
  watcher.observe(row);
  return row;
}

function go(row, focus = true) {
  if (!row || row === current) return;
  current?.removeAttribute("aria-current");
  current = row;
  row.setAttribute("aria-current", "true");
  if (focus) {
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  document.dispatchEvent(new CustomEvent("row", { detail: row }));
}

function step(by) {
  const rows = rowsOf().filter(waits);
  const all = rowsOf();
  // From a decided row on to the next that waits.
  const at = current ? all.indexOf(current) : -1;
  const next = by > 0 ? rows.find((row) => all.indexOf(row) > at) : rows.findLast((row) => all.indexOf(row) < at);
  if (next) go(next);
  else if (by > 0) more();
  return next;
}

// --- Deciding ---

function replace(row, html) {
  const [fresh] = elements(html).filter((one) => one.matches("article"));
  if (!fresh) return row.remove();
  const height = row.offsetHeight;
  const focused = row.contains(document.activeElement);
  watcher.unobserve(row);
  near.delete(row);
  row.replaceWith(take(fresh));
  // It keeps its place, so that the next one does not slip under the pointer.
  if (!waits(fresh)) fresh.style.height = `${height}px`;
  if (row === current) {
    current = null;
    go(fresh, focused);
  }
  return fresh;
}

function fail(row, fault) {
  row.removeAttribute("aria-busy");
  row.querySelector(":scope > [role=alert]")?.remove();
  const place = document.createElement("p");
  place.className = "notice bad";
  place.setAttribute("role", "alert");
  place.textContent = fault;
  row.append(place);
}

// A form's decision, sent beside the page. `onward`: go to the next row at once, for whoever works by keys.
async function decide(row, form, button, onward) {
  if (row.getAttribute("aria-busy")) return;
  const fields = new URLSearchParams(new FormData(form, button));
  const path = form.getAttribute("action"); // not form.action: that is the button of that name
  row.setAttribute("aria-busy", "true");
  const undoing = path.endsWith("/undo");
  if (onward && !undoing) step(1) || step(-1);
  let answer = await send(path, fields);
  let told = await answer?.json().catch(() => null);
  if (told?.holder && (await asks(told.holder))) {
    fields.delete("unless_held");
    answer = await send(path, fields);
    told = await answer?.json().catch(() => null);
  }
  if (!told) return location.reload();
  if (!answer.ok) return fail(row, told.fault);
  const fresh = replace(row, told.html);
  if (!fresh) return;
  if (told.seconds) offer(fresh, told.seconds);
  tell(fresh.querySelector(".state")?.textContent ?? "");
  if (undoing) go(fresh);
}

function offer(row, seconds) {
  const form = row.querySelector("form[data-undo]");
  if (!form) return;
  const undo = () => decide(document.getElementById(row.id), document.getElementById(row.id).querySelector("form[data-undo]"), null, false);
  undoings.push(undo);
  setTimeout(() => {
    undoings.splice(undoings.indexOf(undo), 1);
    form.remove();
    // What was held waits again, for whoever is next.
    if (row.isConnected && row.querySelector(".state.held")) redraw([row.dataset.post]);
  }, seconds * 1000);
}

// A form of the row that only changes it (a photo left out, a file tried again).
async function change(row, form, button) {
  const answer = await send(form.getAttribute("action"), new URLSearchParams(new FormData(form, button)));
  if (answer?.ok) redraw([row.dataset.post]);
}

queue.addEventListener("submit", (event) => {
  const row = event.target.closest("article.row");
  if (!row) return;
  event.preventDefault();
  if ("stay" in event.target.dataset) change(row, event.target, event.submitter);
  else decide(row, event.target, event.submitter, false);
});
queue.addEventListener("focusin", (event) => go(event.target.closest("article.row"), false));
queue.addEventListener("click", (event) => go(event.target.closest("article.row"), false));

// --- Reasons ---

const why = document.getElementById("why");

// Ask for a reason; gives it with the note, or null.
function reason(action) {
  const back = document.activeElement;
  const note = why.querySelector("input[name=note]");
  note.value = "";
  why.querySelector("[data-for]").textContent = why.querySelector("[data-for]").dataset[action];
  why.showModal();
  why.querySelector("[data-reason]").focus();
  return new Promise((resolve) => {
    let chosen = null;
    const choose = (code) => {
      if (code === "other" && !note.value.trim()) return note.focus();
      chosen = { reason: code, note: note.value.trim() };
      why.close();
    };
    const click = (event) => {
      const button = event.target.closest("[data-reason]");
      if (button) choose(button.dataset.reason);
    };
    const press = (event) => {
      const free = plain(event);
      if (event.target === note) {
        if (event.key === "Enter" && !event.isComposing) {
          event.preventDefault();
          if (note.value.trim()) choose("other");
        }
        return;
      }
      const button = free && why.querySelectorAll("[data-reason]")[Number(free) - 1];
      if (button) {
        event.preventDefault();
        choose(button.dataset.reason);
      }
    };
    why.addEventListener("click", click);
    why.addEventListener("keydown", press);
    why.addEventListener("close", () => {
      why.removeEventListener("click", click);
      why.removeEventListener("keydown", press);
      back?.focus({ preventScroll: true });
      resolve(chosen);
    }, { once: true });
  });
}

// Whether to decide what somebody else holds.
function asks(holder) {
  const dialog = document.getElementById("held");
  const words = dialog.querySelector("[data-holder]");
  words.textContent = words.dataset.words.replace("{name}", holder);
  dialog.returnValue = "";
  dialog.showModal();
  dialog.querySelector("[value=no]").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function act(action) {
  if (chosen().length) return decideSeveral(action);
  const row = current;
  if (!waits(row) || row.getAttribute("aria-busy")) return;
  const button = row.querySelector(`.decision button[value=${action}]`);
  if (!button) return;
  const form = button.form;
  if (action !== "publish") {
    const given = await reason(action);
    if (!given) return;
    form.elements.reason.value = given.reason;
    form.elements.note.value = given.note;
  }
  await decide(row, form, button, true);
}

// --- Several at once ---

const chosen = () => [...queue.querySelectorAll("input[name=post]:checked")];

function count() {
  if (!several) return;
  const number = chosen().length;
  several.classList.toggle("some", number > 0);
  several.querySelector("[data-chosen]").textContent = several.dataset.words.replace("{n}", number);
}

async function decideSeveral(action, given) {
  const boxes = chosen();
  const fields = new URLSearchParams({ action, unless_held: "1" });
  for (const box of boxes) fields.append("post", box.value);
  if (action !== "publish") given ??= await reason(action);
  if (action !== "publish" && !given) return;
  for (const [name, value] of Object.entries(given ?? {})) fields.set(name, value);
  const answer = await send("/console/decisions", fields);
  const told = await answer?.json().catch(() => null);
  if (!told) return location.reload();
  const place = document.getElementById("undo");
  if (!answer.ok) return fail(boxes[0].closest("article"), told.fault);
  place.replaceChildren(...elements(told.html));
  if (told.undo) offerAll(place, told.undo);
  closable();
  await redraw(told.results.map((one) => one.id));
  count();
  if (!waits(current)) step(1) || step(-1);
}

// What became of several can be put away.
function closable() {
  const button = document.querySelector("[data-away]");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById("results").remove());
}

function offerAll(place, decision) {
  const undo = async () => {
    undoings.splice(undoings.indexOf(undo), 1);
    const answer = await send(`/console/decisions/${decision}/undo`);
    const told = await answer?.json().catch(() => null);
    if (answer?.ok) place.replaceChildren();
    else if (told?.fault) tell(told.fault);
    look();
  };
  undoings.push(undo);
  place.querySelector("[data-undo-all] button")?.addEventListener("click", undo);
}

several?.addEventListener("submit", (event) => {
  event.preventDefault();
  const action = event.submitter?.value ?? "hold";
  const { reason: code, note } = several.elements;
  decideSeveral(action, code.value ? { reason: code.value, note: note.value.trim() } : undefined);
});
queue.addEventListener("change", (event) => event.target.name === "post" && count());

// --- What happens meanwhile ---

async function fetched(query) {
  const answer = await fetch(`${queue.dataset.queue}?${query}`, { credentials: "same-origin" }).catch(() => null);
  return answer?.ok && !answer.redirected ? elements(await answer.text()) : [];
}

// Draw rows anew where they stand, but for one that somebody types in.
async function redraw(ids) {
  const typing = (row) => row?.querySelector(".behind[open]")?.contains(document.activeElement) || row?.querySelector("input[name=note]:focus, textarea:focus");
  const wanted = ids.filter((id) => !typing(document.getElementById(`q-${id}`)));
  for (let at = 0; at < wanted.length; at += 50) {
    for (const fresh of await fetched(`ids=${wanted.slice(at, at + 50)}`)) {
      const row = document.getElementById(fresh.id);
      if (row?.matches("article.row")) replace(row, fresh.outerHTML);
    }
  }
}

let looking = false;
let again = false;

// Ask what changed of what is near; one question at a time.
async function look() {
  if (document.hidden || looking) return (again = true);
  looking = true;
  again = false;
  const asked = [...near].slice(0, 300).filter((row) => row.isConnected);
  const began = new Date().toISOString();
  const answer = await send("/console/queue/marks", { ids: asked.map((row) => row.dataset.post).join(","), since });
  if (answer?.ok) {
    const told = await answer.json();
    since = began;
    for (const row of asked) {
      const place = row.querySelector("[data-people]");
      const people = told.people[row.dataset.post] ?? "";
      if (place && waits(row) && place.innerHTML.trim() !== people) place.innerHTML = people;
    }
    await redraw(asked.filter((row) => !row.getAttribute("aria-busy") && told.marks[row.dataset.post] !== row.dataset.mark).map((row) => row.dataset.post));
    await arrive(told);
  }
  tidy();
  looking = false;
  setTimeout(() => again && look(), 700);
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
  if (!current && rows.length) go(rowsOf().find(waits), false);
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
  const age = oldest === null ? null : Math.max(0, (Date.now() - Date.parse(oldest)) / 1000);
  show("oldest", age);
  show("median", median);
  show("p95", p95);
}

document.addEventListener("queue", (event) => {
  keepPace(event.detail);
  look();
});
document.addEventListener("visibilitychange", () => !document.hidden && again && look());

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

queue.classList.add("keyed");
rowsOf().forEach(take);
go(rowsOf().find(waits), document.activeElement === document.body);
attend();
count();
closable();
for (const form of queue.querySelectorAll("form[data-undo]")) offer(form.closest("article"), Number(form.dataset.undo));
for (const all of document.querySelectorAll("[data-undo-all]")) offerAll(document.getElementById("undo"), all.dataset.undoAll);
