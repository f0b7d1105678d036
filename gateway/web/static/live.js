// Keeps pages current without a reload. Every page works without it.
"use strict";

// A server's fragment as elements. It was written by our own templates, which escape every citizen's word.
function elements(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.children];
}

// The public timeline: new posts on top, changed ones in their place, withdrawn ones gone.
function follow(timeline) {
  const source = new EventSource(timeline.dataset.live);
  const state = document.querySelector("[data-live-state]");
  source.onopen = () => state && (state.hidden = false);
  source.onerror = () => state && (state.hidden = true);
  const show = (event) => {
    const [fresh] = elements(event.data);
    const known = fresh && document.getElementById(fresh.id);
    if (!fresh) return;
    fresh.classList.add("fresh");
    if (known) known.replaceWith(fresh);
    else if (event.type === "post") timeline.prepend(fresh);
    document.querySelector("[data-empty]")?.remove();
  };
  source.addEventListener("post", show);
  source.addEventListener("update", show);
  source.addEventListener("withdrawn", (event) => {
    const [gone] = elements(event.data);
    if (gone) document.getElementById(gone.id)?.remove();
  });
}

// One post's own page: when the stream tells of it, its part is drawn anew.
function attend(post) {
  const again = renew(post);
  const show = (event) => elements(event.data).some((one) => one.id === post.dataset.post) && again();
  const source = new EventSource("/live");
  for (const name of ["post", "update", "withdrawn"]) source.addEventListener(name, show);
}

// What was decided can be undone for a while; then the button goes away.
function forgetUndo(place) {
  for (const offer of place.querySelectorAll("[data-undo]")) {
    setTimeout(() => offer.remove(), Number(offer.dataset.undo) * 1000);
  }
}

// Parts of staff pages that are simply drawn anew: the page is asked again and the part taken from it.
function renew(part) {
  return async () => {
    if (part.contains(document.activeElement) || part.querySelector("details[open]")) return;
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceChildren(...fresh.childNodes);
  };
}

// Whether the author is typing: asked every few seconds, while somebody looks at the page.
function attendTyping(part) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(part.dataset.typing, { credentials: "same-origin" }).catch(() => null);
    if (answer?.ok && !answer.redirected) part.replaceChildren(...elements(await answer.text()));
  }, 3000);
}

function staff() {
  const tasks = [...document.querySelectorAll("[data-refresh]")].map(renew);
  const counts = document.querySelectorAll("[data-waiting]");
  const typing = document.querySelector("[data-typing]");
  if (typing) attendTyping(typing);
  forgetUndo(document);
  const source = new EventSource("/console/live");
  // The stream speaks after each change, and every few seconds anyway, which keeps the ages true.
  source.addEventListener("queue", (event) => {
    const detail = JSON.parse(event.data);
    for (const count of counts) count.textContent = detail.waiting;
    document.title = document.title.replace(/^\(\d+\)/, `(${detail.waiting})`);
    for (const task of tasks) task();
    document.dispatchEvent(new CustomEvent("queue", { detail }));
  });
}

// Staff search from anywhere with one key.
function seek() {
  const field = document.getElementById("sought");
  if (!field) return location.assign("/console/inbox#sought");
  field.focus();
  field.select();
}

function seekByKey() {
  if (location.hash === "#sought") seek();
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    seek();
  });
}

// On a narrow screen the places stand in a row that scrolls: begin where one is.
document.querySelector("nav > [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Printing needs a script, so its button shows only where there is one.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// How many take part with today's phrases: the last count is all that matters.
function countPhrases(shown) {
  const source = new EventSource("/live");
  const state = document.querySelector("[data-live-state]");
  source.onopen = () => state && (state.hidden = false);
  source.onerror = () => state && (state.hidden = true);
  source.addEventListener("phrase", (event) => {
    const counted = JSON.parse(event.data);
    for (const one of shown) one.textContent = counted[one.dataset.phrase] ?? one.textContent;
  });
}

const phrases = document.querySelectorAll("[data-phrase]");
if (phrases.length) countPhrases(phrases);
const timeline = document.querySelector("[data-live]");
if (timeline) follow(timeline);
const post = document.querySelector("[data-post]");
if (post) attend(post);
if (document.body.classList.contains("console")) {
  staff();
  seekByKey();
}
