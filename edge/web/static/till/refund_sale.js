// One sale that is to go back: what of it, why, by which ways; and the same sale opened again to be paid anew.

import { ask, Refused } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { el, icon } from "./dom.js";
import { showFapiao } from "./fapiao.js";
import { uuid7 } from "./ids.js";
import { amount, money } from "./money.js";
import { pointsPart, pointsSaid } from "./refund_points.js";
import { keep } from "./vault.js";
import { errorText, nameOf, t } from "./words.js";
import { stampOf } from "../wall_clock.js";

const REASONS = 4;

function sentence(error) {
  return error instanceof Refused ? errorText(error) : t("notice.node_away");
}

export class RefundSale {
  constructor(page, sale_id) {
    this.page = page;
    this.sale_id = sale_id;
    this.state = null;
    this.mode = "whole";
    this.pieces = new Map();
    this.amount_fen = 0;
    this.tip = false;
    this.in_cash = false;
    this.points = "owe";
    this.reason = "";
    this.quote = null;
    this.refund_id = uuid7();
    this.order_id = uuid7();
    this.busy = false;
    this.quotePath = "/refunds/quote";
    this.ours = true;
  }

  get app() {
    return this.page.app;
  }

  async read() {
    try {
      await this.look();
      if (this.page.sale !== this) return;
      await this.work();
    } catch (error) {
      this.page.sale = null;
      this.page.note = sentence(error);
      this.page.draw();
    }
  }

  async look() {
    this.state = (await ask("GET", `/sales/${this.sale_id}/refunds`)).body;
  }

  get title() {
    return t("refund.of", { number: this.state.receipt_no });
  }

  get works() {
    return "";
  }

  asked() {
    const what = this.mode === "whole" ? { whole: true } : this.mode === "amount" ? { amount_fen: this.amount_fen }
      : { lines: [...this.pieces].filter(([, qty]) => qty > 0).map(([line, qty]) => ({ line, qty })) };
    return { sale_id: this.sale_id, ...what, ...(this.tip ? { tip: true } : {}), ...(this.in_cash ? { in_cash: true } : {}) };
  }

  get something() {
    return this.mode === "whole" ? this.state.left_fen > 0 : this.mode === "amount" ? this.amount_fen > 0 : [...this.pieces.values()].some((qty) => qty > 0);
  }

  /** Ask the node what would go back; nothing is changed by it. */
  async work() {
    this.quote = null;
    const asked = JSON.stringify(this.asked());
    if (this.something) {
      try {
        const { body } = await ask("POST", this.quotePath, { body: this.asked() });
        if (asked !== JSON.stringify(this.asked())) return;
        this.quote = body;
        this.page.note = "";
      } catch (error) {
        this.page.note = sentence(error);
      }
    }
    if (this.page.sale === this) this.draw();
  }

  draw() {
    const { state } = this;
    const { desk } = this.page;
    if (!state) return;
    const mode = (name, word) => el("button", { class: "key", testid: "refund-" + name, "aria-pressed": this.mode === name ? "true" : "false", text: word, onclick: () => this.choose(name) });
    const toggle = (name, word) => el("button", { class: "key", testid: "refund-" + name.replace("_", "-"), "aria-pressed": this[name] ? "true" : "false", text: word, onclick: () => { this[name] = !this[name]; this.work(); } });
    const cash = state.ways.some((way) => way.kind !== "cash" && way.left_fen > 0);
    desk.work.replaceChildren(desk.head(this.title, this.page.note),
      el("div", { class: "desk-choice", role: "group" }, mode("whole", t("refund.whole")), mode("lines", t("refund.lines")), mode("amount", t("refund.amount")),
        ...(state.tip_left_fen && this.mode !== "whole" ? [toggle("tip", t("refund.tip"))] : []), ...(cash ? [toggle("in_cash", t("refund.in_cash"))] : [])),
      el("ul", { class: "split-lines refund-lines" }, ...state.lines.map((line) => this.row(line))),
      ...state.refunds.map((one) => el("p", { class: "quiet", text: t("refund.earlier", { number: one.receipt_no, amount: money(one.amount_fen), reason: one.reason }) })),
      ...state.left_to.map((one) => el("p", { class: "quiet", testid: "left-to", text: t("refund.left_to", { store: one.store, amount: money(one.amount_fen) }) })),
      this.reasons());
    const ways = (this.quote?.tenders ?? []).map((one) => [t("way." + one.kind) + (one.queued ? " · " + t("refund.queued") : ""), amount(one.amount_fen)]);
    desk.paper({
      title: state.receipt_no, sub: `${stampOf(state.at_ms)} · ${t("till.number", { till: state.till })}`,
      body: [desk.facts([[t("refund.paid"), amount(state.total_fen + state.tip_fen)], ...(state.tip_fen ? [[t("refund.of_it_tip"), amount(state.tip_fen)]] : []), [t("refund.left"), amount(state.left_fen)]]),
        el("h3", { text: t("refund.ways") }), desk.facts(ways),
        ...pointsPart(desk, this.app, this.quote?.points, this.points, (way) => { this.points = way; this.draw(); }),
        ...(this.works ? [el("p", { class: "works", text: this.works })] : []),
        ...(this.quote?.verdict === "ask" ? [el("p", { class: "works", text: t("refund.asks") })] : []), ...(this.quote?.verdict === "denied" ? [el("p", { class: "sheet-error", text: t("refund.denied") })] : []),
        ...(this.ours && this.app.house?.fapiao_url ? [el("button", { class: "key", testid: "fapiao", text: t("fapiao.key"), onclick: () => showFapiao(this.app, this.sale_id) })] : []),
        ...(this.ours && state.refunds.length === 0 && state.left_to.length === 0 && (this.app.may("reverse_sale") || this.app.asks("reverse_sale")) ? [el("button", { class: "key danger", testid: "reverse", text: t("refund.reverse"), onclick: () => this.reverse() })] : [])],
      word: t("refund.back"), figure: amount(this.quote?.amount_fen ?? 0),
      key: desk.primary(t("refund.go", { amount: money(this.quote?.amount_fen ?? 0) }), "refund-go", () => this.give(), this.busy || !this.quote || !this.reason.trim() || this.quote.verdict === "denied"),
    });
  }

  row(line) {
    const qty = this.mode === "whole" ? line.left_qty : this.pieces.get(line.line) ?? 0;
    const set = (next) => { this.pieces.set(line.line, Math.max(0, Math.min(line.left_qty, next))); this.work(); };
    const keys = this.mode !== "lines" ? [el("span"), el("span")] : [
      el("button", { class: "key", testid: "refund-less-" + line.dish_id, "aria-label": t("line.less"), disabled: qty === 0, onclick: () => set(qty - 1) }, icon("minus")),
      el("button", { class: "key", testid: "refund-more-" + line.dish_id, "aria-label": t("line.more"), disabled: qty >= line.left_qty, onclick: () => set(qty + 1) }, icon("plus"))];
    return el("li", { "data-on": this.mode === "lines" && qty > 0 ? "" : null }, el("b", { text: this.mode === "amount" ? String(line.qty) : `${qty}/${line.left_qty}` }), el("span", { text: nameOf(line.name) }), el("span", { text: amount(line.left_fen) }), ...keys);
  }

  reasons() {
    const input = el("input", { type: "text", maxlength: 80, autocomplete: "off", testid: "refund-reason", "aria-label": t("reason.label"), placeholder: t("reason.label"), oninput: () => { this.reason = input.value; this.enable(); } });
    input.value = this.reason;
    const words = Array.from({ length: REASONS }, (_, i) => t(`reason.refund_${i + 1}`));
    return el("div", { class: "ask-choice" }, el("span", { text: t("reason.label") }), el("div", { role: "group", "aria-label": t("reason.label") }, ...words.map((word, i) =>
      el("button", { class: "key", testid: "refund-reason-" + (i + 1), "aria-pressed": this.reason === word ? "true" : "false", text: word, onclick: () => { this.reason = word; this.draw(); } }))), input);
  }

  enable() {
    const go = this.page.desk.side.querySelector("[data-testid=refund-go]");
    if (go) go.disabled = this.busy || !this.quote || !this.reason.trim() || this.quote.verdict === "denied";
  }

  async choose(mode) {
    this.mode = mode;
    if (mode === "amount") {
      const said = await askFor(this.app, { name: "refund-amount", title: t("refund.amount"), primary: t("refund.take"), fields: [{ name: "amount_fen", kind: "amount", label: t("pay.amount"), max: this.state.left_fen, value: this.amount_fen || null }] });
      if (said) this.amount_fen = said.amount_fen;
    }
    await this.work();
  }

  async give() {
    if (this.busy || !this.quote) return;
    const body = { ...this.asked(), refund_id: this.refund_id, reason: this.reason.trim(), shown_fen: this.quote.amount_fen };
    await this.deed(() => withApproval((_, approvals) => this.app.deeds.send("/refunds", { ...body, ...pointsSaid(this.points, approvals) })), (answer) => {
      const queued = answer.tenders.some((one) => one.queued);
      this.page.note = t(queued ? "refund.done_queued" : "refund.done", { number: answer.receipt_no, amount: money(answer.amount_fen) });
      this.toldLast(answer);
      Object.assign(this, { refund_id: uuid7(), pieces: new Map(), amount_fen: 0, reason: "", quote: null, points: "owe" });
    });
  }

  async reverse() {
    if (this.busy) return;
    const said = await askFor(this.app, { name: "reverse", title: t("refund.reverse"), says: t("refund.reverse_says", { amount: money(this.state.left_fen) }), works: t("refund.reverse_works"), primary: t("refund.reverse_go"), danger: true,
      fields: [{ name: "reason", kind: "text", label: t("reason.label"), value: this.reason, chips: [1, 2, 3].map((n) => t("reason.reverse_" + n)) }] });
    if (!said) return;
    const body = { refund_id: this.refund_id, order_id: this.order_id, sale_id: this.sale_id, reason: said.reason, shown_fen: this.state.left_fen, ...(this.in_cash ? { in_cash: true } : {}) };
    await this.deed(() => withApproval((_, approvals) => this.app.deeds.send("/reversals", { ...body, ...pointsSaid(this.points, approvals) })), (answer) => {
      this.page.note = t("refund.reversed", { number: answer.receipt_no });
      this.toldLast(answer);
      this.refund_id = uuid7();
      const { order_id } = this;
      this.order_id = uuid7();
      // Whoever shows orders takes the new one into the slip; what goes back to the guest is said until it was read.
      this.app.toPay.reopened(order_id);
      const ways = answer.tenders.map((one) => `${t("way." + one.kind)} ${money(one.amount_fen)}${one.queued ? " " + t("refund.queued") : ""}`);
      this.app.special = { tone: "fault", icon: "receipt", title: t("notice.reversed", { amount: money(answer.amount_fen) }), sub: ways.join(" \u00b7 "), code: answer.receipt_no, button: t("notice.go_on"), sheet: null };
      this.app.screen.drawStates();
    });
  }

  /** The panel of the sale just saved says that it went back. */
  toldLast(answer) {
    const { app } = this;
    if (app.last?.sale.sale_id !== this.sale_id) return;
    app.last.note = t("last.refunded", { amount: money(answer.amount_fen) });
    keep({ [app.kept("last")]: app.last }).catch(() => {});
  }

  /** Do it once; while the node does not answer the key stays off, and the same refund is asked for again. */
  async deed(call, done) {
    this.busy = true;
    this.enable();
    try {
      const { body } = await call();
      done(body);
      this.busy = false;
      await this.readAgain();
      return;
    } catch (error) {
      if (!(error instanceof Declined)) this.page.note = sentence(error);
      this.busy = false;
      if (error instanceof Refused && error.code === "refund_changed") await this.readAgain();
    }
    if (this.page.sale === this) this.draw();
  }

  async readAgain() {
    const { note } = this.page;
    try {
      await this.look();
    } catch {
      // What was shown before stays; the deed itself is done.
    }
    if (this.page.sale !== this) return;
    if (this.mode === "whole" && !this.state.left_fen) this.quote = null;
    else if (this.something) await this.work();
    this.page.note = note;
    this.draw();
  }
}
