// A template put into the answer where the cursor is, and read before it is. Without this the page is drawn anew.
"use strict";

const form = document.querySelector("[data-answering]");
const template = form?.elements.namedItem("template");

// What a template says for this thread and the chosen department; null when it cannot be had now.
async function filled() {
  if (!template.value) return null;
  const department = form.elements.namedItem("department").value;
  const address = `${form.dataset.answering}${template.value}?department=${encodeURIComponent(department)}`;
  const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
  return answer?.ok && !answer.redirected ? answer.text() : null;
}

function listen() {
  const answer = form.elements.namedItem("text");
  const preview = form.querySelector("[data-preview]");
  const hint = form.querySelector("[data-left-open]");
  const insert = form.elements.namedItem("insert");

  const remind = () => {
    const open = hint.dataset.leftOpen.split(" ").filter((name) => answer.value.includes(`{${name}}`));
    hint.hidden = open.length === 0;
    hint.querySelector("code").textContent = open.join(", ");
  };
  let asked = 0;
  const show = async () => {
    const mine = ++asked; // an answer that comes late must not show what is not chosen any more
    const text = await filled();
    if (mine !== asked) return;
    preview.textContent = text ?? "";
    preview.hidden = text === null;
  };
  template.addEventListener("change", show);
  form.elements.namedItem("department").addEventListener("change", show);
  answer.addEventListener("input", remind);
  insert.addEventListener("click", async (event) => {
    event.preventDefault();
    const text = await filled();
    if (text === null) return form.requestSubmit(insertAgain());
    answer.setRangeText(text, answer.selectionStart, answer.selectionEnd, "end");
    preview.hidden = true;
    remind();
    answer.focus();
  });

  // The same button without us: the gateway then says what is wrong.
  function insertAgain() {
    const plain = insert.cloneNode(true);
    plain.hidden = true;
    form.append(plain);
    return plain;
  }
}

if (template) listen();
