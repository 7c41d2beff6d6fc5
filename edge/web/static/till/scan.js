// What is scanned or swiped at this till: from its scanner through the node, or from one that types.
//
// The page says what its screen takes; the node judges by it. What is not taken is explained: what it is, and where it belongs.

import { ask, Refused } from "./api.js";
import { beep } from "./beep.js";
import { afterPaint, el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { inviteSays, joinKeys } from "./member_ask.js";
import { money } from "./money.js";
import { hideToast, showToast } from "./toast.js";
import { Wedge } from "./wedge.js";
import { errorText, nameOf, t } from "./words.js";

const TAKES = { order: ["dish", "invite", "receipt"], pay: ["payment"], desk: ["receipt", "invite"] };
// Sheets in which something is half done; any other one gives way to what was scanned.
const HALF_DONE = ["weigh", "price"];
const PIN_MAX = 12;
const SEARCH_MAX = 40;

function facts(...rows) {
  return el("dl", { class: "sheet-facts" }, ...rows.filter(([, value]) => value).flatMap(([word, value]) => [el("dt", { text: word }), el("dd", { text: value })]));
}

export class Scans {
  constructor(app) {
    this.app = app;
    this.page = uuid7();
    this.grabbed = null;
    this.declared = null;
    this.wedge = new Wedge({
      begin: () => this.mark(),
      wants: (text) => this.wants(text),
      scan: (text) => this.typed(text),
    });
    app.link.on("scan", (found) => this.heard(found));
    app.link.on("open", () => this.declare(true));
    new MutationObserver(() => afterPaint(() => this.declare())).observe(document.body, { attributes: true, attributeFilter: ["data-view"] });
    addEventListener("focus", () => this.declare(true));
  }

  // --- what the screen takes ---

  /** Tell the node what this screen takes, where it is another than before. Of several pages at one till the one that spoke last is meant (`anew`). */
  async declare(anew = false) {
    const { view } = this.app;
    const screen = this.grabbed?.screen ?? view;
    const kinds = this.grabbed?.kinds ?? (view === "order" && this.app.members.on ? [...TAKES.order, "member"] : TAKES[view]);
    if (!kinds || (!anew && screen === this.declared)) return;
    this.declared = screen;
    if (this.declaring) {
      this.again = true;
      return;
    }
    this.declaring = true;
    try {
      await ask("PUT", "/till/accepts", { body: { kinds, screen, page: this.page } });
    } catch {
      // The stream opens again when the node is back, and then it is said again.
      this.declared = null;
    }
    this.declaring = false;
    if (this.again) {
      this.again = false;
      this.declare(true);
    }
  }

  /** Until `release` whatever is scanned goes to `take(value, found)`: a sheet that waits for a badge or a receipt. */
  grab(grabbed) {
    this.grabbed = grabbed;
    this.declare();
  }

  release() {
    this.grabbed = null;
    this.declare();
  }

  // --- a scanner that types ---

  /** What the keys of a burst may change, as a function that puts it back. */
  mark() {
    const { finder, order, pay, sheets, view } = this.app;
    const field = document.activeElement?.matches("input, textarea") ? document.activeElement : null;
    const before = { field: field?.value, search: finder.field.value, armed: finder.armed, text: pay.text, fresh: pay.fresh };
    const { lines } = order.cart;
    const sheet = sheets.name;
    const weigh = sheet === "weigh" ? { text: sheets.weigh.text, unit: sheets.weigh.unit } : null;
    const unasked = sheets.extra?.mark?.();
    return () => {
      if (sheet === null && sheets.open) sheets.close();
      if (field && field !== finder.field) field.value = before.field;
      // An input method holds its letters until the field loses the focus.
      finder.field.blur();
      finder.field.value = before.search;
      finder.arm(before.armed);
      finder.update();
      unasked?.();
      for (let steps = 0; steps < 3 && order.cart.lines !== lines && order.undo(); steps += 1);
      if (view === "pay") {
        pay.fresh = before.fresh;
        pay.set(before.text);
      }
      if (weigh && sheets.name === "weigh") {
        sheets.weigh.unit = weigh.unit;
        sheets.weigh.set(weigh.text);
      }
    };
  }

  wants(text) {
    // Digits at the sign-in, or where somebody gives their word, are a PIN, however fast they come.
    const pin = /^\d+$/.test(text) && text.length <= PIN_MAX;
    if (this.app.sheets.extra?.takesPin) return !pin;
    if (this.app.view in TAKES) return true;
    return this.app.view === "sign-in" && !pin;
  }

  async typed(text) {
    const { app } = this;
    if (app.view === "sign-in") {
      app.who.signIn.set("");
      await app.who.signIn.useBadge(text);
      return;
    }
    // A code that stands in the menu needs no node to be known.
    const code = text.toLowerCase();
    const dish = app.view === "order" && !this.grabbed ? app.menu?.dishes.find((each) => each.find_code === code) : null;
    if (dish) {
      this.addDish(dish.id);
      return;
    }
    try {
      const { body } = await ask("POST", "/till/scans", { body: { text } });
      // Somebody may just be a fast typist: what is no code of any kind is looked for in the menu.
      if (body.kind === "unknown" && body.screen === "order" && app.view === "order" && text.length <= SEARCH_MAX && this.found(text)) return;
      this.heard(body);
    } catch (error) {
      this.explain(error instanceof Refused ? errorText(error) : t("scan.not_answered"));
    }
  }

  found(text) {
    const { finder } = this.app;
    finder.field.value = text;
    finder.update();
    if (finder.found?.length) {
      finder.enter();
      return true;
    }
    finder.clear();
    return false;
  }

  // --- what the node says of a scan ---

  heard(found) {
    const { app } = this;
    if (found.page && found.page !== this.page) return;
    if (!found.accepted) this.explain(this.whyNot(found));
    else if (this.grabbed && found.screen === this.grabbed.screen) this.grabbed.take(found.value, found);
    else if (found.screen === "desk" && app.view === "desk") app.desk.scanned(found);
    else if (found.screen !== app.view) this.explain(t("scan.moved_on"));
    else if (found.kind === "dish") this.addDish(found.value);
    else if (found.kind === "member") this.showMember(found.value);
    else if (found.kind === "invite") this.checkInvite(found.value);
    else if (found.kind === "receipt") this.showReceipt(found.value);
    else app.paying.ways.code.scanned(found);
  }

  whyNot({ kind, reason, masked }) {
    if (reason === "no_such_dish") return t("scan.no_such_dish", { code: masked });
    if (reason === "no_such_receipt") return t("scan.no_such_receipt", { code: masked });
    if (reason === "bank_card") return t("scan.bank_card");
    if (reason === "card_unread") return t("scan.card_unread");
    return t("scan.no_" + kind);
  }

  explain(sentence) {
    beep(false);
    showToast(sentence);
  }

  /** Whether something half done stands in the way; a sheet that only tells something gives way. */
  inTheWay() {
    const { sheets } = this.app;
    if (HALF_DONE.includes(sheets.name) || sheets.extra?.holds) {
      this.explain(t("scan.finish_first"));
      return true;
    }
    sheets.close();
    return false;
  }

  showMember(value) {
    if (!this.inTheWay()) this.app.members.scanned(value);
  }

  addDish(id) {
    if (this.inTheWay()) return;
    beep(true);
    this.app.slip.press(id);
  }

  async checkInvite(code) {
    if (this.inTheWay()) return;
    try {
      const { body } = await ask("POST", "/invites/verify", { body: { code } });
      beep(body.verdict === "valid");
      const join = body.verdict === "valid" ? joinKeys(this.app, code, body) : [];
      this.show("invite", (sheets) => sheets.frame(t("scan.invite_title"), [
        el("p", { class: "says", testid: "invite-verdict", "data-verdict": body.verdict, text: t("scan.invite_" + body.verdict) }),
        ...(join.length ? [el("p", { class: "works", text: inviteSays(body) })] : []),
        facts([t("scan.invite_store"), body.store], [t("scan.invite_issued"), body.issued_day],
          [t("scan.invite_until"), body.expires_day], [t("scan.invite_short"), body.short]),
      ], join));
    } catch (error) {
      this.explain(error instanceof Refused ? errorText(error) : t("scan.not_answered"));
    }
  }

  async showReceipt(sale_id) {
    if (this.inTheWay()) return;
    try {
      const { body } = await ask("GET", "/sales/" + sale_id);
      beep(true);
      const reprint = { id: null, note: "", busy: false };
      this.show("receipt", (sheets) => this.drawReceipt(sheets, body, reprint));
    } catch (error) {
      this.explain(error instanceof Refused ? errorText(error) : t("scan.not_answered"));
    }
  }

  drawReceipt(sheets, sale, reprint) {
    sheets.frame(t("scan.receipt_title", { number: sale.receipt_no }), [
      el("ul", { class: "receipt-lines", testid: "receipt-lines" }, ...sale.lines.map((line) =>
        el("li", {}, el("b", { text: String(line.qty) }), el("span", { text: nameOf(line.name) }), el("span", { text: money(line.amount_fen) })))),
      facts([t("scan.receipt_total"), money(sale.total_fen)], [t("scan.receipt_received"), money(sale.received_fen)],
        [t("scan.receipt_change"), money(sale.change_fen)]),
      el("p", { class: "quiet", role: "status", testid: "receipt-note", text: reprint.note }),
    ], [...(this.app.may("refund") || this.app.asks("refund") ? [el("button", { class: "key", testid: "receipt-refund", text: t("more.refund"),
      onclick: () => { this.app.sheets.close(); this.app.desk.open("refund", sale.sale_id); } })] : []),
    el("button", { class: "key primary", testid: "receipt-reprint", disabled: reprint.busy, text: t("last.reprint"),
      onclick: () => this.reprint(sale, reprint) })]);
  }

  async reprint(sale, reprint) {
    reprint.id ??= uuid7();
    reprint.busy = true;
    try {
      await ask("POST", `/sales/${sale.sale_id}/reprint`, { body: { request_id: reprint.id } });
      Object.assign(reprint, { id: null, note: t("last.reprint_queued") });
    } catch (error) {
      // Unanswered keeps its id: pressing again cannot make a second slip.
      const refused = error instanceof Refused;
      Object.assign(reprint, { id: refused ? null : reprint.id, note: refused ? errorText(error) : t("notice.node_away") });
    }
    reprint.busy = false;
    if (this.app.sheets.name === "receipt") this.app.sheets.draw();
  }

  show(name, draw) {
    hideToast();
    this.app.sheets.show(name, { draw });
  }
}
