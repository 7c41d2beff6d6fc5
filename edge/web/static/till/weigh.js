// The weigh pad: a sheet that takes the weight of a dish sold by weight, from the scale or by keys.
//
// Whoever listens to the scale says so on the window: event "zg-weight" with detail {state, weight_g, reason}; state is
// "stable", "unstable", "trouble" or "none" (this till has no scale), said again at least every two seconds. A weight older than
// that is no weight. The pad says on the window when it wants to hear: "zg-weight-wanted" with detail {wanted}.

import { el, icon, setDisabled, setHidden, setText } from "./dom.js";
import { fit } from "./figures.js";
import { lineFen, startingOptions } from "./menu.js";
import { amount } from "./money.js";
import { getLanguage, hasWord, nameOf, t } from "./words.js";
import { isWeight, kilograms, parseGrams, perText } from "./weights.js";

const FRESH_MS = 3000;
const LOOK_MS = 500;
const STATES = ["stable", "unstable", "trouble", "none"];
const FIGURE_STEPS_PX = [34, 28, 24];

export class WeighPad {
  /** `onWeight(dish, line, weight_g)` gets the weight; `line` is the one to weigh again, or null for a new one. */
  constructor(sheets, onWeight) {
    this.sheets = sheets;
    this.onWeight = onWeight;
    this.heard = null;
    this.unit = "g";
    this.timer = 0;
    window.addEventListener("zg-weight", (event) => this.hear(event.detail));
  }

  get open() {
    return this.sheets.name === "weigh";
  }

  hear(detail) {
    if (!STATES.includes(detail?.state)) return;
    this.heard = { ...detail, at_ms: performance.now() };
    if (this.open) this.drawLive();
  }

  /** What the scale says now: what was heard, or "unknown" when that is old, or "none" when there never was a scale. */
  live() {
    if (!this.heard || this.heard.state === "none") return { state: "none" };
    return performance.now() - this.heard.at_ms > FRESH_MS ? { state: "unknown" } : this.heard;
  }

  usable() {
    const live = this.live();
    return live.state === "stable" && isWeight(live.weight_g) ? live.weight_g : null;
  }

  want(wanted) {
    clearInterval(this.timer);
    this.timer = wanted ? setInterval(() => (this.open ? this.drawLive() : this.want(false)), LOOK_MS) : 0;
    window.dispatchEvent(new CustomEvent("zg-weight-wanted", { detail: { wanted } }));
  }

  /** Draw the open sheet; what was typed stays unless it is another weighing. */
  draw({ dish, line }) {
    const asked = this.sheets.extra;
    if (asked !== this.asked) {
      this.asked = asked;
      this.text = "";
      this.unit = "g";
      this.full = false;
      this.want(true);
    } else if (this.language === getLanguage() && this.sheets.drawn) return;
    this.language = getLanguage();
    this.dish = dish;
    this.line = line;
    this.build();
    this.drawTyped();
    this.drawLive();
  }

  key(label, testid, press, className = "key pad") {
    const button = el("button", { class: className, testid, onclick: press });
    button.append(label);
    return button;
  }

  build() {
    const { dish } = this;
    const digits = (row) => [...row].map((digit) => this.key(digit, "weigh-" + digit, () => this.type(digit)));
    const erase = this.key(icon("delete"), "weigh-delete", () => this.erase(), "key pad well");
    erase.setAttribute("aria-label", t("pay.delete"));
    this.units = { g: t("weigh.grams"), kg: t("weigh.kilograms") };
    this.unitKeys = Object.entries(this.units).map(([unit, word]) => [unit, this.key(word, "weigh-unit-" + unit, () => this.useUnit(unit), "key pad well")]);
    this.view = {
      live: el("p", { class: "weigh-live" }),
      figure: el("strong", { testid: "weigh-live" }),
      state: el("em", { role: "status", testid: "weigh-state" }),
      typed: el("strong", { testid: "weigh-typed", tabindex: "-1", "data-first": true }),
      fen: el("strong", { testid: "weigh-amount" }),
      check: el("p", { class: "weigh-check", role: "status", testid: "weigh-check" }),
      use: this.key("", "weigh-use", () => this.finish(this.usable()), "key ink"),
      add: this.key("", "weigh-add", () => this.finish(this.grams()), "key primary"),
    };
    const { view } = this;
    view.live.append(el("span", { text: t("weigh.on_scale") }), view.figure, view.state);
    const pad = el("div", { class: "weigh-pad", role: "group", "aria-label": t("pay.numpad") },
      ...digits("789"), erase, ...digits("456"), this.key(t("pay.clear"), "weigh-clear", () => this.set(""), "key pad well"),
      ...digits("123"), this.unitKeys[0][1], ...digits("0"), this.key("00", "weigh-00", () => this.type("00")), this.key(".", "weigh-point", () => this.type(".")), this.unitKeys[1][1]);
    this.sheets.frame(t("weigh.title", { dish: nameOf(dish.name) }), [
      el("div", { class: "weigh" },
        el("div", { class: "weigh-facts" },
          el("p", {}, el("span", { text: t("weigh.price") }), el("b", { text: amount(dish.price_fen) + "/" + perText(dish.per_g) })),
          view.live,
          el("p", {}, el("span", { text: t("weigh.typed") }), view.typed),
          el("p", { class: "weigh-sum" }, el("span", { text: t("weigh.amount") }), view.fen),
          view.check),
        pad),
    ], [view.use, view.add]);
  }

  grams() {
    // What went beyond the bounds is not the weight that was meant, so its first digits are not taken for it.
    if (this.full) return null;
    const grams = parseGrams(this.text, this.unit);
    return isWeight(grams) ? grams : null;
  }

  type(text) {
    const next = this.text + text;
    // A point in grams means that kilograms are being typed.
    const unit = text === "." && this.unit === "g" ? "kg" : this.unit;
    const clean = next.startsWith(".") ? "0" + next : next.replace(/^0+(?=\d)/, "");
    const grams = parseGrams(clean, unit);
    if (Number.isNaN(grams)) return;
    this.full = grams > 0 && !isWeight(grams);
    if (!this.full) {
      this.unit = unit;
      this.text = clean;
    }
    this.drawTyped();
  }

  erase() {
    this.set(this.text.slice(0, -1));
  }

  set(text) {
    this.text = text;
    this.full = false;
    this.drawTyped();
  }

  /** Other unit, same digits where they can be read in it. */
  useUnit(unit) {
    this.unit = unit;
    const grams = parseGrams(this.text, unit);
    this.set(Number.isNaN(grams) || (grams > 0 && !isWeight(grams)) ? "" : this.text);
  }

  /** Returns whether the key belonged to the pad. */
  press(key) {
    if (/^[0-9.]$/.test(key)) this.type(key);
    else if (key === "Backspace") this.erase();
    else if (key === "Delete") this.set("");
    else if (key.toLowerCase() === "g") this.useUnit("g");
    else if (key.toLowerCase() === "k") this.useUnit("kg");
    else if (key === "Enter" && !document.activeElement?.matches("button:not(.pad)")) this.finish(this.text ? this.grams() : this.usable());
    else return false;
    return true;
  }

  finish(weight_g) {
    if (weight_g === null) return;
    const { dish, line } = this;
    this.sheets.close();
    this.want(false);
    this.onWeight(dish, line, weight_g);
  }

  fen(weight_g) {
    const modifiers = this.line ? this.line.modifiers : startingOptions(this.dish);
    return lineFen(this.sheets.app.menu, { dish_id: this.dish.id, qty: 1, modifiers, weight_g });
  }

  drawTyped() {
    const { view } = this;
    const grams = this.grams();
    fit(view.typed, this.text === "" ? "\u2014" : this.text + (this.unit === "kg" ? "kg" : "g"), FIGURE_STEPS_PX);
    for (const [unit, key] of this.unitKeys) key.setAttribute("aria-pressed", unit === this.unit ? "true" : "false");
    setText(view.check, this.full ? t("weigh.range") : "");
    setText(view.add, grams === null ? t("weigh.type_it") : t(this.line ? "weigh.change" : "weigh.add", { weight: kilograms(grams) }));
    setDisabled(view.add, grams === null);
    this.drawSum();
  }

  /** What the weight would cost: the typed one, else the one on the scale. */
  drawSum() {
    const weight_g = this.text ? this.grams() : this.usable();
    const fen = weight_g === null ? null : this.fen(weight_g);
    fit(this.view.fen, fen === null ? "\u2014" : amount(fen), FIGURE_STEPS_PX);
  }

  stateText(live) {
    if (live.state === "trouble") return t("weigh.reason_" + (hasWord("weigh.reason_" + live.reason) ? live.reason : "error"));
    if (live.state === "stable" && !isWeight(live.weight_g)) return t(live.weight_g > 0 ? "weigh.range" : "weigh.empty");
    return live.state === "none" ? "" : t("weigh." + live.state);
  }

  drawLive() {
    const { view } = this;
    const live = this.live();
    const usable = this.usable();
    setHidden(view.live, live.state === "none");
    setHidden(view.use, live.state === "none");
    const known = live.state === "stable" || (live.state === "unstable" && live.weight_g > 0);
    fit(view.figure, known ? kilograms(Math.max(0, Math.round(live.weight_g))) : "\u2014", FIGURE_STEPS_PX);
    view.live.dataset.state = usable === null && live.state === "stable" ? "trouble" : live.state;
    setText(view.state, this.stateText(live));
    setText(view.use, usable === null ? t("weigh.use_none") : t("weigh.use", { weight: kilograms(usable) }));
    setDisabled(view.use, usable === null);
    this.drawSum();
  }
}
