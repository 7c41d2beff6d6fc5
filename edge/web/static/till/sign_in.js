// Signing in: the till, then the PIN on a pad whose keys never change place.

import { ask, Refused } from "./api.js";
import { el, icon, setDisabled, setText } from "./dom.js";
import { errorText, nameOf, t } from "./words.js";

const PIN_MAX = 12;

export class SignIn {
  constructor(root, onDone) {
    this.root = root;
    this.onDone = onDone;
    this.pin = "";
    this.till = null;
    this.busy = false;
    this.locked_until_ms = 0;
  }

  get open() {
    return !this.root.hidden;
  }

  show(tills, till, store, extras, note) {
    this.tills = tills;
    this.till = tills.includes(till) ? till : tills[0];
    this.pin = "";
    this.extras = extras;
    this.store = store;
    this.note = note;
    this.root.hidden = false;
    this.build();
  }

  hide() {
    this.pin = "";
    this.root.hidden = true;
    this.root.replaceChildren();
  }

  build() {
    const digit = (text) => el("button", { class: "key pad", testid: "pin-" + text, text, onclick: () => this.type(text) });
    const erase = el("button", { class: "key pad well", testid: "pin-delete", "aria-label": t("sign_in.delete"), onclick: () => this.erase() }, icon("delete"));
    this.dots = el("output", { id: "pin-dots", testid: "pin-dots" });
    this.message = el("p", { id: "sign-in-message", role: "alert", testid: "sign-in-error" });
    this.enter = el("button", { class: "key primary pin-enter", testid: "sign-in-enter", text: t("sign_in.enter"), onclick: () => this.send() });
    const tills = el("div", { class: "till-choice", role: "group", "aria-label": t("sign_in.till") }, ...this.tills.map((till) =>
      el("button", { class: "key", testid: "till-" + till, "aria-pressed": till === this.till ? "true" : "false", text: t("till.number", { till }),
        onclick: () => { this.till = till; this.build(); this.root.querySelector(`[data-testid="till-${CSS.escape(till)}"]`).focus(); } })));
    this.root.replaceChildren(el("div", { class: "sign-in-card" },
      el("div", { class: "sign-in-side" },
        el("h1", { text: t("sign_in.title") }),
        el("p", { class: "sign-in-store", text: this.store ? nameOf(this.store.name) : "" }),
        el("h2", { text: t("sign_in.till") }), tills,
        this.note ? el("p", { class: "sign-in-note", text: t(this.note) }) : null,
        el("div", { class: "sign-in-extras" }, ...this.extras())),
      el("div", { class: "sign-in-pad" },
        el("p", { class: "pin-label" }, el("span", { text: t("sign_in.pin") }), this.dots), this.message,
        el("div", { class: "pin-keys" },
          ...["7", "8", "9", "4", "5", "6", "1", "2", "3"].map(digit),
          el("button", { class: "key pad well", testid: "pin-clear", text: t("sign_in.clear"), onclick: () => this.set("") }), digit("0"), erase),
        this.enter)));
    this.draw();
  }

  type(text) {
    if (this.pin.length < PIN_MAX && Date.now() >= this.locked_until_ms) this.set(this.pin + text);
  }

  erase() {
    this.set(this.pin.slice(0, -1));
  }

  set(pin) {
    this.pin = pin;
    setText(this.message, "");
    this.draw();
  }

  draw() {
    setText(this.dots, "\u25cf".repeat(this.pin.length));
    this.dots.setAttribute("aria-label", t("sign_in.pin_count", { n: this.pin.length }));
    setDisabled(this.enter, this.busy || !this.pin || Date.now() < this.locked_until_ms);
  }

  /** Keys of the sign-in page; returns whether the key was one of them. */
  key(event) {
    if (/^[0-9]$/.test(event.key)) this.type(event.key);
    else if (event.key === "Backspace") this.erase();
    else if (event.key === "Escape") this.set("");
    // A till that was chosen with the mouse keeps the focus: with a PIN typed, Enter means "sign in" wherever it is.
    else if (event.key === "Enter" && (this.pin || document.activeElement?.tagName !== "BUTTON")) this.send();
    else return false;
    return true;
  }

  async send() {
    if (this.busy || !this.pin || Date.now() < this.locked_until_ms) return;
    this.busy = true;
    this.draw();
    try {
      const { body } = await ask("POST", "/session", { body: { pin: this.pin, till: this.till } });
      this.busy = false;
      this.onDone(body);
    } catch (error) {
      this.busy = false;
      this.pin = "";
      this.draw();
      this.refuse(error);
    }
  }

  refuse(error) {
    if (!(error instanceof Refused)) {
      setText(this.message, t("notice.node_away"));
      return;
    }
    const wait_s = Number(error.details.retry_after_s) || 0;
    if (wait_s > 0) this.lock(wait_s);
    else setText(this.message, errorText(error));
  }

  lock(wait_s) {
    this.locked_until_ms = Date.now() + wait_s * 1000;
    const tick = () => {
      const left_s = Math.ceil((this.locked_until_ms - Date.now()) / 1000);
      if (!this.open) return;
      setText(this.message, left_s > 0 ? t("sign_in.locked", { s: left_s }) : "");
      this.draw();
      if (left_s > 0) setTimeout(tick, 250);
    };
    tick();
  }
}
