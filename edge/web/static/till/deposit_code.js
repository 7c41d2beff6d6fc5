// A deposit that is paid by the guest's code: scanned, charged once under the deposit's id, and looked at until somebody knows.

import { ask, Refused, Unanswered } from "./api.js";
import { beep } from "./beep.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { money } from "./money.js";
import { errorText, hasWord, t } from "./words.js";

const ASK_EVERY_MS = 1500;
const CHARGE_MS = 12000;
const OVER = ["refused", "cancelled", "returned"];

class CodeDeposit {
  constructor(app, asked, done) {
    Object.assign(this, { app, asked, done, deposit_id: uuid7(), state: "scan", message: "", timer: 0 });
  }

  show() {
    const { app } = this;
    app.sheets.show("deposit-code", { holds: true, draw: (sheets) => this.draw(sheets), closed: () => this.end(null) });
    app.scans.grab({ screen: "deposit", kinds: ["payment"], take: (_value, found) => this.charge(found.handle) });
  }

  /** Over for this sheet; what nobody knows yet stands in the money that is to be looked at. */
  end(found) {
    if (!this.done) return;
    clearTimeout(this.timer);
    this.app.scans.release();
    const { done } = this;
    this.done = null;
    if (this.app.sheets.name === "deposit-code") this.app.sheets.close();
    done(found);
  }

  async charge(handle) {
    if (this.state !== "scan") return;
    beep(true);
    this.state = "asking";
    this.redraw();
    try {
      this.heard((await ask("POST", "/deposits", { body: { ...this.asked, kind: "code", deposit_id: this.deposit_id, handle }, timeout_ms: CHARGE_MS })).body);
    } catch (error) {
      if (error instanceof Unanswered) this.heard({ state: "unknown" });
      else this.again(errorText(error));
    }
  }

  heard(found) {
    if (!this.done) return;
    if (found.state === "held" || found.state === "gone") {
      beep(true);
      this.end(found);
    } else if (OVER.includes(found.state)) {
      this.again(t("code.is_" + found.state) + (hasWord("code.why_" + found.reason) ? " " + t("code.why_" + found.reason) : ""));
    } else if (found.state === "cancelling") this.end(null);
    else {
      this.state = "unknown";
      this.redraw();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), ASK_EVERY_MS);
    }
  }

  /** Nothing was taken under that id: another code is another try. */
  again(text) {
    beep(false);
    Object.assign(this, { state: "scan", message: text, deposit_id: uuid7() });
    this.redraw();
  }

  async look(path = "", method = "GET") {
    clearTimeout(this.timer);
    this.message = "";
    try {
      this.heard((await ask(method, `/payments/${this.deposit_id}${path}`, method === "GET" ? {} : { body: {} })).body);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) this.again(t("code.never"));
      else {
        this.message = error instanceof Refused ? errorText(error) : t("notice.node_away");
        this.heard({ state: "unknown" });
      }
    }
  }

  redraw() {
    if (this.done && this.app.sheets.name === "deposit-code") this.app.sheets.draw();
  }

  draw(sheets) {
    const says = { scan: "code.scan", asking: "code.waiting", unknown: "code.unknown" }[this.state];
    const works = { scan: "code.scan_works", asking: "code.waiting_works", unknown: "code.unknown_works" }[this.state];
    const key = (word, testid, className, press) => el("button", { class: className, testid, text: t(word), onclick: press });
    sheets.frame(t("code.title", { amount: money(this.asked.amount_fen) }), [
      el("p", { class: "says", testid: "deposit-code-says", role: "status", text: t(says) }), el("p", { class: "works", text: t(works) }),
      el("p", { class: "sheet-error", role: "alert", text: this.message }),
    ], this.state === "unknown" ? [key("code.cancel", "deposit-code-cancel", "key danger", () => this.look("/cancel", "POST")),
      key("code.query", "deposit-code-query", "key primary", () => this.look("/query", "POST"))] : []);
  }
}

/** Charge a deposit by the guest's code; resolves what the node says of it once it is held, or null when it was left. */
export function codeDeposit(app, asked) {
  return new Promise((done) => new CodeDeposit(app, asked, done).show());
}
