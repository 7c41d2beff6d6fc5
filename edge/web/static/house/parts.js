// What the pages of the house are drawn of: headings, fields, tables, figures; a form keeps its request id until it is answered.

import { ask, Refused } from "../till/api.js";
import { el } from "../till/dom.js";
import { uuid7 } from "../till/ids.js";
import { t } from "../till/words.js";
import { dayOf } from "../wall_clock.js";

let made = 0;

export function section(title, ...body) {
  const id = `section-${(made += 1)}`;
  return el("section", { "aria-labelledby": id }, el("h2", { id, text: title }), ...body.filter(Boolean));
}

export function key(word, testid, press, more = {}) {
  return el("button", { class: "key", testid, text: word, onclick: press, ...more });
}

/** A field with its label; `options` [[value, word]] make it a list to choose from. */
export function field({ name, label, value = "", options = null, tick = false, ...more }) {
  const id = `field-${(made += 1)}`;
  const attrs = { id, name, testid: "field-" + name, ...more };
  const input = options ? el("select", attrs, ...options.map(([each, word]) => el("option", { value: each, text: word })))
    : el("input", { type: tick ? "checkbox" : "text", autocomplete: "off", ...attrs });
  if (tick) input.checked = Boolean(value);
  else input.value = value;
  return { input, row: el("p", { class: tick ? "fill tick" : "fill" }, el("label", { for: id, text: label }), input) };
}

/** Rows under a head of [word, "right" | ""]; each cell is a text, a node or null. */
export function table(testid, heads, rows) {
  const cell = (tag, content, at) => el(tag, { class: heads[at][1] || null, scope: tag === "th" ? "col" : null, "data-head": tag === "td" ? heads[at][0] : null },
    ...(content instanceof Node ? [content] : [document.createTextNode(content ?? "")]));
  return el("div", { class: "wide" }, el("table", { testid },
    el("thead", {}, el("tr", {}, ...heads.map(([word], at) => cell("th", word, at)))),
    el("tbody", {}, ...rows.map((row) => el("tr", row.attrs ?? {}, ...(row.cells ?? row).map((content, at) => cell("td", content, at)))))));
}

/** Figures in a band: [word, value, testid]. */
export function figures(rows) {
  return el("dl", { class: "band" }, ...rows.map(([word, value, testid]) => el("div", {}, el("dt", { text: word }), el("dd", { testid, text: value }))));
}

/** The texts of a form's fields, by their names. */
export function texts(fields) {
  return Object.fromEntries(fields.map(({ input }) => [input.name, input.type === "checkbox" ? input.checked : input.value.trim()]));
}

/** A deed of the house: its id is drawn before the first try and kept until it was done, so that a lost answer is asked for again. */
export class Deed {
  constructor() {
    this.request_id = uuid7();
  }

  async send(path, body, timeout_ms = 15000) {
    try {
      const { body: answer } = await ask("POST", path, { body: { request_id: this.request_id, ...body }, timeout_ms });
      this.request_id = uuid7();
      return answer;
    } catch (error) {
      // Where nobody answered the same question is asked again under the same id; a refusal left nothing behind.
      if (error instanceof Refused) this.request_id = uuid7();
      throw error;
    }
  }
}

export function today(shift = 0) {
  return dayOf(Date.now() + shift * 86_400_000);
}

/** A state in a shape and a word, never by colour alone: ok, look, wrong. */
export function state(how, word) {
  return el("span", { class: "state " + how }, el("i", { class: "dot " + how, "aria-hidden": "true" }), el("span", { text: word ?? t("house.how_" + how) }));
}
