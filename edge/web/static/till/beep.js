// Short sounds: taken, not taken, and somebody waits. Silent where this terminal is muted, and where the browser plays nothing yet.

import { isMuted } from "./settings.js";

const TAKEN = [[1320, 0.07]];
const REFUSED = [[330, 0.12], [220, 0.16]];
const WAITS = [[880, 0.1], [1175, 0.1], [880, 0.16]];
const VOLUME = 0.08;
let context = null;

function play(tones) {
  // Before the first touch a browser refuses to play, and says so in its console.
  if (isMuted() || !("AudioContext" in window) || !navigator.userActivation?.hasBeenActive) return;
  context ??= new AudioContext();
  let at_s = context.currentTime;
  for (const [hertz, length_s] of tones) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(VOLUME, at_s);
    volume.gain.setTargetAtTime(0, at_s + length_s * 0.7, 0.02);
    tone.connect(volume).connect(context.destination);
    tone.start(at_s);
    tone.stop(at_s + length_s);
    at_s += length_s;
  }
}

export function beep(taken) {
  play(taken ? TAKEN : REFUSED);
}

/** Guests' lines to confirm, or an order from outside: heard across the counter. */
export function ring() {
  play(WAITS);
}
