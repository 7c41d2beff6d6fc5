// A scanner that types: a burst of keys that no person types, told apart by its speed (drivers.md section 5.7, onScan.js).
//
// What it typed is taken back from wherever it went, and the text goes on as one scan. Codes are read from the keys
// themselves, so neither an input method nor Caps Lock touches them. Nothing of a burst is kept or logged.

const AVERAGE_MS = 30;
const CHARS_MIN = 6;
const END_MS = 100;
const CHARS_MAX = 4096;
// "3*101" is how a person orders three; no code of ours holds a star.
const TYPED = /^\d{1,9}\*/;

const SHIFTED = {
  Digit1: "!", Digit2: "@", Digit3: "#", Digit4: "$", Digit5: "%", Digit6: "^", Digit7: "&", Digit8: "*", Digit9: "(", Digit0: ")",
  Minus: "_", Equal: "+", BracketLeft: "{", BracketRight: "}", Backslash: "|", Semicolon: ":", Quote: "\"", Backquote: "~",
  Comma: "<", Period: ">", Slash: "?", Space: " ",
};
const PLAIN = {
  Minus: "-", Equal: "=", BracketLeft: "[", BracketRight: "]", Backslash: "\\", Semicolon: ";", Quote: "'", Backquote: "`",
  Comma: ",", Period: ".", Slash: "/", Space: " ", NumpadDecimal: ".", NumpadDivide: "/", NumpadSubtract: "-", NumpadAdd: "+",
  NumpadMultiply: "*",
};

/** The character of a key on the US layout that scanners type in, or "". */
function usCharacter(code, shift) {
  if (/^Key[A-Z]$/.test(code)) return shift ? code[3] : code[3].toLowerCase();
  if (/^Numpad\d$/.test(code)) return code[6];
  if (shift && code in SHIFTED) return SHIFTED[code];
  if (/^Digit\d$/.test(code)) return code[5];
  return PLAIN[code] ?? "";
}

/** What a key typed: its own sign where it is ASCII, else what stands at that place of the US layout (an input method is on). */
function character(event) {
  const ascii = /^[ -~]$/.test(event.key);
  if (!ascii || event.isComposing) return event.key.length === 1 || event.isComposing || event.key === "Process" ? usCharacter(event.code, event.shiftKey) : "";
  if (!event.getModifierState("CapsLock") || !/^[a-z]$/i.test(event.key)) return event.key;
  return event.key === event.key.toUpperCase() ? event.key.toLowerCase() : event.key.toUpperCase();
}

export class Wedge {
  /**
   * `on` has begin(), which gives a function that takes back what the keys of a burst did; wants(text), which says whether
   * a burst is a scan here; and scan(text).
   */
  constructor(on) {
    this.on = on;
    this.reset();
    // Before every other listener: the end of a scan must press no key of the page.
    window.addEventListener("keydown", (event) => this.key(event), { capture: true });
    // A scanner presses nothing in between: what was typed before a touch and after it are two things.
    window.addEventListener("pointerdown", () => this.reset(), { capture: true, passive: true });
  }

  reset() {
    this.text = "";
    this.undo = null;
    this.first_ms = 0;
    this.last_ms = 0;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("input[type=password]")) {
      this.reset();
      return;
    }
    if (event.code === "Enter" || event.code === "NumpadEnter" || event.code === "Tab") {
      this.end(event);
      return;
    }
    if (event.key === "Shift" || event.key === "CapsLock") return;
    const typed = event.repeat ? "" : character(event);
    if (!typed || this.text.length >= CHARS_MAX) {
      this.reset();
      return;
    }
    if (!this.text || event.timeStamp - this.last_ms > END_MS) {
      this.text = "";
      this.first_ms = event.timeStamp;
      this.undo = this.on.begin();
    }
    this.text += typed;
    this.last_ms = event.timeStamp;
  }

  end(event) {
    const { text, undo } = this;
    const scanned = this.isScan(event.timeStamp) && this.on.wants(text);
    this.reset();
    if (!scanned) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    undo();
    this.on.scan(text);
  }

  isScan(now_ms) {
    const { text } = this;
    if (text.length < CHARS_MIN || now_ms - this.last_ms > END_MS || TYPED.test(text)) return false;
    return (this.last_ms - this.first_ms) / (text.length - 1) <= AVERAGE_MS;
  }
}
