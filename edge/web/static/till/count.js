// The blind count (picture 12): note by note in the order of the drawer; what should be there is told only after it was handed in.

import { Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { el, icon, kbd, setText } from "./dom.js";
import { uuid7 } from "./ids.js";
import { amount, money } from "./money.js";
import { keep, load } from "./vault.js";
import { errorText, t } from "./words.js";

const PIECES_MAX = 99999;

/** A note or coin as the drawer is spoken of. */
function pieceWord(fen) {
  if (fen >= 100) return t("count.yuan", { n: fen / 100 });
  return fen >= 10 ? t("count.jiao", { n: fen / 10 }) : t("count.fen", { n: fen });
}

export class CountPage {
  constructor(desk) {
    this.desk = desk;
    this.result = null;
  }

  get app() {
    return this.desk.app;
  }

  get shift() {
    return this.desk.pages.shift;
  }

  get kept() {
    return this.app.kept("count");
  }

  async open() {
    this.note = "";
    this.result = null;
    this.busy = false;
    await this.shift.read();
    const [kept] = await load([this.kept]);
    this.doc = kept ?? { request_id: uuid7(), pieces: {} };
    this.units = this.shift.state?.denominations_fen ?? [];
    this.at = 0;
    this.fresh = true;
    if (this.desk.page === this && this.shift.state) this.draw();
    else this.desk.open("shift");
  }

  get counted_fen() {
    return this.units.reduce((sum, fen) => sum + fen * (this.doc.pieces[fen] ?? 0), 0);
  }

  back() {
    this.desk.open("shift");
    return true;
  }

  draw() {
    if (this.result) {
      this.drawResult();
      return;
    }
    const { desk, units } = this;
    const digit = (text) => el("button", { class: "key pad", testid: "count-pad-" + text, text, onclick: () => this.type(text) });
    this.rows = units.map((fen, i) => {
      const field = el("output", { class: "count-field", testid: "count-" + fen });
      const sum = el("span", { class: "count-sum" });
      const row = el("button", { class: "count-row", "aria-current": "false", onclick: () => this.go(i) }, el("span", { text: pieceWord(fen) }), el("i", { text: "×" }), field, sum);
      return { fen, row, field, sum };
    });
    desk.work.replaceChildren(desk.head(t("count.title"), this.note),
      el("div", { class: "count" },
        el("div", { class: "count-rows" }, ...this.rows.map(({ row }) => row)),
        el("div", { class: "count-side" },
          el("div", { class: "count-pad", role: "group", "aria-label": t("pay.numpad") },
            ...["7", "8", "9"].map(digit), el("button", { class: "key pad well", testid: "count-delete", "aria-label": t("pay.delete"), onclick: () => this.erase() }, icon("delete")),
            ...["4", "5", "6"].map(digit), el("button", { class: "key pad well", testid: "count-clear", text: t("pay.clear"), onclick: () => this.set("") }),
            ...["1", "2", "3"].map(digit), el("button", { class: "key pad well", testid: "count-up", text: t("count.up"), onclick: () => this.go(this.at - 1) }),
            digit("0"), digit("00"), el("button", { class: "key pad well wide", testid: "count-next", onclick: () => this.go(this.at + 1) }, el("span", { text: t("count.next") }), ...kbd("Enter"))),
          el("p", { class: "quiet", text: t("count.blind") }))));
    this.refresh();
  }

  refresh() {
    for (const [i, { fen, row, field, sum }] of this.rows.entries()) {
      const n = this.doc.pieces[fen];
      setText(field, n === undefined ? "" : String(n));
      setText(sum, n === undefined ? "" : amount(n * fen));
      row.setAttribute("aria-current", i === this.at ? "true" : "false");
    }
    const { desk } = this;
    desk.paper(this.shift.steps(2, {
      more: [desk.facts([[t("report.expected"), t("count.later")]])], figure: amount(this.counted_fen),
      key: desk.primary(t("count.hand_in"), "count-hand-in", () => this.handIn(), !Object.keys(this.doc.pieces).length),
    }));
  }

  go(i) {
    this.at = Math.max(0, Math.min(this.units.length - 1, i));
    this.fresh = true;
    this.refresh();
    this.rows[this.at].row.scrollIntoView({ block: "nearest" });
  }

  type(text) {
    const fen = this.units[this.at];
    const next = (this.fresh ? "" : String(this.doc.pieces[fen] ?? "")) + text;
    if (Number(next) <= PIECES_MAX) this.set(String(Number(next)));
  }

  erase() {
    this.set(String(this.doc.pieces[this.units[this.at]] ?? "").slice(0, -1));
  }

  set(text) {
    const fen = this.units[this.at];
    this.fresh = false;
    if (text === "") delete this.doc.pieces[fen];
    else this.doc.pieces[fen] = Number(text);
    // Counted in two goes, or through a power cut: what was counted stays.
    keep({ [this.kept]: this.doc }).catch(() => {});
    this.refresh();
  }

  key(event) {
    if (this.result) return false;
    if (/^[0-9]$/.test(event.key)) this.type(event.key);
    else if (event.key === "Backspace") this.erase();
    else if (event.key === "Delete") this.set("");
    else if (event.key === "ArrowUp") this.go(this.at - 1);
    else if (event.key === "Enter" || event.key === "ArrowDown") this.go(this.at + 1);
    else return false;
    return true;
  }

  async handIn() {
    if (this.busy) return;
    this.busy = true;
    const counted = this.units.filter((fen) => this.doc.pieces[fen] !== undefined).map((unit_fen) => ({ unit_fen, pieces: this.doc.pieces[unit_fen] }));
    try {
      this.result = (await this.app.deeds.send("/shift/count", { request_id: this.doc.request_id, counted })).body;
      await keep({ [this.kept]: null });
      this.note = "";
    } catch (error) {
      // A refused count is another one next time.
      if (error instanceof Refused) this.doc.request_id = uuid7();
      this.note = error instanceof Refused ? errorText(error) : t("notice.node_away");
    }
    this.busy = false;
    if (this.desk.page === this) this.draw();
  }

  // --- after it was handed in ---

  drawResult() {
    const { desk, result } = this;
    const shown = result.variance_fen === 0 ? t("count.exact") : t(result.variance_fen > 0 ? "count.more" : "count.less", { amount: money(Math.abs(result.variance_fen)) });
    desk.work.replaceChildren(desk.head(t("count.compare"), this.note), desk.facts([
      [t("count.counted"), amount(result.counted_fen)], [t("report.expected"), amount(result.expected_fen)], [t("count.variance"), amount(result.variance_fen), "final"]]),
    el("p", { class: "says", testid: "count-said", text: shown }), ...(result.needs_reason ? [el("p", { class: "works", text: t("count.why") })] : []));
    desk.paper(this.shift.steps(3, { word: t("count.variance"), figure: amount(result.variance_fen), key: desk.primary(t("close.go"), "close-go", () => this.close()) }));
  }

  async close(open_orders_stay = false, before = null) {
    const { result, app } = this;
    const request_id = uuid7();
    const said = before ?? await askFor(app, { name: "close-shift", title: t("close.title"), says: t("close.says"), primary: t("close.go"),
      fields: [{ name: "left_fen", kind: "amount", min: 0, max: result.counted_fen, label: t("close.left"), value: Math.min(result.counted_fen, this.shift.state.float_fen) },
        { name: "reason", kind: "text", optional: !result.needs_reason, label: t(result.needs_reason ? "close.reason" : "close.reason_if"), chips: [1, 2, 3].map((n) => t("reason.variance_" + n)) }] });
    if (!said || this.busy) return;
    this.busy = true;
    try {
      const { body } = await app.deeds.send("/shift/close", { request_id, ...said, open_orders_stay });
      await this.desk.open("shift");
      this.shift.report = this.shift.ofZ(body);
      this.shift.note = t("close.done", { z: body.report.z });
      this.shift.draw();
      this.busy = false;
    } catch (error) {
      this.busy = false;
      if (error.code === "open_orders") await this.openOrders(error.details, said);
      else {
        this.note = error instanceof Refused ? errorText(error) : t("notice.node_away");
        if (error.code === "count_first") this.result = null;
        this.draw();
      }
    }
  }

  /** Tables that still eat go on in the next shift once who closes has seen them. */
  async openOrders({ count, orders }, said) {
    const rows = orders.slice(0, 12).map((one) => el("li", {}, el("b", { text: one.table_name || one.label || t("close.no_name") }), el("span", { text: amount(one.subtotal_fen) })));
    const stay = await askFor(this.app, { name: "open-orders", title: t("close.open_title", { n: count }), says: t("close.open_says"), primary: t("close.open_go"), more: [el("ul", { class: "open-orders" }, ...rows)] });
    if (stay) await this.close(true, said);
  }
}
