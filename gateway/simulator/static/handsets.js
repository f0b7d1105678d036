// The phones of the handsets page. All they show comes from the server by events; a phone only asks for things.
"use strict";

const words = JSON.parse(document.body.dataset.words);
const samples = JSON.parse(document.body.dataset.samples);
const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false });
const phones = document.getElementById("phones");
const notice = document.getElementById("notice");
const KEYS = [..."123456789*0#"];
const FAILED = ["failed", "undelivered"];

const say = (key, values = {}) => (words[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function tell(text) {
  notice.textContent = text;
  notice.hidden = !text;
}

async function post(path, data) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(data),
    });
    const body = await answer.json();
    tell(answer.ok ? "" : say(`error_${body.error}`) || say("error_other"));
    return answer.ok;
  } catch {
    tell(say("error_other"));
    return false;
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
    this.root = document.getElementById("phone").content.firstElementChild.cloneNode(true);
    this.find("h2").textContent = say("phone", { n: index });
    this.find(".number").textContent = number;
    this.root.setAttribute("aria-label", number);
    this.find(".messages").setAttribute("aria-label", say("conversation", { number }));
    this.fillDial();
    this.listen();
    phones.append(this.root);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  fillDial() {
    const select = this.find("select");
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
    select.append(new Option(say("say_nothing"), ""));
    this.chooseSound();
    for (const key of KEYS) {
      const button = element("button", "", key);
      button.type = "button";
      button.setAttribute("aria-label", say("key", { key }));
      button.addEventListener("click", () => post(`/handsets/calls/${this.liveCall}/keys`, { keys: key }));
      this.find(".keypad").append(button);
    }
  }

  chooseSound() {
    const id = this.find("select").value;
    const audio = this.find("audio");
    audio.hidden = !id;
    if (id) audio.src = `/handsets/samples/${encodeURIComponent(id)}.wav`;
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
    this.find("select").addEventListener("change", () => this.chooseSound());
    this.find(".power").addEventListener("click", () => post(`${this.path}/power`, { on: !this.on }));
    this.find(".hang-up").addEventListener("click", () => post(`/handsets/calls/${this.liveCall}/hangup`, {}));
    this.find(".dial").addEventListener("submit", (event) => {
      event.preventDefault();
      this.find("audio").pause();
      post(`${this.path}/call`, { sample: this.find("select").value });
    });
  }

  async send(box) {
    const body = box.value;
    if (!body.trim()) return;
    box.value = "";
    const sent = await post(`${this.path}/text`, { body });
    if (!sent && !box.value) box.value = body;
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
      this.find(".in-call").hidden = true;
      this.find(".dial").hidden = false;
      return;
    }
    this.calls.set(call.sid, call);
    if (call.sid !== [...this.calls.keys()].at(-1)) return;
    const live = !call.ended;
    this.liveCall = live ? call.sid : null;
    if (live) this.find(".hotline").open = true;
    this.find(".dial").hidden = live;
    this.find(".in-call").hidden = !live;
    log.replaceChildren(...call.entries.map(drawEntry));
    if (live) log.lastElementChild?.classList.add("now");
    log.scrollTop = log.scrollHeight;
  }
}

function drawMessage(message) {
  const failed = Boolean(message.error) || FAILED.includes(message.status);
  const item = element("li", `${message.mine ? "mine" : "theirs"}${failed ? " failed" : ""}`);
  item.dataset.sid = message.sid;
  const meta = element("div", "meta", `${clock.format(new Date(message.at))} `);
  if (message.mine) {
    const state = failed ? "refused" : message.status;
    const tick = element("span", "tick", { receiving: "…", received: "✓✓", refused: "✗" }[state] ?? "");
    tick.setAttribute("aria-hidden", "true");
    meta.append(tick, " ", element("span", "state", say(`status_${state}`)));
  }
  item.append(element("div", "bubble", message.body), meta);
  return item;
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
