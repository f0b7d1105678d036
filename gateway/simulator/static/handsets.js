// The phones of the handsets page. All they show comes from the server by events; a phone only asks for things.
"use strict";

const words = JSON.parse(document.body.dataset.words);
const samples = JSON.parse(document.body.dataset.samples);
const offered = JSON.parse(document.body.dataset.offered);
const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false });
const phones = document.getElementById("phones");
const notice = document.getElementById("notice");
const KEYS = [..."123456789*0#"];
const FAILED = ["failed", "undelivered"];
const MOST_FILES = 10;
const SEEN = ["image/jpeg", "image/png", "image/gif", "image/webp"];
// The carrier's number of a fault: it reached nobody, and keeps what it has.
const KEPT = 11200;

const say = (key, values = {}) => (words[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// A file's bytes as base64, without the words before them.
function read(file) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => fail(reader.error));
    reader.readAsDataURL(file);
  });
}

async function encode(chosen) {
  if (chosen.sample) return { sample: chosen.sample };
  return { type: chosen.file.type || "application/octet-stream", data: await read(chosen.file) };
}

function tell(text) {
  notice.textContent = text;
  notice.hidden = !text;
}

// What the simulator answered; null when it did not do it, which is told.
async function post(path, data) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(data),
    });
    const body = await answer.json();
    tell(answer.ok ? "" : say(`error_${body.error}`) || say("error_other"));
    return answer.ok ? body : null;
  } catch {
    tell(say("error_other"));
    return null;
  }
}

// Keep a list at its end while it grows, unless its reader has scrolled up.
function atEnd(list, change) {
  const near = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  change();
  if (near) list.scrollTop = list.scrollHeight;
}

class Phone {
  constructor(number, index) {
    this.number = number;
    this.path = `/handsets/${encodeURIComponent(number)}`;
    this.calls = new Map();
    this.chosen = [];
    this.sound = new PhoneSound(
      () => this.showSound(),
      () => this.liveCall && tell(say("error_sound_lost")),
    );
    this.root = document.getElementById("phone").content.firstElementChild.cloneNode(true);
    this.find("h2").textContent = say("phone", { n: index });
    this.find(".number").textContent = number;
    this.root.setAttribute("aria-label", number);
    this.find(".messages").setAttribute("aria-label", say("conversation", { number }));
    this.fillDial();
    this.fillTray();
    this.listen();
    phones.append(this.root);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  fillDial() {
    const select = this.find(".utter select");
    const groups = new Map();
    for (const sample of samples) {
      if (!groups.has(sample.language)) {
        const group = element("optgroup");
        group.label = say(`spoken_${sample.language}`) || sample.language;
        groups.set(sample.language, group);
        select.append(group);
      }
      const option = new Option(sample.text, sample.id);
      option.lang = sample.language;
      groups.get(sample.language).append(option);
    }
    this.chooseSound();
    for (const key of KEYS) {
      const button = element("button", "", key);
      button.type = "button";
      button.setAttribute("aria-label", say("key", { key }));
      button.addEventListener("click", () => post(`/handsets/calls/${this.liveCall}/keys`, { keys: key }));
      this.find(".keypad").append(button);
    }
  }

  fillTray() {
    for (const one of offered) {
      const button = element("button", one.url ? "picture" : "sound quiet", one.url ? "" : "♪");
      button.type = "button";
      button.title = one.text;
      button.setAttribute("aria-label", one.text);
      if (one.url) {
        const image = element("img");
        image.src = one.url;
        image.alt = "";
        button.append(image);
      }
      button.addEventListener("click", () => this.choose([{ sample: one.id, name: one.text }]));
      this.find(".tray").append(button);
    }
    const input = this.find(".pick input");
    input.addEventListener("change", () => {
      this.choose([...input.files].map((file) => ({ file, name: file.name })));
      input.value = "";
    });
    const attach = this.find(".attach");
    attach.addEventListener("click", () => {
      const open = this.find(".tray").hidden;
      this.find(".tray").hidden = !open;
      attach.setAttribute("aria-expanded", String(open));
    });
  }

  choose(more) {
    const all = [...this.chosen, ...more];
    tell(all.length > MOST_FILES ? say("error_too_many_files") : "");
    this.showChosen(all.slice(0, MOST_FILES));
  }

  showChosen(chosen) {
    this.chosen = chosen;
    const list = this.find(".chosen");
    list.hidden = !chosen.length;
    list.replaceChildren(
      ...chosen.map((one) => {
        const item = element("li");
        const remove = element("button", "quiet", "×");
        remove.type = "button";
        remove.setAttribute("aria-label", say("remove_file", { name: one.name }));
        remove.addEventListener("click", () => this.showChosen(this.chosen.filter((other) => other !== one)));
        item.append(element("span", "", one.name), remove);
        return item;
      }),
    );
    this.find("textarea").required = !chosen.length;
  }

  chooseSound() {
    const id = this.find(".utter select").value;
    this.find(".utter audio").src = `/handsets/samples/${encodeURIComponent(id)}.wav`;
  }

  listen() {
    const box = this.find("textarea");
    this.find(".write").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(box);
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send(box);
    });
    this.find(".power").addEventListener("click", () => post(`${this.path}/power`, { on: !this.on }));
    this.find(".utter select").addEventListener("change", () => this.chooseSound());
    this.find(".utter").addEventListener("submit", (event) => {
      event.preventDefault();
      this.find(".utter audio").pause();
      if (this.liveCall) post(`/handsets/calls/${this.liveCall}/say`, { sample: this.find(".utter select").value });
    });
    this.find(".dial").addEventListener("submit", (event) => {
      event.preventDefault();
      this.call();
    });
    this.find(".hang-up").addEventListener("click", () => post(`/handsets/calls/${this.liveCall}/hangup`, {}));
    this.find(".hear").addEventListener("click", () => (this.sound.hears ? this.sound.end() : this.hear(this.liveCall)));
    this.find(".microphone").addEventListener("click", () => (this.sound.speaks ? this.sound.hush() : this.speak()));
  }

  async call() {
    const call = await post(`${this.path}/call`, {});
    if (call) await this.hear(call.sid);
  }

  async hear(sid) {
    try {
      await this.sound.hear(sid);
      return true;
    } catch (error) {
      if (this.liveCall) tell(say(error instanceof NoSound ? error.message : "error_no_sound"));
      return false;
    }
  }

  async speak() {
    try {
      if (await this.hear(this.liveCall)) await this.sound.speak();
    } catch (error) {
      tell(say(error instanceof NoSound ? error.message : "error_no_microphone"));
    }
  }

  showSound() {
    this.find(".hear").setAttribute("aria-pressed", String(this.sound.hears));
    this.find(".microphone").setAttribute("aria-pressed", String(this.sound.speaks));
  }

  async send(box) {
    const body = box.value;
    const chosen = this.chosen;
    if (!body.trim() && !chosen.length) return;
    box.value = "";
    this.showChosen([]);
    const sent = await this.post(body, chosen);
    if (sent) return;
    if (!box.value) box.value = body;
    if (!this.chosen.length) this.showChosen(chosen);
  }

  async post(body, chosen) {
    try {
      const media = await Promise.all(chosen.map(encode));
      return Boolean(await post(`${this.path}/text`, { body, media }));
    } catch {
      tell(say("error_bad_file"));
      return false;
    }
  }

  show(handset) {
    this.on = handset.on;
    this.root.classList.toggle("off", !handset.on);
    this.root.classList.toggle("opted-out", handset.opted_out);
    this.find(".power").textContent = say(handset.on ? "power_off" : "power_on");
    this.find(".messages").replaceChildren(element("li", "empty", say("no_messages")));
    for (const message of handset.messages) this.showMessage(message);
    this.find(".messages").scrollTop = this.find(".messages").scrollHeight;
    this.calls.clear();
    for (const call of handset.calls) this.calls.set(call.sid, call);
    this.showCall(handset.calls.at(-1));
  }

  showMessage(message) {
    const list = this.find(".messages");
    atEnd(list, () => {
      list.querySelector(".empty")?.remove();
      const drawn = drawMessage(message);
      const old = [...list.children].find((one) => one.dataset.sid === message.sid);
      if (old) old.replaceWith(drawn);
      else list.append(drawn);
    });
  }

  showCall(call) {
    const log = this.find(".log");
    if (!call) {
      log.replaceChildren(element("li", "empty", say("no_calls")));
      this.showLive(null);
      return;
    }
    this.calls.set(call.sid, call);
    if (call.sid !== [...this.calls.keys()].at(-1)) return;
    const live = !call.ended;
    this.showLive(live ? call.sid : null);
    this.showVoice(".line-voice", say("line_voice"), live && call.line_speaks);
    this.showVoice(".own-voice", say("own_voice"), live && call.caller_speaks);
    log.replaceChildren(...call.entries.map(drawEntry));
    if (live) log.lastElementChild?.classList.add("now");
    log.scrollTop = log.scrollHeight;
  }

  showLive(sid) {
    this.liveCall = sid;
    if (sid) this.find(".hotline").open = true;
    else if (this.sound.hears) this.sound.end();
    this.find(".dial").hidden = Boolean(sid);
    this.find(".in-call").hidden = this.find(".hang-up").hidden = !sid;
    this.find(".say").disabled = !sid;
  }

  showVoice(selector, who, speaks) {
    const voice = this.find(selector);
    voice.classList.toggle("speaks", speaks);
    voice.setAttribute("aria-label", speaks ? say("speaks", { who }) : who);
  }
}

function drawMessage(message) {
  const failed = Boolean(message.error) || FAILED.includes(message.status);
  const item = element("li", `${message.mine ? "mine" : "theirs"}${failed ? " failed" : ""}`);
  item.dataset.sid = message.sid;
  const meta = element("div", "meta", `${clock.format(new Date(message.at))} `);
  if (message.mine) {
    const state = message.error === KEPT ? "kept" : failed ? "refused" : message.status;
    const tick = element("span", "tick", { receiving: "…", received: "✓✓", refused: "✗", kept: "✗" }[state] ?? "");
    tick.setAttribute("aria-hidden", "true");
    meta.append(tick, " ", element("span", "state", say(`status_${state}`)));
  }
  item.append(...message.media.map(drawFile));
  if (message.body || !message.media.length) item.append(element("div", "bubble", message.body));
  item.append(meta);
  return item;
}

function drawFile(file) {
  const url = `/handsets/media/${file.sid}`;
  if (file.type.startsWith("audio/")) {
    const audio = element("audio", "file");
    audio.controls = true;
    audio.preload = "none";
    audio.src = url;
    audio.setAttribute("aria-label", say("attachment"));
    return audio;
  }
  const link = element("a", SEEN.includes(file.type) ? "file photo" : "file bubble", "");
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener";
  if (!SEEN.includes(file.type)) {
    link.textContent = `${say("attachment")}: ${file.type}`;
    return link;
  }
  const image = element("img");
  image.src = url;
  image.alt = say("attachment");
  link.append(image);
  return link;
}

function drawEntry(entry) {
  const item = element("li", entry.kind);
  if (entry.kind === "end") {
    item.append(element("span", "what", say(`ended_${entry.text}`)));
    return item;
  }
  item.append(element("span", "what", say(`heard_${entry.kind}`, { text: entry.text })));
  if (["say", "play", "error"].includes(entry.kind)) item.append(`${language === "zh" ? "：" : ": "}${entry.text}`);
  return item;
}

const drawn = new Map();

function phoneOf(handset) {
  if (!drawn.has(handset.number)) {
    document.getElementById("loading")?.remove();
    drawn.set(handset.number, new Phone(handset.number, drawn.size + 1));
  }
  return drawn.get(handset.number);
}

const stream = new EventSource("/handsets/events");
const on = (name, work) => stream.addEventListener(name, (event) => work(JSON.parse(event.data)));
on("state", (state) => {
  tell("");
  for (const handset of state.handsets) phoneOf(handset).show(handset);
});
on("handset", (handset) => phoneOf(handset).show(handset));
on("message", (message) => drawn.get(message.handset)?.showMessage(message));
on("call", (call) => drawn.get(call.handset)?.showCall(call));
stream.addEventListener("error", () => tell(say("offline")));

document.getElementById("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  if (await post("/handsets", { number: form.elements.number.value })) form.reset();
});
