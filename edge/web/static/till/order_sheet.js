// The sheet of the whole order: guests, notes, discount, and what is done between tables.

import { Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { el, kbd } from "./dom.js";
import { askDiscount } from "./line_sheet.js";
import { askSplit } from "./order_sheet_split.js";
import { uuid7 } from "./ids.js";
import { money } from "./money.js";
import { showToast } from "./toast.js";
import { errorText, localeTag, t } from "./words.js";

const COVERS_MAX = 99;

/** id, key, the action of the role table that it needs, and what it does. */
const ACTS = [
  ["edit", "", "tables", (sheet) => sheet.edit()],
  ["service", "", "tables", (sheet) => sheet.service()],
  ["discount", "F4", "discount", (sheet) => sheet.discount()],
  ["comp", "", "comp", (sheet) => sheet.comp()],
  ["move", "", "tables", (sheet) => sheet.move()],
  ["merge", "", "tables", (sheet) => sheet.merge()],
  ["split", "", "tables", (sheet) => sheet.split()],
  ["beside", "", "tables", (sheet) => sheet.beside()],
  ["chase", "", "send", (sheet) => sheet.chase()],
  ["fire", "", "send", (sheet) => sheet.fire()],
  ["hold", "F6", "hold", (sheet) => sheet.app.hold.hold()],
  ["bill", "", "sell", (sheet) => sheet.bill()],
  ["cancel", "", "cancel_order", (sheet) => sheet.cancel()],
];

export class OrderSheet {
  constructor(app) {
    this.app = app;
  }

  get tab() {
    return this.app.tab;
  }

  allowed(action) {
    return this.app.may(action) || this.app.asks(action);
  }

  has(id) {
    const { head } = this.tab.now();
    if (id === "beside") return Boolean(head.table);
    if (id === "cancel") return !this.tab.lines().some((line) => line.qty > 0);
    return true;
  }

  show() {
    const { app } = this;
    if (!this.tab.isOpen) return;
    app.sheets.show("order", { draw: (sheets) => sheets.frame(this.tab.title(), [
      el("div", { class: "more-keys" }, ...ACTS.filter(([id, , action]) => this.allowed(action) && this.has(id)).map(([id, key, action, act]) =>
        el("button", { class: id === "cancel" ? "key danger" : "key", testid: "order-" + id, onclick: () => { app.sheets.close(); act(this); } },
          el("span", { text: t("tables.order_" + id) }), ...(app.may(action) ? [] : [el("small", { text: t("more.asks") })]), ...(key ? kbd(key) : [])))),
    ], []) });
  }

  /** The bill on paper before it is paid, in the language of this till; steps on their way are on it. */
  async bill() {
    const { tab } = this;
    try {
      if (!(await tab.steps.settled())) {
        showToast(t("tables.not_all_there"));
        return;
      }
      const { body } = await this.app.deeds.send(`/orders/${tab.order_id}/bill/print`, { request_id: uuid7(), locale: localeTag() });
      showToast(t("tables.bill_printed", { amount: money(body.left_fen) }));
    } catch (error) {
      showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    }
  }

  async edit() {
    const { head } = this.tab.now();
    const said = await askFor(this.app, { name: "order-edit", title: this.tab.title(), primary: t("tables.set"), fields: [
      { name: "covers", kind: "count", label: t("tables.covers"), value: head.covers ?? 0, min: 0, max: COVERS_MAX },
      { name: "allergies", kind: "text", label: t("tables.allergies"), value: head.allergies ?? "", max: 120, optional: true, chips: [1, 2, 3].map((n) => t("tables.allergy_" + n)) },
      { name: "label", kind: "text", label: t("tables.label"), value: head.label ?? "", max: 24, optional: true },
      { name: "note", kind: "text", label: t("tables.note"), value: head.note ?? "", max: 120, optional: true },
    ] });
    if (said) this.tab.do([{ do: "edit", ...said }], [{ do: "edit", covers: head.covers ?? 0, allergies: head.allergies ?? "", label: head.label ?? "", note: head.note ?? "" }]);
  }

  async service() {
    const { head } = this.tab.now();
    const said = await askFor(this.app, { name: "order-service", title: t("tables.order_service"), primary: t("tables.set"), fields: [
      { name: "service", kind: "choice", label: t("tables.order_service"), value: head.service, options: ["dine_in", "takeaway", "delivery", "counter"].map((one) => [one, t("service." + one)]) }] });
    if (said) this.tab.do([{ do: "edit", service: said.service }], [{ do: "edit", service: head.service }]);
  }

  async discount() {
    if (!this.tab.isOpen || !this.allowed("discount")) return;
    const said = await askDiscount(this.app, this.tab.title(), this.tab.lines().reduce((sum, line) => sum + line.amount_fen, 0));
    if (said) this.tab.do([{ do: "discount", ...said }], this.plain());
  }

  async comp() {
    const said = await askFor(this.app, { name: "order-comp", title: t("tables.order_comp"), primary: t("tables.set"), works: t("tables.comp_says"),
      fields: [{ name: "reason", kind: "text", label: t("reason.label"), max: 60, chips: [1, 2, 3].map((n) => t("tables.reason_gift_" + n)) }] });
    if (said) this.tab.do([{ do: "discount", comp: true, reason: said.reason }], this.plain());
  }

  /** What takes a discount back, for an order that had none before. */
  plain() {
    return this.tab.now().adjustments.some((one) => ["discount", "comp"].includes(one.kind)) ? null : [{ do: "discount" }];
  }

  // --- between tables ---

  /** The order that is meant; says so where none is. */
  chosen() {
    if (!this.tab.isOpen) showToast(t("tables.choose_first"));
    return this.tab.order_id;
  }

  move() {
    const order_id = this.chosen();
    if (!order_id) return;
    const from = this.tab.now().head.table;
    this.app.plan.pick(t("tables.pick_move", { name: this.tab.title() }), (table, orders) => {
      if (orders.some((one) => one.order_id === order_id)) return;
      if (orders.length) showToast(t("error.table_taken"));
      else this.tab.post("move", { table: table.id }, order_id, from ? { table: from } : null);
    });
  }

  merge() {
    const order_id = this.chosen();
    if (!order_id) return;
    this.app.plan.pick(t("tables.pick_merge", { name: this.tab.title() }), (table, orders) => {
      const other = orders.find((one) => one.order_id !== order_id);
      if (other) this.tab.post("merge", { into: other.order_id }, order_id);
      else showToast(t("tables.nobody_there", { name: table.name }));
    });
  }

  split() {
    if (this.chosen()) askSplit(this.app);
  }

  beside() {
    const table = this.app.plan.table(this.tab.now().head.table);
    if (table) this.app.plan.open(table, true);
  }

  cancel() {
    this.tab.post("cancel", { reason: "" });
  }

  // --- to the kitchen ---

  chase() {
    if (!this.tab.isOpen) return;
    this.tab.do([{ do: "chase" }]);
  }

  fire() {
    if (!this.tab.isOpen) return;
    this.tab.do([{ do: "fire" }]);
  }
}
