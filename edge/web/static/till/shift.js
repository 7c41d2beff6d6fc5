// The shift of this till: float, cash in and out, hand-over, X and the Zs of before. What the drawer should hold is said to nobody here.

import { ask, Refused } from "./api.js";
import { el } from "./dom.js";
import { amount } from "./money.js";
import { saidFloat, handOver, moveCash, printed } from "./shift_acts.js";
import { openMoney } from "./shift_money.js";
import { reportRows } from "./shift_report.js";
import { errorText, t } from "./words.js";
import { stampOf } from "../wall_clock.js";

export class ShiftPage {
  constructor(desk) {
    this.desk = desk;
    this.state = null;
    this.report = null;
    this.note = "";
  }

  get app() {
    return this.desk.app;
  }

  async open() {
    this.report = null;
    this.note = "";
    await this.read();
  }

  async read(note = "") {
    this.note = note;
    try {
      this.state = (await ask("GET", "/shift")).body;
    } catch (error) {
      this.note = error instanceof Refused ? errorText(error) : t("notice.node_away");
    }
    if (this.desk.page === this) this.draw();
  }

  back() {
    if (!this.report) return false;
    this.report = null;
    this.draw();
    return true;
  }

  draw() {
    const { state, desk } = this;
    if (this.report) {
      this.drawReport();
      return;
    }
    const key = (word, testid, press) => el("button", { class: "key", testid, text: t(word), onclick: press });
    const seen = this.app.may("read_x");
    desk.work.replaceChildren(desk.head(t("shift.title"), this.note), ...(state ? [
      el("div", { class: "band" },
        el("p", {}, el("span", { text: t("shift.float") }), el("strong", { testid: "shift-float", text: state.opened ? amount(state.float_fen) : t("shift.not_said") })),
        el("p", {}, el("span", { text: t("shift.since") }), el("strong", { class: "small", text: state.opened ? stampOf(state.opened_ms) : state.last_z_ms ? stampOf(state.last_z_ms) : t("shift.first") })),
        el("p", {}, el("span", { text: t("shift.last_z") }), el("strong", { class: "small", text: state.last_z ? `Z ${state.last_z} · ${state.last_z_day}` : t("shift.no_z") }))),
      el("div", { class: "desk-keys" },
        key("shift.say_float", "shift-float-key", () => this.done(saidFloat(this.app, state))),
        key("shift.pay_in", "shift-pay-in", () => this.done(moveCash(this.app, "pay_in"))),
        key("shift.pay_out", "shift-pay-out", () => this.done(moveCash(this.app, "pay_out"))),
        key("shift.drop", "shift-drop", () => this.done(moveCash(this.app, "drop"))),
        key("shift.hand_over", "shift-hand-over", () => handOver(this.app, (said) => this.read(said))),
        key("shift.money", "shift-money", () => openMoney(this.app)),
        ...(seen ? [key("shift.x", "shift-x", () => this.readX()), key("shift.zs", "shift-zs", () => this.readZs())] : [])),
    ] : []));
    desk.paper(this.steps(0));
  }

  /** The four steps to a Z, on the paper at the right; `at` is the one that is under way (0 = none yet). */
  steps(at, wanted = {}) {
    const { state, app, desk } = this;
    const open = state?.open_orders ?? 0;
    const texts = [[t("shift.step_open"), open ? t("shift.step_open_n", { n: open }) : t("shift.step_open_none")], [t("shift.step_count"), t("shift.step_count_sub")],
      [t("shift.step_compare"), t("shift.step_compare_sub")], [t("shift.step_z"), t("shift.step_z_sub")]];
    return {
      title: t("shift.close"), sub: t("shift.of_till", { till: app.till, n: (state?.last_z ?? 0) + 1 }),
      body: [el("ol", { class: "desk-steps" }, ...texts.map(([word, sub], i) => el("li", { "data-step": i + 1 < at ? "done" : i + 1 === at ? "now" : "next" },
        el("b", { class: "step", text: i + 1 < at ? "\u2713" : String(i + 1) }), el("span", {}, el("strong", { text: word }), el("small", { text: sub }))))),
      ...(wanted.more ?? [])],
      word: wanted.word ?? t("count.counted"), figure: wanted.figure ?? t("count.not_yet"),
      key: wanted.key ?? desk.primary(t("shift.count"), "shift-count", () => desk.open("count"), !app.may("close_till")),
    };
  }

  async done(doing) {
    const said = await doing;
    if (said) await this.read(said);
  }

  // --- figures, for who may see them ---

  async readX() {
    await this.show(async () => {
      const { body } = await ask("GET", "/shift/x");
      return { title: t("shift.x"), word: t("report.expected"), figure: amount(body.expected_fen), rows: reportRows(body.totals, { float_fen: body.float_fen, moves: body.moves }), print: "/shift/x/print" };
    });
  }

  async readZs() {
    await this.show(async () => {
      const { body } = await ask("GET", "/shift/z?limit=30");
      return { title: t("shift.zs"), word: t("report.count"), figure: String(body.reports.length), list: body.reports, rows: [] };
    });
  }

  async readZ(one) {
    await this.show(async () => this.ofZ((await ask("GET", `/shift/z/${one.till}/${one.epoch}/${one.z}`)).body));
  }

  /** A Z as a page: after a close it is shown at once. */
  ofZ(answer) {
    const z = answer.report;
    return { title: `Z ${z.z} · ${answer.business_day}`, word: t("report.net"), figure: amount(z.totals.net_fen), rows: reportRows(z.totals, z), print: `/shift/z/${answer.till}/${answer.epoch}/${z.z}/print` };
  }

  async show(read) {
    try {
      this.report = await read();
      this.note = "";
    } catch (error) {
      this.note = error instanceof Refused ? errorText(error) : t("notice.node_away");
    }
    this.draw();
  }

  drawReport() {
    const { desk, report } = this;
    const rows = report.list ? report.list.map((one) => el("li", {}, el("button", { class: "desk-row", testid: `z-${one.z}`, onclick: () => this.readZ(one) },
      el("b", { text: `Z ${one.z}` }), el("span", { text: one.business_day + " · " + stampOf(one.closed_ms) }), el("span", { text: amount(one.net_fen) })))) : [];
    desk.work.replaceChildren(desk.head(report.title, this.note), report.list ? el("ul", { class: "desk-list" }, ...(rows.length ? rows : [el("li", { class: "quiet", text: t("shift.no_z") })])) : desk.facts(report.rows));
    const key = report.print ? desk.primary(t("report.print"), "report-print", async () => {
      this.note = await printed(report.print);
      this.drawReport();
    }) : null;
    desk.paper({ ...this.steps(0), word: report.word, figure: report.figure, key });
  }
}
