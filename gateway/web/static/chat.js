// The chat: letters come by a WebSocket, what is written waits in this browser until the city has it. Without this
// script the page is a plain form.
"use strict";

(() => {
  const root = document.querySelector("[data-chat]");
  const part = (name) => root.querySelector(`[data-${name}]`);
  const [letters, composer, chips, text, state, fault] = ["letters", "composer", "chips", "text", "state", "fault"].map(part);
  const words = JSON.parse(root.dataset.words);
  const longest = Number(root.dataset.longest);
  const title = document.title;
  const ANSWERED_WITHIN = 15000;
  const LONGEST_WAIT = 30000;
  const PAST_TRYING = 3;
  // On a page of earlier letters there is no socket: what is sent from there goes as the plain form it is.
  const latest = Boolean(part("welcome"));
  // So it does where no socket ever opens.
  const plain = () => !latest || (!everOpen && tries >= PAST_TRYING);

  // --- what waits to be sent; kept so that a reload or a crash loses nothing -----------------------------------

  const SHELF = "everyline-chat";
  const shelf = {
    read() {
      try { return JSON.parse(localStorage.getItem(SHELF)) || []; } catch { return []; }
    },
    // Read anew each time: another window of this browser may have put something there.
    change(id, ...more) {
      const kept = [...shelf.read().filter((one) => one.id !== id), ...more];
      try { localStorage.setItem(SHELF, JSON.stringify(kept)); } catch { /* a private window keeps it in the page alone */ }
    },
  };
  let waiting = shelf.read();
  let inFlight = null;
  let patience = 0;

  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  function say(said) {
    const one = { id: newId(), text: said };
    waiting.push(one);
    shelf.change(one.id, one);
    drawWaiting();
    toEnd();
    sendNext();
  }

  function settle(id) {
    waiting = waiting.filter((one) => one.id !== id);
    shelf.change(id);
    if (inFlight === id) {
      inFlight = null;
      clearTimeout(patience);
    }
    letters.querySelector(`.pending[data-said="${id}"]`)?.remove();
  }

  // One after the other, so that they arrive in the order they were written.
  function sendNext() {
    const next = waiting.find((one) => !one.fault);
    if (!next || inFlight || socket?.readyState !== WebSocket.OPEN) return drawWaiting();
    inFlight = next.id;
    drawWaiting();
    socket.send(JSON.stringify({ do: "say", id: next.id, text: next.text }));
    patience = setTimeout(() => socket.close(), ANSWERED_WITHIN);
  }

  function refused(frame) {
    clearTimeout(patience);
    const one = waiting.find((known) => known.id === frame.id);
    if (!one) return;
    if (frame.again) {
      one.note = frame.why;
      setTimeout(() => {
        if (inFlight === one.id) inFlight = null;
        delete one.note;
        sendNext();
      }, frame.again * 1000);
    } else {
      one.fault = words[frame.why] ? frame.why : "unusable";
      inFlight = null;
      shelf.change(one.id, one);
      sendNext();
    }
    drawWaiting();
  }

  function drawWaiting() {
    for (const one of waiting) {
      const known = letters.querySelector(`.pending[data-said="${one.id}"]`) ?? newPending(one);
      const standing = known.querySelector("[data-standing]");
      const sent = inFlight === one.id ? words.sending : words.waiting;
      standing.textContent = words[one.fault ?? one.note] ?? sent;
      known.classList.toggle("refused", Boolean(one.fault));
      if (one.fault) standing.append(" ", button(words.edit, () => edit(one)), " ", button(words.discard, () => settle(one.id)));
    }
    part("welcome")?.toggleAttribute("hidden", Boolean(letters.querySelector(".letter")));
  }

  function newPending(one) {
    const drawn = part("pending").content.firstElementChild.cloneNode(true);
    drawn.dataset.said = one.id;
    drawn.querySelector(".words").textContent = one.text;
    letters.querySelector("#end").before(drawn);
    return drawn;
  }

  function edit(one) {
    text.value = one.text + (text.value ? `\n${text.value}` : "");
    settle(one.id);
    text.focus();
  }

  function button(label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "chip";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  }

  // --- letters, each at its place ------------------------------------------------------------------------------

  const known = () => [...letters.querySelectorAll("[data-number]")];
  const lastNumber = () => known().at(-1)?.dataset.number ?? "";
  const nearEnd = () => letters.scrollHeight - letters.scrollTop - letters.clientHeight < 120;
  const toEnd = () => { letters.scrollTop = letters.scrollHeight; };

  // A server's fragment as an element. It was written by our own templates, which escape every word.
  function put(letter) {
    const template = document.createElement("template");
    template.innerHTML = letter.html;
    const drawn = template.content.firstElementChild;
    if (letter.id) settle(letter.id);
    const there = document.getElementById(drawn.id);
    const behind = known().find((one) => one.dataset.number > letter.number);
    if (there) { if (there.outerHTML !== drawn.outerHTML) there.replaceWith(drawn); else return false; }
    else (behind ?? letters.querySelector(".pending") ?? letters.querySelector("#end")).before(drawn);
    if (!letter.own) watchSeen.observe(drawn);
    if (letter.ticket && !behind) ask(letter.ticket);
    return !there;
  }

  function show(frame) {
    const stay = !nearEnd();
    const fromEnd = letters.scrollHeight - letters.scrollTop;
    const older = "more" in frame;
    // What was said long ago is no news to read out.
    if (older) letters.setAttribute("aria-live", "off");
    const fresh = frame.letters.filter(put);
    if (older) {
      const link = part("earlier");
      if (link) { link.hidden = !frame.more; link.removeAttribute("aria-busy"); }
      letters.scrollTop = letters.scrollHeight - fromEnd;
      setTimeout(() => letters.setAttribute("aria-live", "polite"), 1000);
    } else if (!stay || fresh.some((letter) => letter.own)) toEnd();
    if (document.hidden && !older) unread += fresh.filter((letter) => !letter.own).length;
    document.title = unread ? `(${unread}) ${title}` : title;
    drawWaiting();
  }

  function ask(ticket) {
    const chip = part("status");
    chip.value = `${chip.dataset.status} ${ticket}`;
    chip.querySelector("[data-asked]").textContent = `${ticket.slice(0, 4)} ${ticket.slice(4)}`;
    chip.hidden = false;
  }

  let unread = 0;
  let shown = [];
  let tellingSeen = 0;
  const told = new Set();
  const watchSeen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) shown.push(entry.target);
    if (!document.hidden) tellSeen();
  }, { root: letters, threshold: 0.5 });

  function tellSeen() {
    clearTimeout(tellingSeen);
    tellingSeen = setTimeout(() => {
      if (socket?.readyState !== WebSocket.OPEN) return;
      const numbers = shown.splice(0, 100).map((one) => one.dataset.number).filter((number) => !told.has(number));
      for (const number of numbers) told.add(number);
      if (numbers.length) socket.send(JSON.stringify({ do: "seen", numbers }));
    }, 400);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    unread = 0;
    document.title = title;
    tellSeen();
  });

  // --- the socket ----------------------------------------------------------------------------------------------

  let socket = null;
  let tries = 0;
  let everOpen = false;
  let comingBack = 0;
  const UNKNOWN = 4401, TOO_MANY_WINDOWS = 4429, TOO_BIG = 1009;

  function connect() {
    clearTimeout(comingBack);
    if (socket && socket.readyState <= WebSocket.OPEN) return;
    state.textContent = tries ? words.offline : words.connecting;
    socket = new WebSocket(new URL(root.dataset.socket, location.href.replace(/^http/, "ws")));
    socket.onopen = () => {
      socket.send(JSON.stringify({ do: "hello", after: lastNumber() }));
    };
    socket.onmessage = (event) => {
      const frame = JSON.parse(event.data);
      if (frame.is === "ready") ready();
      else if (frame.is === "letters") show(frame);
      else if (frame.is === "taken") { settleSoon(frame.id); sendNext(); }
      else if (frame.is === "refused") refused(frame);
    };
    socket.onclose = (event) => {
      clearTimeout(patience);
      if (event.code === TOO_BIG && inFlight) waiting.find((one) => one.id === inFlight).fault = "too_long";
      inFlight = null;
      if (event.code === UNKNOWN && !sessionStorage.getItem("everyline-known")) {
        sessionStorage.setItem("everyline-known", "1");
        return location.reload();
      }
      state.textContent = event.code === TOO_MANY_WINDOWS ? words.windows : words.offline;
      tries += 1;
      const wait = Math.min(LONGEST_WAIT, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
      comingBack = setTimeout(connect, wait);
      drawWaiting();
    };
  }

  function ready() {
    tries = 0;
    everOpen = true;
    sessionStorage.removeItem("everyline-known");
    state.textContent = words.connected;
    sendNext();
    tellSeen();
  }

  // On disk; its letter follows and takes its place. Should it not, the next hello brings it.
  function settleSoon(id) {
    clearTimeout(patience);
    inFlight = null;
    waiting = waiting.filter((one) => one.id !== id);
    shelf.change(id);
    const drawn = letters.querySelector(`.pending[data-said="${id}"]`);
    if (drawn) drawn.querySelector("[data-standing]").textContent = "✓";
  }

  addEventListener("online", () => { tries = 0; connect(); });

  // --- writing -------------------------------------------------------------------------------------------------

  const DRAFT = "everyline-chat-draft";
  let typedAt = 0;
  text.value ||= sessionStorage.getItem(DRAFT) ?? "";
  text.addEventListener("input", () => {
    sessionStorage.setItem(DRAFT, text.value);
    complain("");
    if (Date.now() - typedAt < 3000 || socket?.readyState !== WebSocket.OPEN) return;
    typedAt = Date.now();
    socket.send(JSON.stringify({ do: "typing" }));
  });
  text.addEventListener("keydown", (event) => {
    // While an input method is composing, Enter chooses a word. On a phone it makes a new line.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    composer.requestSubmit();
  });

  function complain(sentence) {
    fault.textContent = sentence;
    fault.hidden = !sentence;
  }

  function clearText() {
    text.value = "";
    typedAt = 0;
    sessionStorage.removeItem(DRAFT);
  }

  composer.addEventListener("submit", (event) => {
    if (plain() && !attached.length) return;
    event.preventDefault();
    complain("");
    if ([...text.value].length > longest) return complain(words.too_long);
    if (attached.length) return upload();
    if (!text.value.trim()) return;
    say(text.value);
    clearText();
    text.focus();
  });

  chips.addEventListener("submit", (event) => {
    if (plain()) return;
    event.preventDefault();
    say(event.submitter.value);
  });

  // --- photos and voice notes ----------------------------------------------------------------------------------

  let attached = [];
  const list = part("attached");
  const chooser = part("media");

  function attach(files) {
    attached.push(...files);
    if (attached.length > Number(root.dataset.files)) {
      attached.length = Number(root.dataset.files);
      complain(words.too_many);
    }
    drawAttached();
  }

  function drawAttached() {
    for (const url of list.querySelectorAll("[src]")) URL.revokeObjectURL(url.src);
    list.replaceChildren(...attached.map(preview));
    list.hidden = !attached.length;
  }

  function preview(file) {
    const item = document.createElement("li");
    const spoken = file.type.startsWith("audio/");
    const shape = document.createElement(spoken ? "audio" : "img");
    shape.src = URL.createObjectURL(file);
    if (spoken) { shape.controls = true; shape.setAttribute("aria-label", words.voice); } else shape.alt = file.name;
    const remove = button(words.remove, () => { attached = attached.filter((one) => one !== file); drawAttached(); text.focus(); });
    item.append(shape, remove);
    return item;
  }

  chooser.addEventListener("change", () => { attach(chooser.files); chooser.value = ""; });

  let uploadId = null;

  async function upload(again = true) {
    composer.setAttribute("aria-busy", "true");
    const body = new FormData();
    for (const name of ["csrf", "language"]) body.set(name, composer.elements[name].value);
    uploadId ??= newId();
    body.set("id", uploadId);
    body.set("text", text.value);
    for (const file of attached) body.append("media", file, file.name);
    const address = composer.getAttribute("action");
    const answer = await fetch(address, { method: "POST", body, redirect: "manual", credentials: "same-origin" }).catch(() => null);
    // A page left open overnight has an old token: take the one of a fresh page, once.
    if (answer?.status === 403 && again && (await newToken(address))) return upload(false);
    composer.removeAttribute("aria-busy");
    if (answer?.type !== "opaqueredirect") {
      const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
      const said = page?.querySelector("[role=alert] p") ?? page?.querySelector(".notice p");
      return complain(said?.textContent || words.upload);
    }
    uploadId = null;
    attached = [];
    drawAttached();
    clearText();
    if (plain()) return location.assign(address);
    toEnd();
  }

  async function newToken(address) {
    const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    composer.elements.csrf.value = page.querySelector("[name=csrf]").value;
    return true;
  }

  const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
  const LONGEST_NOTE = 120000;
  const record = part("record");
  let recorder = null;
  record.hidden = !(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
  record.dataset.label = record.textContent;
  record.addEventListener("click", () => (recorder ? recorder.stop() : startRecording()));

  async function startRecording() {
    const sound = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
    if (!sound) return complain(words.no_microphone);
    complain("");
    const pieces = [];
    const begun = Date.now();
    recorder = new MediaRecorder(sound, { mimeType: KINDS.find((kind) => MediaRecorder.isTypeSupported(kind)) });
    recorder.ondataavailable = (event) => pieces.push(event.data);
    const clock = setInterval(() => {
      record.textContent = `■ ${words.recording} ${Math.floor((Date.now() - begun) / 1000)} s`;
      if (Date.now() - begun > LONGEST_NOTE) recorder?.stop();
    }, 250);
    recorder.onstop = () => {
      clearInterval(clock);
      for (const track of sound.getTracks()) track.stop();
      const kind = recorder.mimeType.split(";")[0];
      recorder = null;
      record.setAttribute("aria-pressed", "false");
      record.textContent = record.dataset.label;
      attach([new File(pieces, `voice.${kind.split("/")[1]}`, { type: kind })]);
    };
    record.setAttribute("aria-pressed", "true");
    recorder.start();
  }

  // --- the two halves of the page on a phone, and the start ----------------------------------------------------

  const tabs = part("tabs");
  tabs.hidden = false;
  root.dataset.shown = "talk";
  tabs.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-tab]");
    if (!chosen) return;
    root.dataset.shown = chosen.dataset.tab;
    for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab === chosen));
  });

  part("earlier")?.addEventListener("click", (event) => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    event.preventDefault();
    event.target.setAttribute("aria-busy", "true");
    socket.send(JSON.stringify({ do: "earlier", before: known()[0].dataset.number }));
  });

  for (const letter of letters.querySelectorAll(".ours")) watchSeen.observe(letter);
  drawWaiting();
  toEnd();
  if (latest) connect();
})();
