// Pages beside selling (shift, count, refund): the work area with a head and a way back, and a sheet of paper of their own on the right.

import { byId, el, icon, kbd } from "./dom.js";
import { fit } from "./figures.js";
import { CountPage } from "./count.js";
import { RefundPage } from "./refund.js";
import { ShiftPage } from "./shift.js";
import { t } from "./words.js";

const FIGURE_STEPS_PX = [48, 40, 34, 28];

export class Desk {
  constructor(app) {
    this.app = app;
    this.work = byId("desk-page");
    this.side = byId("desk-side");
    this.page = null;
    this.pages = { shift: new ShiftPage(this), count: new CountPage(this), refund: new RefundPage(this) };
  }

  async open(name, extra = null) {
    const { app } = this;
    if (app.submitter.pending && app.order.isEmpty) return;
    app.finder.clear();
    app.sheets.close();
    document.activeElement?.blur();
    app.paying.ways.close();
    this.page = this.pages[name];
    this.work.replaceChildren();
    this.side.replaceChildren();
    app.screen.setView("desk");
    await this.page.open(extra);
  }

  close() {
    this.page = null;
    this.app.screen.setView("order");
    this.app.screen.draw();
  }

  back() {
    if (!this.page?.back?.()) this.close();
  }

  key(event) {
    if (!this.page) return false;
    if (event.key === "F12") {
      this.side.querySelector(".primary:not(:disabled)")?.click();
      return true;
    }
    return this.page.key?.(event) ?? false;
  }

  scanned(found) {
    this.page?.scanned?.(found);
  }

  relabel() {
    this.page?.draw();
  }

  // --- what pages are drawn of ---

  head(title, note = "") {
    return el("header", { class: "pay-head" },
      el("button", { class: "key back", testid: "desk-back", onclick: () => this.back() }, icon("back"), el("span", { text: t("pay.back") }), ...kbd("Esc")),
      el("h2", { text: title }), el("p", { role: "status", testid: "desk-note", "data-note": Boolean(note), text: note }));
  }

  /** The paper on the right: title, rows, a figure over the double rule, one key. */
  paper({ title, sub = "", body, word, figure, key }) {
    const strong = el("strong", { testid: "desk-figure" });
    this.side.replaceChildren(
      el("header", { class: "desk-head" }, el("h1", { text: title }), el("p", { text: sub })),
      el("div", { class: "desk-body" }, ...body),
      el("footer", {}, el("p", { class: /\d/.test(figure) ? "desk-total" : "desk-total words" }, el("span", { text: word }), strong), key ?? null));
    fit(strong, figure, FIGURE_STEPS_PX);
  }

  primary(word, testid, press, disabled = false, className = "key primary") {
    return el("button", { class: className + " desk-go", testid, disabled, onclick: press }, el("span", { text: word }), ...kbd("F12"));
  }

  facts(rows) {
    return el("dl", { class: "desk-facts" }, ...rows.filter(Boolean).flatMap(([word, value, className]) => [el("dt", { text: word }), el("dd", { class: className ?? null, text: value })]));
  }
}

