// Refunds: a sale is found again by its receipt, number, amount or time, and goes back whole, by dishes, or by an amount.

import { ask, Refused } from "./api.js";
import { el } from "./dom.js";
import { amount, money, parseAmount } from "./money.js";
import { ElsewhereSale, openAsks } from "./refund_elsewhere.js";
import { RefundSale } from "./refund_sale.js";
import { errorText, t } from "./words.js";
import { stampOf } from "../wall_clock.js";

const TYPED_MS = 250;

export class RefundPage {
  constructor(desk) {
    this.desk = desk;
    this.sale = null;
    this.found = null;
    this.note = "";
    this.timer = 0;
  }

  get app() {
    return this.desk.app;
  }

  async open(sale_id = null) {
    Object.assign(this, { sale: null, found: null, note: "", texts: { text: "", amount: "", day: "", from: "", to: "" } });
    this.draw();
    if (sale_id) await this.pick(sale_id);
    else await this.find();
  }

  back() {
    if (!this.sale) return false;
    this.sale = null;
    this.note = "";
    this.draw();
    this.find();
    return true;
  }

  scanned(found) {
    if (found.kind === "receipt") this.pick(found.value);
    else this.findText(found.value);
  }

  // --- finding ---

  query() {
    const { text, amount: typed, day, from, to } = this.texts;
    const minute = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
    const query = new URLSearchParams();
    if (text.trim()) query.set("text", text.trim());
    const fen = parseAmount(typed.trim());
    if (typed.trim() && !Number.isNaN(fen)) query.set("amount_fen", String(fen));
    if (day) query.set("day", day);
    if (from) query.set("from", String(minute(from)));
    if (to) query.set("to", String(minute(to)));
    return query.toString();
  }

  findText(text) {
    this.texts.text = text;
    this.sale = null;
    this.draw();
    return this.find();
  }

  async find() {
    const query = this.query();
    try {
      const { body } = await ask("GET", "/sales/find" + (query ? "?" + query : ""));
      if (query !== this.query() || this.sale) return;
      this.found = body.sales;
      this.say("");
    } catch (error) {
      this.say(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    }
    this.drawFound();
  }

  say(text) {
    this.note = text;
    const note = this.desk.work.querySelector("[data-testid=desk-note]");
    if (note) {
      note.textContent = text;
      note.toggleAttribute("data-note", Boolean(text));
    }
  }

  /** A receipt of another store: head office is asked for its sale. */
  async askHead() {
    this.sale = new ElsewhereSale(this, this.texts.text.trim());
    await this.sale.read();
  }

  async pick(sale_id) {
    this.sale = new RefundSale(this, sale_id);
    await this.sale.read();
  }

  draw() {
    if (this.sale) {
      this.sale.draw();
      return;
    }
    const { desk, texts } = this;
    const field = (name, word, type = "text") => {
      const input = el("input", { type, testid: "find-" + name, maxlength: 400, autocomplete: "off", inputmode: name === "amount" ? "decimal" : null, oninput: () => {
        texts[name] = input.value;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.find(), TYPED_MS);
      } });
      input.value = texts[name];
      return el("label", { class: "find-" + name }, el("span", { text: word }), input);
    };
    this.list = el("ul", { class: "desk-list", testid: "found" });
    desk.work.replaceChildren(desk.head(t("refund.title"), this.note),
      el("div", { class: "find" }, field("text", t("refund.by_number")), field("amount", t("refund.by_amount")), field("day", t("refund.by_day"), "date"), field("from", t("refund.from"), "time"), field("to", t("refund.to"), "time")), this.list);
    desk.paper({ title: t("refund.title"), body: [el("p", { text: t("refund.how") })], word: t("refund.back"), figure: amount(0) });
    this.drawFound();
    desk.work.querySelector("input").focus({ focusVisible: false });
  }

  drawFound() {
    if (!this.list || this.sale || !this.found) return;
    this.list.replaceChildren(...(this.found.length ? this.found.map((one) => el("li", {}, el("button", { class: "desk-row", testid: "sale-" + one.receipt_no, onclick: () => this.pick(one.sale_id) },
      el("b", { text: one.receipt_no }), el("span", { text: stampOf(one.at_ms) + (one.refunded_fen ? " · " + t("refund.went_back", { amount: money(one.refunded_fen) }) : "") }), el("span", { text: amount(one.total_fen) }))))
      : [el("li", { class: "quiet", text: t("refund.none") }), ...(this.texts.text.trim() ? [el("li", {}, el("button", { class: "key", testid: "ask-head", text: t("refund.elsewhere"), onclick: () => this.askHead() }))] : [])]));
    if (!this.query()) this.drawOpen();
  }

  async drawOpen() {
    const { list } = this;
    try {
      const rows = await openAsks(this.app, (text) => { this.note = text; if (!this.sale) this.draw(); });
      if (list === this.list) list.prepend(...rows);
    } catch {
      // The list of what is not decided is a help; finding goes on without it.
    }
  }

  key(event) {
    if (event.target.matches?.("input, button")) {
      if (event.key !== "Enter" || !event.target.matches("input") || this.sale) return false;
      if (this.found?.length === 1) this.pick(this.found[0].sale_id);
      return true;
    }
    return false;
  }
}
