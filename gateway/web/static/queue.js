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

function go(row, focus = true, scroll = true) {
  if (!row || row === current) return;
  current?.removeAttribute("aria-current");
  current = row;
  row.setAttribute("aria-current", "true");
  if (focus) {
    row.focus({ preventScroll: true });
    if (scroll) row.scrollIntoView({ block: "nearest" });
  }
  document.dispatchEvent(new CustomEvent("row", { detail: row }));
}

function step(by, scroll = true) {
  const rows = rowsOf().filter(waits);
  const all = rowsOf();
  // From a decided row on to the next that waits.
  const at = current ? all.indexOf(current) : -1;
  const next = by > 0 ? rows.find((row) => all.indexOf(row) > at) : rows.findLast((row) => all.indexOf(row) < at);
  if (next) go(next, true, scroll);
  else if (by > 0) more();
  return next;
}

// --- Drawing anew ---

// Answers may arrive in another order than they were asked for. Each question has a number, and a row is never drawn
// from an older one than it was drawn from last: what was decided and undone would stand there as decided for good.
let questions = 0;
const drawn = new Map();

const question = () => ++questions;

// Draw a row as an answer says. Gives the row that stands there then; nothing when it is gone.
function replace(row, html, number) {
  if (number < (drawn.get(row.id) ?? 0)) {
    look(); // what was passed over may know of more than what stands here
    return row;
  }
  drawn.set(row.id, number);
  const [fresh] = elements(html).filter((one) => one.matches("article"));
  if (!fresh) return row.remove();
  const box = fresh.querySelector("input[name=post]");
  if (box) box.checked = row.querySelector("input[name=post]")?.checked ?? false;
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

// --- Deciding ---

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
  const fresh = replace(row, told.html, question());
  if (!fresh) return;
  if (told.seconds) offer(fresh, told.seconds);
  tell(fresh.querySelector(".state")?.textContent ?? "");
  if (undoing) go(fresh);
  // By mouse: the next one opens where it stands, below the pointer.
  else if (fresh === current) step(1, false) || step(-1, false);
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
