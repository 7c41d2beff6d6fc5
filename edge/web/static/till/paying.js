// Paying: one order becomes one pending sale, and that one gets one answer, whatever happens between.

import { ask, Refused } from "./api.js";
import { uuid7 } from "./ids.js";
import { amount } from "./money.js";
import { emptyCart, price, wireLines } from "./order.js";
import { Submitter } from "./submit.js";
import { hideToast, showToast } from "./toast.js";
import { keep } from "./vault.js";
import { errorText, localeTag, t } from "./words.js";
import { letIn } from "./worker.js";

export class Paying {
  constructor(app) {
    this.app = app;
    this.late = false;
    this.submitter = new Submitter({
      saved: (sale, pending) => this.saved(sale, pending),
      refused: (error, pending) => this.refused(error, pending),
      unsigned: () => app.signedOut("sign_in.waiting_sale"),
      waiting: (pending, error) => this.waits(error),
    });
  }

  /** Why nothing can be paid now, as a word key, or null. */
  blocked(sum) {
    if (this.app.node_away) return "slip.blocked_away";
    if (this.submitter.pending) return "slip.blocked_pending";
    if (this.app.status?.disk?.room === "red") return "slip.blocked_disk";
    if (sum.gone) return "slip.blocked_gone";
    return sum.lacking ? "slip.blocked_options" : null;
  }

  exactCash() {
    const sum = price(this.app.menu, this.app.order.cart.lines);
    this.submit(sum, sum.total_fen, true);
  }

  finish() {
    const sum = price(this.app.menu, this.app.order.cart.lines);
    if (this.app.pay.received_fen >= sum.total_fen) this.submit(sum, this.app.pay.received_fen, false);
  }

  /** The order leaves the cart as one pending sale, on the disk first, then to the node. */
  async submit(sum, received_fen, exact) {
    if (this.app.order.isEmpty || this.blocked(sum)) return;
    const { cart } = this.app.order;
    const body = {
      sale_id: cart.sale_id, lines: wireLines(cart.lines), tenders: [{ kind: "cash", received_fen }],
      due_fen: sum.total_fen, menu_version: this.app.menu.version, locale: localeTag(),
    };
    const pending = { sale_id: cart.sale_id, body, cart, due_fen: sum.total_fen, received_fen, exact };
    // Set before the first await: a second press finds it and stops.
    this.submitter.pending = pending;
    this.late = false;
    this.app.special = null;
    const next = emptyCart();
    hideToast();
    this.app.finder.clear();
    this.app.screen.setView("order");
    this.app.loading = true;
    this.app.order.replace(next);
    this.app.loading = false;
    this.app.screen.drawStates();
    try {
      await keep({ [this.app.kept("pending")]: pending, [this.app.kept("cart")]: next });
    } catch {
      // A browser whose storage fails still sells: the node makes the sale safe, and this page goes on asking for it.
    }
    this.app.channel.postMessage("cart");
    await this.submitter.run();
  }

  /** Not answered, or answered with a fault of the node's own: the till says so and goes on asking. */
  waits(error) {
    this.late = true;
    if (error instanceof Refused && error.status !== 503) {
      this.app.special = this.blocking(t("notice.sale_waits"), errorText(error), error.code);
      this.app.screen.drawStates();
    }
    this.app.screen.draw();
  }

  async saved(sale, pending) {
    this.app.special = null;
    this.app.screen.drawStates();
    this.app.last = { sale };
    this.late = false;
    const change = { [this.app.kept("pending")]: null, [this.app.kept("last")]: this.app.last };
    if (this.app.order.isEmpty && this.app.aside.length) {
      this.app.order.replace(this.app.aside.pop());
      change[this.app.kept("aside")] = this.app.aside;
    }
    this.app.screen.draw();
    if (!this.app.order.isEmpty) showToast(t("toast.saved", { number: sale.receipt_no, change: amount(sale.change_fen) }));
    await keep(change);
    if (this.app.sheets.name === "node" && !this.app.node_away) this.app.sheets.close();
    letIn(() => this.app.isIdle());
  }

  /** The node said no: the order comes back to the slip; one begun meanwhile is set aside. */
  async refused(error, pending) {
    if (error.code === "sale_id_reused") {
      await this.alreadyPaid(pending);
      return;
    }
    if (!this.app.order.isEmpty) this.app.aside.push(this.app.order.cart);
    this.app.loading = true;
    this.app.order.replace(pending.cart);
    this.app.loading = false;
    await keep({ [this.app.kept("pending")]: null, [this.app.kept("cart")]: pending.cart, [this.app.kept("aside")]: this.app.aside });
    if (error.code === "price_changed") {
      await this.app.refreshMenu();
      this.askPrice(error, pending);
      return;
    }
    this.refuse(t("notice.sale_refused"), errorText(error) + (this.app.aside.length ? " " + t("notice.aside") : ""), error.code);
  }

  blocking(title, sub, code) {
    return { tone: "blocks", icon: "alert", title, sub, code: code.toUpperCase().replaceAll("_", "-"), button: t("notice.go_on"), sheet: null };
  }

  refuse(title, sub, code) {
    this.app.special = this.blocking(title, sub, code);
    this.app.screen.drawStates();
    this.app.screen.draw();
  }

  askPrice(error, pending) {
    this.app.special = null;
    this.app.screen.drawStates();
    this.app.screen.draw();
    const sum = price(this.app.menu, this.app.order.cart.lines);
    const new_fen = error.details.due_fen ?? sum.total_fen;
    this.app.sheets.show("price", {
      old_fen: pending.due_fen,
      new_fen,
      go: () => (pending.exact ? this.exactCash() : this.app.openPay(pending.received_fen)),
    });
  }

  async alreadyPaid(pending) {
    const cart = { ...pending.cart, sale_id: uuid7() };
    if (this.app.order.isEmpty) this.app.order.replace(cart);
    else this.app.aside.push(cart);
    await keep({ [this.app.kept("pending")]: null, [this.app.kept("cart")]: this.app.order.cart, [this.app.kept("aside")]: this.app.aside });
    let number = "";
    try {
      const { body } = await ask("GET", "/sales/" + pending.sale_id);
      number = body.receipt_no;
      this.app.last = { sale: body };
    } catch {
      // The number is a courtesy; what matters is that the order on the screen is not paid.
    }
    this.refuse(t("notice.already_paid", { number }), t("notice.already_paid_sub"), "sale_id_reused");
  }

  async reprint() {
    const last = this.app.last;
    if (!last || last.reprinting) return;
    last.reprinting = true;
    last.request_id ??= uuid7();
    this.app.screen.drawLast();
    try {
      await ask("POST", `/sales/${last.sale.sale_id}/reprint`, { body: { request_id: last.request_id } });
      last.note = t("last.reprint_queued");
      last.request_id = null;
    } catch (error) {
      // Unanswered keeps its id: pressing again cannot make a second slip.
      last.note = error instanceof Refused ? errorText(error) : t("notice.node_away");
      if (error instanceof Refused) last.request_id = null;
    }
    last.reprinting = false;
    this.app.screen.drawLast();
  }
}
