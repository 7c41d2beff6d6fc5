// The basket of this till on the browser's disk: kept at each change, the same in every tab.

import { emptyCart, Order } from "./order.js";
import { showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { t } from "./words.js";

export class Basket {
  constructor(app) {
    this.app = app;
    this.order = new Order(() => this.changed());
    this.quiet = false;
    this.unsaved = false;
    this.saving = false;
    this.channel = new BroadcastChannel("zhanggui-till");
    this.channel.addEventListener("message", () => this.read());
  }

  changed() {
    if (!this.quiet) this.save();
    this.app.screen.draw();
  }

  /** Put `cart` into the slip without writing it down: it comes from the disk, or its caller keeps it along with more. */
  put(cart) {
    this.quiet = true;
    this.order.replace(cart);
    this.quiet = false;
  }

  async read() {
    if (!this.app.session) return;
    const [cart] = await load([this.app.kept("cart")]);
    this.put(cart || emptyCart());
  }

  async save() {
    this.unsaved = true;
    if (this.saving) return;
    this.saving = true;
    while (this.unsaved) {
      this.unsaved = false;
      await keep({ [this.app.kept("cart")]: this.order.cart });
    }
    this.saving = false;
    this.told();
  }

  /** The other tabs of this till read it anew. */
  told() {
    this.channel.postMessage("cart");
  }

  /** It became an order of the house: what it was is nobody's basket any more. */
  leave() {
    this.put(emptyCart());
    this.save();
  }

  clear() {
    const { app, order } = this;
    const n = order.cart.lines.length;
    if (!n) return;
    // Money lies on it: it is given back first, or paid with.
    if (app.paying.ways.hasKept(order.cart.sale_id)) {
      showToast(t("toast.money_on_it"));
      return;
    }
    order.clear();
    showToast(n === 1 ? t("toast.cleared_one") : t("toast.cleared", { n }), () => app.slip.undo());
  }
}
