// The sound of one phone's call: the line through the loudspeaker, the microphone to the line.
"use strict";

// Echo is taken away, so that the line does not interrupt itself; the rest is left as it was spoken.
const SPOKEN = { audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false } };

class NoSound extends Error {}

class PhoneSound {
  // `changed` is told when hearing or speaking begins or ends, `lost` when the sound broke off in the call.
  constructor(changed, lost) {
    this.changed = changed;
    this.lost = lost;
    this.hears = false;
    this.speaks = false;
  }

  // Hear the line. To be asked for by a click: browsers make no sound before one.
  async hear(sid) {
    if (this.hears) return;
    this.hears = true;
    try {
      await this.begin();
      await this.connect(sid);
    } catch (error) {
      this.end();
      throw error;
    }
    this.changed();
  }

  async begin() {
    if (!window.AudioContext || !window.AudioWorkletNode) throw new NoSound("error_no_sound");
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    this.ready ??= this.context.audioWorklet.addModule("/static/phone-worklets.js");
    await Promise.all([this.ready, this.context.resume()]);
  }

  connect(sid) {
    const soft = new BiquadFilterNode(this.context, { type: "lowpass", frequency: 3800 });
    this.earpiece = new AudioWorkletNode(this.context, "earpiece", { numberOfInputs: 0, outputChannelCount: [1] });
    this.earpiece.connect(soft).connect(this.context.destination);
    const address = new URL(`/handsets/calls/${sid}/sound`, location.href);
    address.protocol = "ws:";
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (message) => this.earpiece?.port.postMessage(new Int16Array(message.data)));
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.end();
      this.lost();
    });
    return new Promise((done, fail) => {
      socket.addEventListener("open", done);
      socket.addEventListener("error", () => fail(new NoSound("error_sound_lost")));
    });
  }

  // Speak by microphone; throws NoSound with the key of the words for what is in the way.
  async speak() {
    if (!navigator.mediaDevices?.getUserMedia) throw new NoSound("error_no_microphone");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(SPOKEN);
    } catch (error) {
      throw new NoSound(error.name === "NotAllowedError" ? "error_microphone_denied" : "error_no_microphone");
    }
    if (!this.hears || this.speaks) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.stream = stream;
    this.source = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    this.microphone = new AudioWorkletNode(this.context, "microphone", { numberOfOutputs: 0 });
    this.microphone.port.onmessage = (message) => {
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message.data);
    };
    this.source.connect(this.microphone);
    this.speaks = true;
    this.changed();
  }

  hush() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.source?.disconnect();
    if (this.microphone) this.microphone.port.onmessage = null;
    this.stream = this.source = this.microphone = null;
    this.speaks = false;
    this.changed();
  }

  end() {
    const socket = this.socket;
    this.socket = null;
    this.hears = false;
    this.hush();
    socket?.close();
    this.earpiece?.disconnect();
    this.earpiece = null;
  }
}
