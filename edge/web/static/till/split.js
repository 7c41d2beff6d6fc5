// Splitting a bill: equal shares, pieces of lines, or a seat. The sheet chooses; the payment page then takes that part.

import { ask } from "./api.js";
import { el, icon } from "./dom.js";
import { amount, money } from "./money.js";
import { sharesOf } from "./pay_tab.js";
import { nameOf, t } from "./words.js";

const SHARES = [2, 3, 4, 5, 6, 8, 10, 12];

export class SplitSheet {
  constructor(app, ways) {
    this.app = app;
    this.ways = ways;
    this.job = ways.job;
    this.order = null;
    this.chosen = new Map();
    this.holds = true;
  }

  async show() {
    this.app.sheets.show("split", this);
    if (!this.job.order) return;
    try {
      this.order = (await ask("GET", "/orders/" + this.job.order.order_id)).body;
      if (this.app.sheets.extra === this) this.app.sheets.draw();
    } catch {
      // Shares need nothing of it.
    }
  }

  lines() {
    return (this.order?.lines ?? []).map(({ line, left_qty, amount_fen }) => ({ ...line, left: left_qty, amount_fen })).filter((line) => line.left > 0);
  }

  draw(sheets) {
    const { job } = this;
    const seats = [...new Set(this.lines().map((line) => line.seat).filter((seat) => seat > 0))].sort((one, other) => one - other);
    const shares = SHARES.map((n) => el("button", { class: "key", testid: "split-" + n, text: t("split.n", { n }), onclick: () => this.share(n) }));
    const some = [...this.chosen.values()].some((qty) => qty > 0);
    sheets.frame(t("split.title", { amount: money(this.ways.tab?.open_fen ?? job.bill_fen) }), [
      el("h3", { text: t("split.equal") }), el("div", { class: "split-keys" }, ...shares),
      ...(job.share ? [el("div", { class: "split-keys" }, el("button", { class: "key", testid: "split-rest", text: t("split.rest"), onclick: () => this.rest() }))] : []),
      el("p", { class: "works", text: t("split.amount") }),
      ...(seats.length ? [el("h3", { text: t("split.seats") }), el("div", { class: "split-keys" }, ...seats.map((seat) =>
        el("button", { class: "key", testid: "split-seat-" + seat, text: t("split.seat", { n: seat }), onclick: () => this.open({ seat }) })))] : []),
      ...(job.order ? [el("h3", { text: t("split.lines") }), el("ul", { class: "split-lines" }, ...this.lines().map((line) => this.row(line)))] : []),
    ], job.order ? [el("button", { class: "key primary", testid: "split-go", disabled: !some, text: t("split.go"), onclick: () => this.open({ lines: this.picked() }) })] : []);
  }

  row(line) {
    const qty = this.chosen.get(line.line_id) ?? 0;
    const set = (next) => { this.chosen.set(line.line_id, Math.max(0, Math.min(line.left, next))); this.app.sheets.draw(); };
    return el("li", { "data-on": qty > 0 ? "" : null }, el("b", { text: `${qty}/${line.left}` }), el("span", { text: nameOf(line.name) }), el("span", { text: amount(line.amount_fen) }),
      el("button", { class: "key", testid: "split-less-" + line.dish_id, "aria-label": t("line.less"), disabled: qty === 0, onclick: () => set(qty - 1) }, icon("minus")),
      el("button", { class: "key", testid: "split-more-" + line.dish_id, "aria-label": t("line.more"), disabled: qty === line.left, onclick: () => set(qty + 1) }, icon("plus")));
  }

  picked() {
    return [...this.chosen].filter(([, qty]) => qty > 0).map(([line_id, qty]) => ({ line_id, qty }));
  }

  share(n) {
    // Shares of what is left now; a dish that is added later is paid with the last one.
    const fens = sharesOf(this.ways.tab.open_fen, n);
    this.app.sheets.close();
    this.ways.paying.openNext(this.job, { k: 1, of: n, fens }, "");
  }

  /** No more shares: one guest pays all that is left. */
  rest() {
    const { job } = this;
    this.app.sheets.close();
    this.ways.dropSplit(job.target);
    this.ways.paying.openNext(job, null, "");
  }

  open(what) {
    this.app.sheets.close();
    const { order_id, title } = this.job.order;
    this.ways.paying.openOrder(order_id, { title, what });
  }
}
