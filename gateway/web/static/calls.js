// Calls as they go on: a call is drawn anew at each step, its words change in between. The page works without it.
"use strict";

const board = document.querySelector("[data-calls]");
const over = document.querySelector("[data-ended]");
const MOST_ENDED = 100;
// How long a call that has ended stays where it was, to be read to its end.
const LINGER = 20000;

// When a call began, by this browser's clock; the server's may differ.
function clockIn(call) {
  call.began ??= performance.now() - Number(call.dataset.seconds) * 1000;
}

function hidden(name, value) {
  document.querySelector(`[data-${name}]`).hidden = value;
}

function count() {
  const number = board.querySelectorAll(".call:not(.over)").length;
  const shown = document.querySelector("[data-number]");
  if (shown.textContent !== String(number)) shown.textContent = number;
  hidden("full", number < Number(board.dataset.most));
  hidden("none", board.childElementCount > 0);
  hidden("none-ended", over.childElementCount > 0);
}

// What is read or used is left where it is.
function leave(call) {
  if (!call.isConnected || call.parentElement === over) return;
  if (call.contains(document.activeElement) || call.matches(":hover")) {
    setTimeout(leave, 2000, call);
    return;
  }
  over.prepend(call);
  while (over.childElementCount > MOST_ENDED) over.lastElementChild.remove();
  count();
}

function draw(event) {
  const [fresh] = elements(event.data);
  if (!fresh) return;
  const known = document.getElementById(fresh.id);
  if (known) {
    const held = known.contains(document.activeElement) && document.activeElement.getAttribute("href");
    known.className = fresh.className;
    known.replaceChildren(...fresh.childNodes);
    known.dataset.seconds = fresh.dataset.seconds;
    if (held) [...known.querySelectorAll("a")].find((link) => link.getAttribute("href") === held)?.focus({ preventScroll: true });
    if (known.matches(".over")) setTimeout(leave, LINGER, known);
    else if (known.parentElement === over) board.append(known);
  } else {
    clockIn(fresh);
    (fresh.matches(".over") ? over : board)[fresh.matches(".over") ? "prepend" : "append"](fresh);
  }
  count();
}

function speak(event) {
  const told = JSON.parse(event.data);
  const call = document.getElementById(`call-${told.id}`);
  if (!call) return;
  if (told.settled) {
    const parts = told.settled.map((said) => Object.assign(document.createElement("span"), { textContent: said }));
    call.querySelector("[data-settled]").replaceChildren(...parts.flatMap((part) => [part, " "]));
  }
  call.querySelector("[data-partial]").textContent = told.partial;
}

function tick() {
  for (const call of board.querySelectorAll(".call:not(.over)")) {
    const seconds = Math.floor((performance.now() - call.began) / 1000);
    call.querySelector("[data-lasted]").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

board.querySelectorAll(".call").forEach(clockIn);
setInterval(tick, 1000);
const heard = new EventSource(board.dataset.calls);
heard.addEventListener("call", draw);
heard.addEventListener("words", speak);
