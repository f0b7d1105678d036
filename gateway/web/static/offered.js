// While somebody writes a report, those that others made already are shown, so that he may add himself to one.
// Without this the same is asked when the form is sent.
"use strict";

const report = document.querySelector("[data-report]");
const place = report.querySelector("[data-offered]");
const PAUSE = 900; // milliseconds without a key
const SHORTEST = 6; // characters
let asked = "";
let waiting = 0;
let going = null;

function said() {
  const fields = new URLSearchParams();
  for (const name of ["csrf", "text", "place", "lat", "lon", "category"]) fields.set(name, report.elements.namedItem(name)?.value ?? "");
  return fields;
}

async function look() {
  const fields = said();
  const words = fields.toString();
  if (words === asked || fields.get("text").trim().length < SHORTEST) return;
  asked = words;
  going?.abort();
  going = new AbortController();
  const options = { method: "POST", body: fields, credentials: "same-origin", signal: going.signal };
  const answer = await fetch("/new/offered", options).catch(() => null);
  if (!answer?.ok || words !== said().toString()) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  // Read out and moved only when something changes.
  const tickets = (root) => [...root.querySelectorAll("[name=offered]")].map((one) => one.value).join();
  if (tickets(page) !== tickets(place)) place.replaceChildren(...page.body.childNodes);
}

report.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(look, PAUSE);
});
