// Makes the report form easier: photos are seen before they are sent, a voice note is recorded in the page, the
// position is asked of the browser. Without this the same form works with plain inputs.
"use strict";

const form = document.querySelector("[data-report]");
const words = document.querySelector("[data-words]").dataset;
const part = (name) => form.querySelector(`[data-${name}]`);
const show = (name, shown) => { part(name).hidden = !shown; };
const limits = { files: Number(form.dataset.mostFiles), bytes: Number(form.dataset.mostBytes), together: Number(form.dataset.mostTogether) };
const inputs = { photos: document.getElementById("photos"), sound: document.getElementById("sound") };

// What is in an input can only be replaced whole.
function put(input, files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
}

function complain(sentence) {
  part("too-much").textContent = sentence;
  show("too-much", sentence);
}

// The first of the limits that what is chosen would break, in words; nothing when all is well.
function tooMuch(files) {
  const large = files.find((file) => file.size > limits.bytes);
  if (large) return `${large.name} ${words.tooLarge}`;
  if (files.length > limits.files) return words.tooMany;
  const together = files.reduce((sum, file) => sum + file.size, 0);
  return together > limits.together ? words.tooHeavy : "";
}

// Photos: each choice is added to those before, and each can be taken out again.
function photos() {
  let chosen = [];
  const same = (one) => (other) => one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;
  const draw = () => {
    put(inputs.photos, chosen);
    const list = part("chosen");
    for (const picture of list.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
    list.replaceChildren(...chosen.map(tile));
    list.hidden = !chosen.length;
  };
  const tile = (file) => {
    const item = document.createElement("li");
    const picture = document.createElement("img");
    picture.alt = "";
    picture.src = URL.createObjectURL(file);
    const name = document.createElement("span");
    name.textContent = file.name;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "button small quiet";
    remove.textContent = words.remove;
    remove.setAttribute("aria-label", `${words.remove}: ${file.name}`);
    remove.addEventListener("click", () => {
      chosen = chosen.filter((other) => other !== file);
      complain("");
      draw();
      inputs.photos.focus();
    });
    item.append(picture, name, remove);
    return item;
  };
  inputs.photos.addEventListener("change", () => {
    for (const file of inputs.photos.files) {
      if (chosen.some(same(file))) continue;
      const fault = tooMuch([...chosen, file, ...inputs.sound.files]);
      complain(fault);
      if (fault) break;
      chosen.push(file);
    }
    draw();
  });
}

// A voice note: recorded, heard again, discarded or left in the form like a chosen file.
function voice() {
  let recorder = null;
  let ticking = 0;
  const idle = () => {
    clearInterval(ticking);
    for (const name of ["stop", "elapsed"]) show(name, false);
    const [file] = inputs.sound.files;
    show("record", !file);
    show("discard", file);
    show("listen", file);
    URL.revokeObjectURL(part("listen").src);
    if (file) part("listen").src = URL.createObjectURL(file);
    else part("listen").removeAttribute("src");
  };
  const tick = (begun) => () => {
    const seconds = Math.floor((performance.now() - begun) / 1000);
    part("elapsed").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (seconds >= Number(part("recorder").dataset.mostSeconds) - 1 && recorder?.state === "recording") recorder.stop();
  };
  const record = async () => {
    show("refused", false);
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      return show("refused", true);
    }
    const type = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"].find((one) => MediaRecorder.isTypeSupported(one));
    const pieces = [];
    recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 32000 });
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      const kind = recorder.mimeType.split(";")[0];
      recorder = null;
      put(inputs.sound, [new File(pieces, `voice.${kind.split("/")[1]}`, { type: kind })]);
      idle();
      form.dispatchEvent(new Event("recorded"));
    });
    recorder.start();
    show("record", false);
    for (const name of ["stop", "elapsed"]) show(name, true);
    part("elapsed").textContent = "0:00";
    ticking = setInterval(tick(performance.now()), 250);
    part("stop").focus();
  };
  part("record").addEventListener("click", record);
  part("stop").addEventListener("click", () => recorder?.stop());
  part("discard").addEventListener("click", () => {
    put(inputs.sound, []);
    complain("");
    idle();
    part("record").focus();
  });
  inputs.sound.addEventListener("change", () => {
    const fault = tooMuch([...inputs.photos.files, ...inputs.sound.files]);
    complain(fault);
    if (fault) put(inputs.sound, []);
    idle();
  });
  if (navigator.mediaDevices && window.MediaRecorder) show("recorder", true);
  return { recording: () => recorder !== null, stop: () => recorder.stop() };
}

// The position: asked only when wished, shown before it is sent, removed as easily.
function position() {
  const [lat, lon] = ["lat", "lon"].map((name) => form.elements.namedItem(name));
  const draw = () => {
    const known = lat.value !== "";
    part("degrees").textContent = known ? `${lat.value}, ${lon.value}` : "";
    show("locate", !known);
    show("located", known);
    show("unlocate", known);
    show("locating", false);
  };
  part("locate").addEventListener("click", () => {
    show("not-located", false);
    show("locating", true);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        [lat.value, lon.value] = [coords.latitude.toFixed(5), coords.longitude.toFixed(5)];
        draw();
        part("unlocate").focus();
      },
      () => {
        draw();
        show("not-located", true);
      },
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 60000 },
    );
  });
  part("unlocate").addEventListener("click", () => {
    lat.value = lon.value = "";
    draw();
    part("locate").focus();
  });
  draw();
  if (navigator.geolocation) show("position", true);
}

// Sending takes a while with photos: say so, and send once. What is still being recorded is finished first.
function sending(note) {
  const button = part("send");
  const usual = button.textContent;
  form.addEventListener("submit", (event) => {
    if (note.recording()) {
      event.preventDefault();
      form.addEventListener("recorded", () => form.requestSubmit(), { once: true });
      return note.stop();
    }
    button.disabled = true;
    button.textContent = button.dataset.sending;
  });
  // Back to this page out of the browser's memory.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = usual;
  });
}

photos();
position();
sending(voice());
