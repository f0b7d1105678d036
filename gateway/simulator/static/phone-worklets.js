// The sound of a phone, sample by sample: the line speaks 8,000 of them a second, the browser some other number.
"use strict";

const LINE_RATE = 8000;
const FRAME = 160;
// The low-pass before samples are left out, as a table: so many taps, in so many positions between two samples.
const TAPS = 96;
const PHASES = 32;
const CUTOFF = 3600;
// So much is waited for before the first is heard, so long, and so much is kept at the most, in samples.
const AHEAD = 480;
const PATIENCE = 0.12;
const MOST = LINE_RATE * 2;

function lowPass() {
  const cut = CUTOFF / sampleRate;
  return Array.from({ length: PHASES }, (_, phase) => {
    const taps = Float32Array.from({ length: TAPS }, (_, tap) => {
      const x = tap - (TAPS - 1) / 2 - phase / PHASES;
      const sinc = x === 0 ? 2 * cut : Math.sin(2 * Math.PI * cut * x) / (Math.PI * x);
      return sinc * (0.54 + 0.46 * Math.cos((2 * Math.PI * x) / TAPS));
    });
    const sum = taps.reduce((all, one) => all + one, 0);
    return taps.map((one) => one / sum);
  });
}

// Hands out frames of 20 ms of what is spoken, at the line's rate.
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.filter = lowPass();
    this.past = new Float32Array(0);
    this.at = 0;
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  }

  process(inputs) {
    const input = inputs[0][0];
    if (!input) return true;
    const sound = new Float32Array(this.past.length + input.length);
    sound.set(this.past);
    sound.set(input, this.past.length);
    const step = sampleRate / LINE_RATE;
    for (; this.at + TAPS < sound.length; this.at += step) this.put(sound);
    const done = Math.floor(this.at);
    this.past = sound.slice(done);
    this.at -= done;
    return true;
  }

  put(sound) {
    const from = Math.floor(this.at);
    const taps = this.filter[Math.floor((this.at - from) * PHASES)];
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap += 1) sum += taps[tap] * sound[from + tap];
    this.frame[this.filled] = Math.max(-32768, Math.min(32767, Math.round(sum * 32767)));
    this.filled += 1;
    if (this.filled < FRAME) return;
    this.port.postMessage(this.frame.slice());
    this.filled = 0;
  }
}

// Plays the frames it is handed, with a little patience for those that come late.
class Earpiece extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frames = [];
    this.waiting = 0;
    this.at = 0;
    this.pausing = true;
    this.paused = 0;
    this.port.onmessage = (message) => this.take(message.data);
  }

  take(frame) {
    this.frames.push(frame);
    this.waiting += frame.length;
    while (this.waiting > MOST) this.waiting -= this.frames.shift().length;
  }

  process(_, outputs) {
    const output = outputs[0][0];
    this.paused += output.length / sampleRate;
    if (this.pausing && this.waiting >= (this.paused > PATIENCE ? 1 : AHEAD)) this.pausing = false;
    for (let sample = 0; sample < output.length && !this.pausing; sample += 1) output[sample] = this.next();
    return true;
  }

  next() {
    const frame = this.frames[0];
    if (!frame) {
      this.pausing = true;
      this.paused = 0;
      return 0;
    }
    const from = Math.floor(this.at);
    const after = from + 1 < frame.length ? frame[from + 1] : (this.frames[1]?.[0] ?? 0);
    const value = frame[from] + (after - frame[from]) * (this.at - from);
    this.at += LINE_RATE / sampleRate;
    if (this.at >= frame.length) {
      this.at -= frame.length;
      this.waiting -= frame.length;
      this.frames.shift();
    }
    return value / 32768;
  }
}

registerProcessor("microphone", Microphone);
registerProcessor("earpiece", Earpiece);
