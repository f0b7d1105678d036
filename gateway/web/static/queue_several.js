// The moderators' queue: why something is rejected, and several decided at once. Goes on from queue.js.
"use strict";

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
  if (told.undo) offerAll(place, told.undo, told.results.map((one) => one.id));
  closable();
  await redraw(told.results.map((one) => one.id));
  if (!waits(current)) step(1) || step(-1);
}

// What became of several can be put away.
function closable() {
  const button = document.querySelector("[data-away]");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById("results").remove());
}

function offerAll(place, decision, ids) {
  const undo = async () => {
    undoings.splice(undoings.indexOf(undo), 1);
    const answer = await send(`/console/decisions/${decision}/undo`);
    const told = await answer?.json().catch(() => null);
    if (answer?.ok) place.replaceChildren();
    else if (told?.fault) tell(told.fault);
    await redraw(ids);
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
