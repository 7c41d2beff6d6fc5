// A guest's payment code: charged once by its handle; paid, refused, or nobody knows. What nobody knows is looked at until somebody does.

import { ask, Refused, Unanswered } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { beep } from "./beep.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { money } from "./money.js";
import { errorText, hasWord, t } from "./words.js";

const ASK_EVERY_MS = 1500;
const TRIES = 4;
const CHARGE_MS = 12000;
const OVER = ["refused", "cancelled", "returned"];

export class CodePay {
  constructor(app, ways) {
    this.app = app;
    this.ways = ways;
    this.timer = 0;
    this.part = null;
    this.message = "";
  }

  /** F10: the sheet that waits for the code; scanning without it does the same. */
  ask() {
    if (!this.ways.ready()) return;
    const amount_fen = this.ways.wanted();
    this.app.sheets.show("code", { holds: true, draw: (sheets) => sheets.frame(t("code.title", { amount: money(amount_fen) }), [
      el("p", { class: "says", text: t("code.scan") }), el("p", { class: "works", text: t("code.scan_works") })], []) });
  }

  /** A payment code was scanned on the payment page. */
  async scanned(found) {
    const { app, ways } = this;
    if (app.sheets.name === "code" && !this.part) app.sheets.close();
    if (app.sheets.open || !ways.ready()) {
      app.scans.explain(t("scan.finish_first"));
      return;
    }
    beep(true);
    const part = { kind: "code", payment_id: uuid7(), amount_fen: ways.wanted(), state: "asking" };
    // What was typed stays until the money is there: a code that is refused changes nothing.
    ways.tab.parts.push(part);
    ways.changed();
    this.show(part);
    await ways.save();
    await this.charge(part, found);
  }

  async charge(part, { handle, masked }) {
    const { job } = this.ways;
    const body = { payment_id: part.payment_id, kind: "code", amount_fen: part.amount_fen, order_id: job.target, handle, ...(job.share ? { beside: true } : {}) };
    for (let tries = 1; ; tries += 1) {
      try {
        this.heard(part, (await ask("POST", "/payments", { body, timeout_ms: CHARGE_MS })).body);
        return;
      } catch (error) {
        if (error instanceof Unanswered && tries < TRIES) continue;
        if (error instanceof Unanswered) {
          // Whether the gateway was asked is unknown until the node answers again.
          part.state = "unknown";
          this.watch(part);
        } else {
          this.gone(part, errorText(error));
          if (error.code === "no_gateway") this.app.scans.explain(t("scan.payment_seen", { code: masked }));
        }
        return;
      }
    }
  }

  /** What the node says of the payment now. */
  heard(part, found) {
    const before = part.state;
    part.state = found.state;
    if (OVER.includes(found.state)) {
      this.gone(part, t("code.is_" + found.state) + (hasWord("code.why_" + found.reason) ? " " + t("code.why_" + found.reason) : ""));
    } else if (found.state === "taken") {
      if (before !== "taken") beep(true);
      this.app.pay.text = "";
      this.app.pay.fresh = true;
      this.closeSheet();
      this.ways.changed();
      this.ways.say(t("code.is_taken", { amount: money(part.amount_fen) }));
      this.finishIfPaid();
    } else if (found.state === "cancelling") {
      // The money goes straight back if it came all the same; the guest pays another way now.
      this.gone(part, t("code.is_cancelling"));
    } else this.watch(part);
  }

  /** Nothing is left to choose: a bill that codes paid is finished by itself. */
  finishIfPaid() {
    const { tab } = this.ways;
    if (tab && tab.left_fen === 0 && !tab.doc.held_fen && !tab.over_fen && !tab.undecided) this.ways.paying.finish();
  }

  gone(part, text) {
    clearTimeout(this.timer);
    this.closeSheet();
    const { tab } = this.ways;
    if (!tab) return;
    tab.doc.parts = tab.parts.filter((each) => each !== part);
    this.ways.changed();
    this.ways.say(text);
    beep(false);
  }

  closeSheet() {
    this.part = null;
    if (this.app.sheets.name === "code") this.app.sheets.close();
  }

  /** Ask the node what became of it, until it is decided or the page is left. */
  watch(part) {
    clearTimeout(this.timer);
    this.ways.changed();
    this.refresh();
    this.timer = setTimeout(() => this.look(part), ASK_EVERY_MS);
  }

  async look(part, path = "", method = "GET") {
    if (!this.ways.tab?.parts.includes(part)) return;
    clearTimeout(this.timer);
    try {
      this.message = "";
      this.heard(part, (await ask(method, `/payments/${part.payment_id}${path}`, method === "GET" ? {} : { body: {} })).body);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) this.gone(part, t("code.never"));
      else {
        this.message = error instanceof Refused ? errorText(error) : t("notice.node_away");
        this.watch(part);
      }
    }
  }

  // --- the sheet ---

  show(part) {
    this.part = part;
    this.message = "";
    this.app.sheets.show("code", { holds: true, draw: (sheets) => this.draw(sheets), closed: () => { this.part = null; } });
  }

  refresh() {
    if (this.part && this.app.sheets.name === "code") this.app.sheets.draw();
  }

  draw(sheets) {
    const { part } = this;
    const unknown = part.state === "unknown";
    const key = (word, testid, className, press) => el("button", { class: className, testid, text: t(word), onclick: press });
    sheets.frame(t("code.title", { amount: money(part.amount_fen) }), [
      el("p", { class: "says", testid: "code-says", role: "status", text: t(unknown ? "code.unknown" : "code.waiting") }),
      el("p", { class: "works", text: t(unknown ? "code.unknown_works" : "code.waiting_works") }),
      el("p", { class: "sheet-error", role: "alert", text: this.message }),
    ], unknown ? [
      key("code.cancel", "code-cancel", "key danger", () => this.look(part, "/cancel", "POST")),
      key("code.accept", "code-accept", "key", () => this.look(part, "/accept", "POST")),
      key("code.query", "code-query", "key primary", () => this.look(part, "/query", "POST")),
    ] : []);
  }

  /** Money that was taken and no sale used goes back. */
  async giveBack(part) {
    const request_id = uuid7();
    const said = await askFor(this.app, { name: "return", title: t("pay.return_title", { amount: money(part.amount_fen) }), says: t("pay.return_says"), primary: t("pay.return"), danger: true,
      fields: [{ name: "reason", kind: "text", label: t("reason.label"), chips: [t("reason.return_1"), t("reason.return_2")] }] });
    if (!said) return;
    try {
      await withApproval((approval_id) => this.app.deeds.send(`/payments/${part.payment_id}/return`, { request_id, reason: said.reason, approval_id }));
      if (!this.ways.tab) return;
      this.ways.tab.doc.parts = this.ways.tab.parts.filter((each) => each !== part);
      this.ways.changed();
      this.ways.say(t("pay.returned", { amount: money(part.amount_fen) }));
    } catch (error) {
      if (!(error instanceof Declined)) this.ways.say(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    }
  }
}
