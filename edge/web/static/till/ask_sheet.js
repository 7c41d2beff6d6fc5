// A sheet that asks for what a deed needs: amounts and numbers by the pad, a reason by its chips, one of a few. Built once, changed in place.

import { el, icon, setDisabled, setHidden, setText } from "./dom.js";
import { amount, parseAmount, short } from "./money.js";
import { t } from "./words.js";

const AMOUNT_MAX_FEN = 100_000_000;
const COUNT_MAX = 999;
const DIGITS = ["7", "8", "9", "4", "5", "6", "1", "2", "3"];
const NUMERIC = ["amount", "count", "digits", "pin"];

/** Why what stands in a field cannot be sent, as a sentence: it is more than may be; else "". */
function tooMuch(field, text) {
  if (field.max === undefined || text === "") return "";
  if (field.kind === "amount" && parseAmount(text) > field.max) return t("ask.at_most", { most: amount(field.max) });
  return field.kind === "count" && Number(text) > field.max ? t("ask.at_most", { most: field.max }) : "";
}

/** The value of a field as its deed takes it; null where it is missing or cannot be. */
function valueOf(field, text) {
  if (field.kind === "amount") {
    const fen = parseAmount(text);
    return text === "" || Number.isNaN(fen) || fen < (field.min ?? 1) || fen > (field.max ?? AMOUNT_MAX_FEN) ? null : fen;
  }
  if (field.kind === "count") {
    const n = Number(text);
    return text === "" || n < (field.min ?? 1) || n > (field.max ?? COUNT_MAX) ? null : n;
  }
  const trimmed = text.trim();
  return trimmed || field.optional ? trimmed : null;
}

const listed = (text) => text.split(/[\u3001,\uff0c]/).map((word) => word.trim()).filter(Boolean);

/** The words of a list with one of them put in, or taken out where it was there. */
function toggled(text, word) {
  const words = listed(text);
  return (words.includes(word) ? words.filter((each) => each !== word) : [...words, word]).join("\u3001");
}

class AskSheet {
  constructor(app, wanted, done) {
    this.app = app;
    this.wanted = wanted;
    this.done = done;
    // While something is half asked nothing is paid and no scan puts another sheet in its place.
    this.holds = true;
    this.texts = Object.fromEntries(wanted.fields.map((field) => [field.name, this.textOf(field)]));
    this.at = wanted.fields.find((field) => NUMERIC.includes(field.kind))?.name ?? null;
    this.fresh = true;
    this.busy = false;
  }

  textOf(field) {
    if (field.value === undefined || field.value === null) return "";
    return field.kind === "amount" ? short(field.value).replaceAll(",", "") : String(field.value);
  }

  /** Sheets calls this at each change of state; what is half typed must not be drawn anew. */
  draw(sheets) {
    if (sheets.drawn) return;
    this.sheets = sheets;
    this.rows = new Map();
    this.message = el("p", { class: "ask-message", role: "alert", testid: "ask-message" });
    this.go = el("button", { class: this.wanted.danger ? "key danger" : "key primary", testid: "ask-go", text: this.wanted.primary, onclick: () => this.send() });
    const fields = el("div", { class: "ask-fields" }, ...(this.wanted.says ? [el("p", { class: "says", testid: "ask-says", text: this.wanted.says })] : []),
      ...(this.wanted.works ? [el("p", { class: "works", text: this.wanted.works })] : []), ...(this.wanted.more ?? []),
      ...this.wanted.fields.map((field) => this.row(field)), this.message);
    const pad = this.at === null ? null : this.pad();
    sheets.frame(this.wanted.title, [el("div", { class: pad ? "ask" : "ask plain" }, fields, ...(pad ? [pad] : []))],
      [...(this.wanted.keys ?? []).map(([word, testid, press]) => el("button", { class: "key", testid, text: word, onclick: () => press(this) })), this.go]);
    this.update();
  }

  row(field) {
    if (field.kind === "choice") return this.choiceRow(field);
    if (field.kind === "text") return this.textRow(field);
    const value = el("output", { testid: "ask-" + field.name });
    const button = el("button", { class: "ask-field", "aria-pressed": "false", testid: "field-" + field.name,
      onclick: () => { this.at = field.name; this.fresh = true; this.update(); } }, el("span", { text: field.label }), value);
    this.rows.set(field.name, { field, button, value });
    return button;
  }

  choiceRow(field) {
    const keys = field.options.map(([value, word]) => el("button", { class: "key", "data-value": value, testid: `ask-${field.name}-${value}`, text: word,
      onclick: () => { this.texts[field.name] = String(value); this.update(); } }));
    this.rows.set(field.name, { field, keys });
    return el("div", { class: "ask-choice", role: "group", "aria-label": field.label }, el("span", { text: field.label }), el("div", {}, ...keys));
  }

  textRow(field) {
    const input = el("input", { type: field.type ?? "text", maxlength: field.max ?? 80, autocomplete: "off", testid: "ask-" + field.name, "aria-label": field.label,
      oninput: () => { this.texts[field.name] = input.value; this.update(); } });
    input.value = this.texts[field.name];
    const chips = (field.chips ?? []).map((word, i) => el("button", { class: "key", testid: `chip-${field.name}-${i + 1}`, text: word,
      onclick: () => { input.value = field.adds ? toggled(input.value, word) : word; this.texts[field.name] = input.value; this.update(); } }));
    this.rows.set(field.name, { field, input, chips });
    return el("div", { class: "ask-choice" }, el("span", { text: field.label }), ...(chips.length ? [el("div", { role: "group", "aria-label": field.label }, ...chips)] : []), input);
  }

  pad() {
    const key = (word, press, className = "key pad") => el("button", { class: className, testid: "ask-pad-" + word, text: word, onclick: press });
    return el("div", { class: "ask-pad", role: "group", "aria-label": t("pay.numpad") },
      ...DIGITS.map((digit) => key(digit, () => this.type(digit))), this.wanted.fields.some((field) => field.kind === "amount") ? key(".", () => this.type("."), "key pad well")
        : el("button", { class: "key pad well", testid: "ask-pad-clear", text: t("pay.clear"), onclick: () => this.set("") }), key("0", () => this.type("0")),
      el("button", { class: "key pad well", testid: "ask-pad-delete", "aria-label": t("pay.delete"), onclick: () => this.set(this.texts[this.at].slice(0, -1)) }, icon("delete")));
  }

  get takesPin() {
    return this.field()?.kind === "pin";
  }

  field() {
    return this.wanted.fields.find((each) => each.name === this.at);
  }

  type(character) {
    const field = this.field();
    if (!field || !NUMERIC.includes(field.kind)) return;
    const next = (this.fresh ? "" : this.texts[this.at]) + character;
    if (field.kind === "amount") {
      const clean = next.startsWith(".") ? "0" + next : next.replace(/^0+(?=\d)/, "");
      if (Number.isNaN(parseAmount(clean)) || parseAmount(clean) > AMOUNT_MAX_FEN) return;
      // Too much stands there as it was typed and cannot be sent: a digit that is dropped would make it another amount.
      this.set(clean);
    } else if (/^[0-9]$/.test(character)) {
      if (field.kind === "count" && Number(next) > COUNT_MAX) return;
      if (next.length <= (field.chars ?? 32)) this.set(field.kind === "count" ? String(Number(next)) : next);
    } else if (field.letters && /^[A-Za-z-]$/.test(character) && next.length <= (field.chars ?? 32)) this.set(next);
  }

  set(text) {
    this.fresh = false;
    this.texts[this.at] = text;
    this.update();
  }

  /** The fields that are asked as things stand: some only with what another one says. */
  asked() {
    return this.wanted.fields.filter((field) => !field.when || field.when(this.texts));
  }

  values() {
    return Object.fromEntries(this.asked().map((field) => [field.name, valueOf(field, this.texts[field.name])]));
  }

  update() {
    for (const [name, { field, button, value, keys, chips, input }] of this.rows) {
      const text = this.texts[name];
      if (field.when) setHidden(button ?? (input ?? keys[0]).closest(".ask-choice"), !field.when(this.texts));
      if (value) {
        setText(value, field.kind === "pin" ? "\u25cf".repeat(text.length) : field.kind === "amount" ? (text === "" || text.includes(".") ? text : amount(parseAmount(text))) : text);
        button.setAttribute("aria-pressed", name === this.at ? "true" : "false");
      }
      for (const key of keys ?? []) key.setAttribute("aria-pressed", key.dataset.value === text ? "true" : "false");
      for (const chip of chips ?? []) chip.setAttribute("aria-pressed", (field.adds ? listed(text) : [text]).includes(chip.textContent) ? "true" : "false");
    }
    const values = this.values();
    const wrong = Object.values(values).includes(null) ? this.lacking(values) : this.wanted.check?.(values) ?? null;
    setText(this.message, wrong ?? "");
    setDisabled(this.go, this.busy || wrong !== null);
  }

  /** What is too much, or is still to be filled in once something was. */
  lacking(values) {
    const fields = this.asked();
    const over = fields.map((field) => tooMuch(field, this.texts[field.name])).find((text) => text);
    const open = fields.filter((field) => values[field.name] === null && field.label);
    const begun = fields.length > 1 && open.length < fields.length && fields.some((field) => field.kind !== "choice" && this.texts[field.name] !== "");
    return over || (begun && open.length ? t("ask.lacking", { fields: open.map((field) => field.label).join(t("ask.and")) }) : "");
  }

  say(text) {
    this.busy = false;
    this.update();
    setText(this.message, text);
  }

  async send() {
    if (this.go.disabled) return;
    const values = this.values();
    if (!this.wanted.act) {
      this.finish(values);
      return;
    }
    this.busy = true;
    this.update();
    const said = await this.wanted.act(values, this);
    this.busy = false;
    // Nothing said = it is done.
    if (said) this.say(said);
    else this.finish(values);
  }

  finish(values) {
    const { done } = this;
    this.done = null;
    if (this.sheets.extra === this) this.sheets.close();
    done?.(values);
  }

  closed() {
    this.done?.(null);
    this.done = null;
  }

  /** Keys of the sheet; returns whether the key was one of them. */
  key(event) {
    if (event.target.matches?.("input")) {
      if (event.key !== "Enter") return false;
      this.send();
      return true;
    }
    if (event.key === "Enter") {
      if (document.activeElement?.matches("button") && document.activeElement !== this.go && !document.activeElement.closest(".sheet > header")) return false;
      this.send();
      return true;
    }
    if (this.at === null) return false;
    if (event.key === "Backspace") this.set(this.texts[this.at].slice(0, -1));
    else if (event.key.length === 1 && event.key !== " " && event.key !== "?") this.type(event.key);
    else return false;
    return true;
  }

  /** What a scanner that types may change, as a function that puts it back. */
  mark() {
    const before = { ...this.texts };
    return () => {
      Object.assign(this.texts, before);
      for (const [name, { input }] of this.rows) if (input) input.value = this.texts[name];
      this.update();
    };
  }
}

/**
 * Ask for `fields` ({name, kind: amount|count|digits|pin|text|choice, label, value, …}); resolves their values, or null when the sheet was
 * closed. With `act(values)` the sheet stays until it was done: a text that it resolves is shown, nothing means done.
 */
export function askFor(app, wanted) {
  return new Promise((resolve) => {
    app.sheets.show(wanted.name ?? "ask", new AskSheet(app, { fields: [], ...wanted }, resolve));
  });
}
