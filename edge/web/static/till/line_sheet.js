// The sheet of one line of an order: what can be done to it, as a list; each asks only for what it needs.

import { askFor } from "./ask_sheet.js";
import { el } from "./dom.js";
import { amount } from "./money.js";
import { nameOf, t } from "./words.js";

const SEATS_MAX = 99;
const COURSE_MAX = 9;
const QTY_MAX = 999;

/** id, the action of the role table that it needs ("" = none), whether the line may have it now, what it does. */
const ACTS = [
  ["qty", "", (line) => !line.waits && !line.per_g, (sheet, line) => sheet.quantity(line)],
  ["note", "", (line) => line.unsent === line.qty, (sheet, line) => sheet.note(line)],
  ["seat", "", () => true, (sheet, line) => sheet.seat(line)],
  ["course", "", (line) => line.unsent === line.qty, (sheet, line) => sheet.course(line)],
  ["gift", "gift", (line) => !line.waits, (sheet, line) => sheet.gift(line)],
  ["discount", "discount", (line) => !line.waits && !line.gift, (sheet, line) => sheet.discount(line)],
  ["price", "override_price", (line) => !line.waits && !line.gift, (sheet, line) => sheet.price(line)],
  ["chase", "send", (line) => line.qty > line.unsent + line.held && !line.done, (sheet, line) => sheet.name([line], "chase")],
  ["fire", "send", (line) => line.held > 0, (sheet, line) => sheet.name([line], "fire")],
  ["stock", "stock", () => true, (sheet, line) => sheet.app.stock.show(line.dish_id)],
  ["void", "void_line", (line) => !line.waits, (sheet, line) => sheet.void(line)],
];

export function reasons(what) {
  return [1, 2, 3].map((n) => t(`tables.reason_${what}_${n}`));
}

export class LineSheet {
  constructor(app) {
    this.app = app;
  }

  /** May they do it, alone or with another person's word? */
  allowed(action) {
    return !action || this.app.may(action) || this.app.asks(action);
  }

  show() {
    const { app } = this;
    const line = app.tab.line();
    if (!line) return;
    if (line.waits) {
      this.showGuest(line);
      return;
    }
    app.sheets.show("line", { draw: (sheets) => sheets.frame(`${line.qty} \u00d7 ${nameOf(line.name)}`, [
      el("div", { class: "more-keys" }, ...ACTS.filter(([, action, when]) => this.allowed(action) && when(line)).map(([id, action, , act]) =>
        el("button", { class: id === "void" ? "key danger" : "key", testid: "line-" + id, onclick: () => { app.sheets.close(); act(this, line); } },
          el("span", { text: t("tables.line_" + id) + (id === "gift" && line.gift ? t("tables.take_back") : "") }), action && !app.may(action) && action !== "void_line" ? el("small", { text: t("more.asks") }) : null))),
    ], []) });
  }

  showGuest(line) {
    const { app } = this;
    const act = (accepted) => { app.sheets.close(); app.tab.do([{ do: "confirm", line_ids: [line.key], accepted }]); };
    app.sheets.show("guest-line", { draw: (sheets) => sheets.frame(`${line.qty} \u00d7 ${nameOf(line.name)}`, [el("p", { class: "says", text: t("tables.waits_says") })], [
      el("button", { class: "key", testid: "guest-decline", text: t("tables.decline"), onclick: () => act(false) }),
      el("button", { class: "key primary", testid: "guest-accept", text: t("tables.accept"), onclick: () => act(true) })]) });
  }

  async quantity(line) {
    const said = await askFor(this.app, { name: "line-qty", title: nameOf(line.name), primary: t("tables.set"),
      fields: [{ name: "qty", kind: "count", label: t("tables.line_qty"), value: line.qty, min: Math.max(1, line.qty - line.free), max: QTY_MAX }] });
    if (said && said.qty !== line.qty) this.app.tab.more(line.key, said.qty - line.qty);
  }

  async note(line) {
    const said = await askFor(this.app, { name: "line-note", title: nameOf(line.name), primary: t("tables.set"),
      fields: [{ name: "note", kind: "text", label: t("tables.line_note"), value: line.note, max: 60, optional: true, chips: [1, 2, 3].map((n) => t("tables.note_" + n)) }] });
    if (said) this.app.tab.change(line.key, { note: said.note ?? "" });
  }

  async seat(line) {
    const said = await askFor(this.app, { name: "line-seat", title: nameOf(line.name), primary: t("tables.set"),
      fields: [{ name: "seat", kind: "count", label: t("tables.line_seat"), value: line.seat || 1, min: 0, max: SEATS_MAX }] });
    if (said) this.app.tab.change(line.key, { seat: said.seat });
  }

  async course(line) {
    const said = await askFor(this.app, { name: "line-course", title: nameOf(line.name), primary: t("tables.set"), works: t("tables.course_says"),
      fields: [{ name: "course", kind: "count", label: t("tables.line_course"), value: line.course, min: 0, max: COURSE_MAX }] });
    if (said) this.app.tab.change(line.key, { course: said.course });
  }

  async gift(line) {
    if (line.gift) {
      this.app.tab.do([{ do: "price", line_id: line.key, gift: false }]);
      return;
    }
    const said = await this.why("gift", line, []);
    if (said) this.app.tab.do([{ do: "price", line_id: line.key, gift: true, reason: said.reason }], [{ do: "price", line_id: line.key, gift: false }]);
  }

  async discount(line) {
    const said = await askDiscount(this.app, nameOf(line.name), line.amount_fen);
    if (!said) return;
    const rate = said.rate_bp !== undefined;
    // A discount that takes another one's place is not taken back by a key: that one had a reason of its own.
    const back = line.rate_bp || line.discount_fen ? null : [{ do: "price", line_id: line.key, ...(rate ? { rate_bp: 0 } : { discount_fen: 0 }) }];
    this.app.tab.do([{ do: "price", line_id: line.key, ...(rate ? { rate_bp: said.rate_bp } : { discount_fen: said.amount_fen }), reason: said.reason }], back);
  }

  async price(line) {
    const said = await this.why("price", line, [{ name: "unit_fen", kind: "amount", label: t("tables.price"), value: line.unit_fen, min: 0 }]);
    if (said) this.app.tab.do([{ do: "price", line_id: line.key, unit_fen: said.unit_fen, reason: said.reason }], [{ do: "price", line_id: line.key, unit_fen: line.unit_fen, reason: said.reason }]);
  }

  /** Taken away: freely before the kitchen has it, with a reason afterwards. */
  async void(line) {
    const sent = line.free < line.qty;
    const said = await askFor(this.app, { name: "line-void", title: t("tables.line_void") + " " + nameOf(line.name), primary: t("tables.void_go"), danger: true,
      works: t(sent ? "tables.void_sent" : "tables.void_free"),
      fields: [{ name: "qty", kind: "count", label: t("tables.line_qty"), value: line.qty, max: line.qty },
        { name: "reason", kind: "text", label: t("reason.label"), max: 60, optional: !sent, chips: reasons("void") }] });
    if (!said) return;
    this.app.tab.seen.delete(said.qty === line.qty && !sent ? line.key : "");
    this.app.tab.do([{ do: "void", line_id: line.key, qty: said.qty, reason: said.reason ?? "" }]);
  }

  name(lines, act) {
    this.app.tab.do([{ do: act, line_ids: lines.map((line) => line.key) }]);
  }

  why(what, line, fields) {
    return askFor(this.app, { name: "line-" + what, title: t("tables.line_" + what) + " " + nameOf(line.name), primary: t("tables.set"),
      fields: [...fields, { name: "reason", kind: "text", label: t("reason.label"), max: 60, chips: reasons("gift") }] });
  }
}

/** A discount by rate or by amount, with its reason: {rate_bp | amount_fen, reason}, or null. */
export async function askDiscount(app, title, of_fen) {
  const said = await askFor(app, {
    name: "discount", title: t("tables.line_discount") + " " + title, works: t("tables.discount_of", { amount: amount(of_fen) }), primary: t("tables.set"),
    fields: [{ name: "by", kind: "choice", label: t("tables.discount_by"), value: "rate", options: [["rate", t("tables.by_rate")], ["amount", t("tables.by_amount")]] },
      { name: "value", kind: "amount", label: t("tables.discount_value"), min: 0 },
      { name: "reason", kind: "text", label: t("reason.label"), max: 60, chips: reasons("discount") }],
    check: ({ by, value }) => (by === "rate" && value > 10_000 ? t("tables.rate_max") : by === "amount" && value > of_fen ? t("tables.amount_max") : null),
  });
  if (!said) return null;
  // Ten per cent are typed as "10", which the pad reads as 10.00: hundredths of a per cent are basis points.
  return said.by === "rate" ? { rate_bp: said.value, reason: said.reason } : { amount_fen: said.value, reason: said.reason };
}
