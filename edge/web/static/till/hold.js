// Put aside and taken up again: a basket becomes an order that every till of the house can take up.

import { askFor } from "./ask_sheet.js";
import { el, kbd } from "./dom.js";
import { uuid7 } from "./ids.js";
import { amount } from "./money.js";
import { since } from "./plan_tile.js";
import { showToast } from "./toast.js";
import { t } from "./words.js";

/** The lines of a basket as steps that add them to an order. */
export function stepsOf(cart) {
  return cart.lines.map((line) => ({ do: "add", line_id: uuid7(), dish_id: line.dish_id, qty: line.qty, modifiers: line.modifiers,
    ...(line.weight_g ? { weight_g: line.weight_g } : {}), ...(line.parts ? { parts: line.parts } : {}), ...(line.unit_fen !== undefined ? { unit_fen: line.unit_fen } : {}) }));
}

export class Hold {
  constructor(app) {
    this.app = app;
  }

  /** F6: the order in the slip, or else the basket, is put aside. */
  async hold() {
    const { app } = this;
    const { tab } = app;
    if (tab.isOpen) {
      const { order_id } = tab;
      tab.do([{ do: "edit", held: true }], null, order_id);
      tab.leave();
      this.said(order_id);
      return;
    }
    if (app.order.isEmpty) return;
    if (app.paying.ways.hasKept(app.order.cart.sale_id)) {
      showToast(t("tables.basket_paid"));
      return;
    }
    const said = await askFor(app, { name: "hold", title: t("tables.order_hold"), primary: t("tables.order_hold"),
      fields: [{ name: "label", kind: "text", label: t("tables.label"), max: 24, optional: true }] });
    if (!said || app.order.isEmpty) return;
    const { sale_id } = app.order.cart;
    const order_id = tab.open({ service: "counter", held: true, label: said.label ?? "", steps: stepsOf(app.order.cart) });
    app.members.moved(sale_id, order_id);
    app.basket.leave();
    this.said(order_id);
  }

  said(order_id) {
    const { tab } = this.app;
    showToast(t("tables.held_now"), () => {
      tab.do([{ do: "edit", held: false }], null, order_id);
      tab.show(order_id);
    });
  }

  /** The basket goes on as an order of the house, where `body` says; null where money lies on it already. */
  asOrder(body) {
    const { app } = this;
    if (app.order.isEmpty) return null;
    if (app.paying.ways.hasKept(app.order.cart.sale_id)) {
      showToast(t("tables.basket_paid"));
      return null;
    }
    const { sale_id } = app.order.cart;
    const order_id = app.tab.open({ ...body, steps: stepsOf(app.order.cart) });
    app.members.moved(sale_id, order_id);
    app.basket.leave();
    app.tab.show(order_id);
    return order_id;
  }

  /** F1 over a basket: whose is it? Then it goes to the kitchen. */
  place() {
    const { app } = this;
    if (app.order.isEmpty) {
      showToast(t("tables.nothing_to_send"));
      return;
    }
    const send = (order_id) => { if (order_id) app.tab.send(); };
    const at = (service) => { app.sheets.close(); send(this.asOrder({ service })); };
    app.sheets.show("place", { draw: (sheets) => sheets.frame(t("tables.place"), [el("div", { class: "more-keys" },
      el("button", { class: "key", testid: "place-table", text: t("tables.split_table"), onclick: () => { sheets.close(); this.placeAtTable(send); } }),
      el("button", { class: "key", testid: "place-takeaway", text: t("service.takeaway"), onclick: () => at("takeaway") }),
      el("button", { class: "key", testid: "place-counter", text: t("service.counter"), onclick: () => at("counter") }))], []) });
  }

  placeAtTable(send) {
    const { app } = this;
    app.plan.pick(t("tables.pick_place"), async (table, [order]) => {
      if (order) {
        const steps = stepsOf(app.order.cart);
        const { sale_id } = app.order.cart;
        app.basket.leave();
        app.members.moved(sale_id, order.order_id, app.tab.show(order.order_id));
        app.tab.do(steps);
        send(order.order_id);
      } else {
        const covers = await app.plan.askCovers(table);
        if (covers === null) return;
        send(this.asOrder({ service: "dine_in", table: table.id, covers }));
      }
      app.tables.toOrder();
    });
  }

  held() {
    return this.app.tables.orders.filter((order) => order.held);
  }

  /** F7: what was put aside, the oldest first. */
  recall() {
    const { app } = this;
    app.tables.read();
    app.sheets.show("recall", { draw: (sheets) => {
      const orders = this.held();
      sheets.frame(t("tables.recall"), orders.length ? [el("ul", { class: "recall-rows" }, ...orders.map((order) => el("li", {},
        el("button", { class: "away-order", testid: "recall-" + order.order_id, onclick: () => this.take(order) },
          el("b", { text: order.table_name || order.label || t("service." + order.service) }),
          el("span", { text: `${since(order.opened_ms)}\u00b7${t("tables.items", { n: order.lines })}` }), el("strong", { text: amount(order.total_fen) })))))]
        : [el("p", { class: "says", text: t("tables.none_held") }), el("p", { class: "works" }, ...kbd("F6"))], []);
    } });
  }

  take(order) {
    const { app } = this;
    app.sheets.close();
    app.tab.show(order.order_id);
    app.tab.do([{ do: "edit", held: false }], null, order.order_id);
    app.tables.toOrder();
  }
}
