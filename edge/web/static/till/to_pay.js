// From the slip to the payment page and back.

import { price } from "./order.js";
import { showToast } from "./toast.js";
import { t } from "./words.js";

export class ToPay {
  constructor(app) {
    this.app = app;
  }

  /** F9 on the order: one key, paid with as much cash as is due. */
  exact() {
    const { app } = this;
    if (app.tab.isOpen) this.openOrder(true);
    else app.paying.exactCash();
  }

  /** F12: the payment page, where a basket that came back brings what was received for it. */
  open(received_fen = null) {
    const { app } = this;
    if (app.tab.isOpen) {
      this.openOrder();
      return;
    }
    const sum = price(app.menu, app.order.cart.lines);
    if (app.order.isEmpty || sum.gone || sum.lacking) return;
    app.finder.clear();
    document.activeElement?.blur();
    app.screen.setView("pay");
    app.paying.openBasket(received_fen);
    app.screen.draw();
  }

  /** Pay the order in the slip; what is on its way to the node is on the bill first. */
  async openOrder(exact = false) {
    const { app } = this;
    const { tab } = app;
    const { order_id } = tab;
    // Pressed right behind the recall: the key counts once the order's lines are here.
    if (!tab.view) await tab.reading;
    if (app.view === "pay" || tab.order_id !== order_id || !tab.lines().some((line) => line.left_qty > 0)) return;
    const title = tab.title();
    if (!(await tab.steps.settled())) showToast(t("tables.not_all_there"));
    else if (tab.order_id === order_id && app.view !== "pay") await app.paying.openOrder(order_id, { title, exact });
  }

  /** Not while a share is on its way to the node: a basket could lose the dishes that it pays. */
  leave() {
    const { app } = this;
    if (app.paying.ways.taking) {
      showToast(t("pay.taking"));
      return;
    }
    app.paying.ways.close();
    app.screen.setView("order");
    app.screen.draw();
  }

  /** What the payment page asks for was paid at another till meanwhile, or went into another order: nothing is booked here. */
  overtaken(name) {
    const { app } = this;
    app.paying.ways.close();
    app.screen.setView("order");
    app.paying.refuse(t("notice.order_ended", { name }), t("notice.order_ended_sub"), "order_closed");
  }

  /** A part or the whole of an order was paid; PAYING says whether it is closed. */
  orderPaid(order_id, closes) {
    const { tab, tables } = this.app;
    if (closes && tab.order_id === order_id) tab.leave();
    else if (tab.order_id === order_id) tab.read();
    tables.read();
  }

  /** A sale was taken back and lies open again. */
  reopened(order_id) {
    this.app.tab.show(order_id);
    this.app.tables.toOrder();
  }
}
