// What a press does to the slip, be it the basket of this till or an order of the house.

import { askDish, mustAsk } from "./open_order_ask.js";
import { QTY_MAX } from "./order.js";
import { hideToast, showToast } from "./toast.js";
import { nameOf, t } from "./words.js";

function sayQtyMax() {
  showToast(t("toast.qty_max", { n: QTY_MAX }));
}

export class SlipActs {
  constructor(app) {
    this.app = app;
  }

  /** What lies in the slip: an order of the house, or else the basket of this till. */
  get opened() {
    const { tab, order } = this.app;
    return tab.isOpen ? tab : order;
  }

  /** The chosen line, or null. */
  line() {
    const { tab, order } = this.app;
    return tab.isOpen ? tab.line() : order.chosenLine();
  }

  press(dish_id) {
    const { app } = this;
    const dish = app.menu?.byId.get(dish_id);
    if (!dish) return;
    hideToast();
    const qty = app.finder.takeQty();
    app.finder.clear();
    if (app.stock.explains(dish)) return;
    if (dish.per_g) {
      app.sheets.show("weigh", { dish, line: null });
      return;
    }
    if (mustAsk(dish) || dish.parts?.length) this.pressAsked(dish, qty);
    else if (!this.opened.add(dish, qty)) sayQtyMax();
  }

  /** A set menu or an open price: the dish comes once it is known what of it. */
  async pressAsked(dish, qty) {
    const more = await askDish(this.app, dish);
    if (more && !this.opened.add(dish, qty, more)) sayQtyMax();
  }

  choose(key) {
    const { app } = this;
    if (!app.tab.isOpen) app.order.choose(Number(key));
    else if (app.tab.choose(key) && app.view === "order") app.lineSheet.show();
  }

  toggle(option_id) {
    const { app } = this;
    if (app.tab.isOpen) {
      app.tab.toggle(option_id);
      return;
    }
    const line = app.order.chosenLine();
    const dish = line && app.menu?.byId.get(line.dish_id);
    if (dish) app.order.toggle(dish, line.key, option_id);
  }

  setQty(qty) {
    const line = this.line();
    if (!line) return;
    if (qty < 1) this.remove();
    else if (this.app.tab.isOpen) this.setQtyOfOrder(line, qty);
    else this.setQtyOfBasket(line, qty);
  }

  setQtyOfOrder(line, qty) {
    if (line.per_g || this.app.tab.more(line.key, qty - line.qty)) return;
    showToast(t(qty < line.qty ? "error.line_sent" : "toast.qty_max", { n: QTY_MAX }));
  }

  setQtyOfBasket(line, qty) {
    const { app } = this;
    const dish = app.menu?.byId.get(line.dish_id);
    // A line by weight has no quantity: it is weighed again.
    if (line.weight_g && dish?.per_g) app.sheets.show("weigh", { dish, line });
    else if (!app.order.setQty(line.key, qty)) sayQtyMax();
  }

  sayQtyMax() {
    sayQtyMax();
  }

  /** A weight was taken: a new line, or another weight for a line that may be gone meanwhile. */
  weighed(dish, line, weight_g) {
    const { tab, order } = this.app;
    if (tab.isOpen) tab.add(dish, 1, { weight_g });
    else if (!line || !order.setWeight(line.key, weight_g)) order.addWeighed(dish, weight_g);
  }

  remove() {
    const { app } = this;
    const line = this.line();
    if (!line) return;
    if (app.tab.isOpen) {
      app.tab.remove(line.key);
      return;
    }
    if (this.keepsMoney()) return;
    app.order.remove(line.key);
    showToast(t("toast.removed", { qty: line.qty, dish: nameOf(line.name) }), () => this.undo());
  }

  /** Whether the last line of a basket stays, since money was taken for it: the next guest's dishes would be paid with it. */
  keepsMoney() {
    const { order, paying } = this.app;
    const keeps = order.cart.lines.length < 2 && paying.ways.hasKept(order.cart.sale_id);
    if (keeps) showToast(t("toast.money_on_it"));
    return keeps;
  }

  undo() {
    if (this.app.view === "pay" || (!this.app.tab.isOpen && this.keepsMoney())) return;
    hideToast();
    showToast(t(this.opened.undo() ? "toast.undone" : "toast.nothing_to_undo"));
  }

  /** F1: what the kitchen does not have of the order in the slip; a basket is first given a place. */
  send() {
    const { app } = this;
    if (app.tab.isOpen) app.tab.send();
    else app.hold.place();
  }

  /** F4: a basket becomes an order of the counter first, so that the discount is kept and seen by every till. */
  discount() {
    const { app } = this;
    if (app.tab.isOpen || app.hold.asOrder({ service: "counter" })) app.orderSheet.discount();
  }
}
