// Signing in: the till, then the PIN on a pad whose keys never change place.

import { ask, Refused } from "./api.js";
import { beep } from "./beep.js";
import { el, icon, setDisabled, setText } from "./dom.js";
import { errorText, nameOf, t } from "./words.js";
import { secondOf } from "../wall_clock.js";

const PIN_MAX = 12;
const BADGE_TRIES = 10;
const BADGE_EVERY_MS = 1000;

export class SignIn {
  constructor(root, onDone) {
    this.root = root;
    this.onDone = onDone;
    this.pin = "";
    this.till = null;
    this.person_id = "";
    this.reading = false;
    this.busy = false;
    // The node locks one till and lets the others go on, so each has a time of its own.
    this.locks_ms = new Map();
    this.timer = 0;
  }

  get locked_until_ms() {
    return this.locks_ms.get(this.till) ?? 0;
  }

  get locked() {
    return Date.now() < this.locked_until_ms;
  }

  get open() {
    return !this.root.hidden;
  }

  show(tills, till, store, extras, note) {
    this.tills = tills;
    const wanted = this.open && tills.includes(this.till) ? this.till : till;
    this.till = tills.includes(wanted) ? wanted : tills[0];
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
        onclick: (event) => this.choose(till, event.detail === 0) })));
    this.root.replaceChildren(el("div", { class: "sign-in-card" },
      el("div", { class: "sign-in-side" },
        el("h1", { text: t("sign_in.title") }),
        el("p", { class: "sign-in-store", text: this.store ? nameOf(this.store.name) : "" }),
        el("h2", { text: t("sign_in.till") }), tills,
        this.note ? el("p", { class: "sign-in-note", text: t(this.note) }) : null,
        el("div", { class: "sign-in-extras" }, el("button", { class: "fn", testid: "sign-in-badge", text: t("sign_in.badge"), onclick: () => this.readBadge() }), ...this.extras())),
      el("div", { class: "sign-in-pad" },
        el("p", { class: "pin-label" }, el("span", { text: t("sign_in.pin") }), this.dots), this.message,
        el("div", { class: "pin-keys" },
          ...["7", "8", "9", "4", "5", "6", "1", "2", "3"].map(digit),
          el("button", { class: "key pad well", testid: "pin-clear", text: t("sign_in.clear"), onclick: () => this.set("") }), digit("0"), erase),
        this.enter)));
    this.tick();
  }

  /** Take `till`; the focus stays on its key only for somebody who came there by keyboard. */
  choose(till, by_keyboard) {
    this.till = till;
    this.build();
    if (by_keyboard) this.root.querySelector(`[data-testid="till-${CSS.escape(till)}"]`).focus();
  }

  type(text) {
    if (this.pin.length < PIN_MAX) this.set(this.pin + text);
  }

  erase() {
    this.set(this.pin.slice(0, -1));
  }

  /** Take `pin` as what is typed so far; while the till is locked nothing gathers. */
  set(pin) {
    if (this.locked) return;
    this.pin = pin;
    setText(this.message, "");
    this.draw();
  }

  draw() {
    const n = this.pin.length;
    setText(this.dots, "\u25cf".repeat(n));
    this.dots.setAttribute("aria-label", n === 1 ? t("sign_in.pin_count_one") : t("sign_in.pin_count", { n }));
    for (const key of this.root.querySelectorAll(".pin-keys button")) setDisabled(key, this.locked);
    setDisabled(this.enter, this.busy || !this.pin || this.locked);
  }

  /** Keys of the sign-in page; returns whether the key was one of them. */
  key(event) {
    if (/^[0-9]$/.test(event.key)) this.type(event.key);
    else if (event.key === "Backspace") this.erase();
    else if (event.key === "Escape") this.set("");
    else if (event.key === "Enter" && this.enterSends()) this.send();
    else return false;
    return true;
  }

  /** Enter presses the key that has the focus, but on the till that is chosen already it means "sign in" once there is a PIN. */
  enterSends() {
    const at = document.activeElement;
    if (at?.tagName !== "BUTTON") return true;
    return Boolean(this.pin) && at.closest(".till-choice") !== null && at.getAttribute("aria-pressed") === "true";
  }

  async send() {
    if (this.busy || !this.pin || this.locked) return;
    this.busy = true;
    this.draw();
    const { till } = this;
    try {
      const { body } = await ask("POST", "/session", { body: { pin: this.pin, till, ...(this.person_id ? { person_id: this.person_id } : {}) } });
      this.person_id = "";
      this.busy = false;
      this.onDone(body);
    } catch (error) {
      this.busy = false;
      this.pin = "";
      this.draw();
      this.refuse(error, till);
    }
  }

  /** A badge from a scanner that types. */
  async useBadge(text) {
    if (this.busy || this.locked) return;
    try {
      const { body } = await ask("POST", "/session", { body: { badge: text, till: this.till } });
      beep(true);
      this.onDone(body);
    } catch (error) {
      beep(false);
      if (error.code === "wrong_pin") setText(this.message, t("sign_in.badge_unknown"));
      else this.refuse(error, this.till);
    }
  }

  /** A badge that the till's reader or scanner sees within the next seconds. */
  async readBadge() {
    if (this.reading || this.locked) return;
    this.reading = true;
    setText(this.message, t("sign_in.badge_now"));
    const { till } = this;
    for (let tries = 0; tries < BADGE_TRIES && this.open && this.till === till; tries += 1) {
      try {
        const { body } = await ask("POST", "/session", { body: { scanned: true, till } });
        this.reading = false;
        this.onDone(body);
        return;
      } catch (error) {
        if (error.code !== "no_badge") {
          this.reading = false;
          if (error.code === "wrong_pin") setText(this.message, t("sign_in.badge_unknown"));
          else this.refuse(error, till);
          return;
        }
      }
      await new Promise((resolve) => { setTimeout(resolve, BADGE_EVERY_MS); });
    }
    this.reading = false;
    if (this.open) setText(this.message, t("error.no_badge"));
  }

  /** After too many wrong PINs the till asks for a name; somebody senior names themselves. */
  async chooseSenior() {
    try {
      const { body } = await ask("GET", "/sign-in");
      const seniors = body.people.filter((one) => one.role !== "cashier");
      this.message.after(el("div", { class: "till-choice", role: "group" }, ...seniors.map((one) => el("button", { class: "key", testid: "senior-" + one.id, "aria-pressed": "false", text: one.name,
        onclick: (event) => {
          this.person_id = one.id;
          this.locks_ms.delete(this.till);
          for (const key of event.currentTarget.parentNode.children) key.setAttribute("aria-pressed", key === event.currentTarget ? "true" : "false");
          this.set("");
        } }))));
    } catch {
      // The till stays locked for as long as the node said.
    }
  }

  refuse(error, till) {
    if (!(error instanceof Refused)) {
      setText(this.message, t("notice.node_away"));
      return;
    }
    const wait_s = Number(error.details.retry_after_s) || 0;
    if (error.details.senior) this.chooseSenior();
    if (wait_s > 0) this.lock(till, wait_s);
    else setText(this.message, errorText(error));
  }

  lock(till, wait_s) {
    this.locks_ms.set(till, Date.now() + wait_s * 1000);
    this.tick();
  }

  /** Say until when the chosen till is locked, and go on counting for as long as it is. */
  tick() {
    clearTimeout(this.timer);
    if (!this.open) return;
    const until_ms = this.locked_until_ms;
    const left_s = Math.ceil((until_ms - Date.now()) / 1000);
    if (left_s > 0) {
      setText(this.message, t("sign_in.locked", { time: secondOf(until_ms), s: left_s }));
      this.timer = setTimeout(() => this.tick(), 250);
    } else if (this.locks_ms.delete(this.till)) setText(this.message, "");
    this.draw();
  }
}
