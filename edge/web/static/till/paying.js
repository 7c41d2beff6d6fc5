// Paying: a basket or an order becomes one pending sale, and that one gets one answer, whatever happens between.

import { ask, Refused } from "./api.js";
import { beep } from "./beep.js";
import { uuid7 } from "./ids.js";
import { amount } from "./money.js";
import { emptyCart, price, wireLines } from "./order.js";
import { drawPayFoot } from "./pay_foot.js";
import { roundOff } from "./pay_tab.js";
import { PayWays } from "./pay_ways.js";
import { refused } from "./paying_refused.js";
import { Submitter } from "./submit.js";
import { hideToast, showToast } from "./toast.js";
import { keep } from "./vault.js";
import { errorText, localeTag, t } from "./words.js";
import { letIn } from "./worker.js";

export class Paying {
  constructor(app) {
    this.app = app;
    this.late = false;
    this.ways = new PayWays(app, this);
    this.submitter = new Submitter({
      saved: (sale, pending) => this.saved(sale, pending),
      refused: (error, pending) => this.refused(error, pending),
      unsigned: () => app.who.signedOut("sign_in.waiting_sale"),
      waiting: (pending, error) => this.waits(error),
    });
  }

  /** The order that is being paid, or null: {order_id, title, …}. */
  get order() {
    return this.app.view === "pay" ? this.ways.job?.order ?? null : null;
  }

  /** Why nothing can be paid now, as a word key, or null. */
  blocked(sum) {
    if (this.app.node_away) return "slip.blocked_away";
    if (this.submitter.pending) return "slip.blocked_pending";
    if (this.app.status?.disk?.room === "red") return "slip.blocked_disk";
    if (sum.gone) return "slip.blocked_gone";
    return sum.lacking ? "slip.blocked_options" : null;
  }

  // --- what is paid ---

  sum() {
    return price(this.app.menu, this.app.order.cart.lines);
  }

  /** A basket that has payments on it already is paid on the payment page, where they can be seen. */
  exactCash() {
    const sum = this.sum();
    if (this.ways.hasKept(this.app.order.cart.sale_id)) this.app.toPay.open();
    else this.submit(sum, [{ kind: "cash", received_fen: sum.total_fen + roundOff(sum.total_fen, this.app.house?.rounding) }], true);
  }

  openBasket(received_fen, share = null, note = "") {
    const { sale_id } = this.app.order.cart;
    const { total_fen, taxes_fen } = this.sum();
    share ??= this.ways.splitOf(sale_id, total_fen);
    if (share) this.ways.keepSplit(sale_id, sale_id, { ...share, bill_fen: total_fen });
    const mine = share && share.k < share.of ? { ...share, fen: share.fens[share.k - 1] } : null;
    const title = t("pay.title", { order: t("slip.title") }) + (share ? ` ${share.k}/${share.of}` : "");
    const key = sale_id + (mine ? ":share" + mine.k : "");
    return this.ways.open({ key, target: sale_id, sale_id, bill_fen: total_fen, taxes_fen, title, order: null, what: {}, share: mine, note }, received_fen);
  }

  /** The next share of the same bill; the last one pays what is left. */
  openNext(job, share, note) {
    if (!job.order) return this.openBasket(null, share, note);
    return this.openOrder(job.order.order_id, { title: job.order.title, share, note });
  }

  /**
   * Open the payment page for an order or a part of it; the bill comes from the node.
   * `what` is {} for all that is left, {lines} or {seat}; `share` is {k, of, fens} of equal shares; with `exact` it is paid in cash at once.
   */
  async openOrder(order_id, { title = "", what = {}, share = null, exact = false, received_fen = null, note = "" } = {}) {
    const { app } = this;
    if (this.submitter.pending || app.node_away) return false;
    let bill;
    try {
      const part = what.lines || what.seat !== undefined;
      bill = (await (part ? ask("POST", `/orders/${order_id}/bill`, { body: { lines: what.lines ?? [], ...(what.seat !== undefined ? { seat: what.seat } : {}) } })
        : ask("GET", `/orders/${order_id}/bill`))).body;
    } catch (error) {
      this.refuse(t("notice.no_bill"), error instanceof Refused ? errorText(error) : t("notice.node_away"), error.code ?? "node_away");
      return false;
    }
    const whole = !what.lines && what.seat === undefined;
    if (whole && !exact) share ??= this.ways.splitOf(order_id, bill.total_fen);
    if (share) this.ways.keepSplit(order_id, uuid7(), { ...share, bill_fen: bill.total_fen });
    const mine = share && share.k < share.of ? { ...share, fen: share.fens[share.k - 1] } : null;
    const part = mine ? ":share" + mine.k : what.lines ? ":lines" : what.seat !== undefined ? ":seat" + what.seat : "";
    const job = {
      key: order_id + part, target: order_id, sale_id: null, bill_fen: bill.total_fen, title: t("pay.title", { order: title }) + (share ? ` ${share.k}/${share.of}` : ""),
      order: { order_id, title, bill }, what: share && !mine ? { share: { k: share.k, of: share.of } } : what, share: mine, note,
    };
    app.finder.clear();
    document.activeElement?.blur();
    app.screen.setView("pay");
    await this.ways.open(job, received_fen);
    app.screen.draw();
    if (exact) {
      app.pay.setFen(app.pay.due_fen);
      await this.finish();
    }
    return true;
  }

  /** The order changed under the payment page: what is due is read anew, and what was taken or typed stays. A part keeps what it was opened for. */
  async rebill() {
    const { job } = this.ways;
    if (!job?.order || job.share || Object.keys(job.what).length || this.submitter.pending) return;
    const { order_id, title } = job.order;
    let bill;
    try {
      bill = (await ask("GET", `/orders/${order_id}/bill`)).body;
    } catch {
      // The node refuses a sum that is no more; the next event asks again.
      return;
    }
    if (this.ways.job !== job || this.submitter.pending || bill.total_fen === job.bill_fen) return;
    await this.openOrder(order_id, { title, received_fen: this.app.pay.received_fen || null, note: t("pay.order_changed", { old: amount(job.bill_fen), new: amount(bill.total_fen) }) });
  }

  async finish() {
    const { tab, job } = this.ways;
    const { app } = this;
    if (!tab || tab.undecided || app.pay.received_fen < app.pay.due_fen || tab.over_fen) return;
    const received_fen = tab.doc.held_fen + app.pay.received_fen;
    if (job.share) await this.ways.takeShare(received_fen);
    else if (job.order) await this.submitOrder(job, tab, received_fen);
    else {
      const sum = this.sum();
      if (sum.total_fen === job.bill_fen) await this.submit(sum, tab.tenders(received_fen), false, tab);
    }
  }

  /** The basket leaves the cart as one pending sale, on the disk first, then to the node. */
  async submit(sum, tenders, exact, tab = null) {
    if (this.app.order.isEmpty || this.blocked(sum)) return;
    const { cart } = this.app.order;
    const body = {
      sale_id: cart.sale_id, lines: wireLines(cart.lines), tenders, due_fen: sum.total_fen, menu_version: this.app.menu.version, locale: localeTag(),
      ...(tab?.doc.tip_fen ? { tip_fen: tab.doc.tip_fen } : {}), ...this.app.members.onBill(cart.sale_id),
    };
    const received_fen = tenders.find((one) => one.kind === "cash" && !one.payment_id)?.received_fen ?? 0;
    const next = emptyCart();
    await this.send({ sale_id: cart.sale_id, path: "/sales", body, cart, due_fen: sum.total_fen, received_fen, exact, key: cart.sale_id }, next);
  }

  async submitOrder(job, tab, received_fen) {
    const { order, what } = job;
    const body = {
      sale_id: tab.doc.sale_id, tenders: tab.tenders(received_fen), due_fen: job.bill_fen, locale: localeTag(), tip_fen: tab.doc.tip_fen,
      ...what, ...this.app.members.onBill(order.order_id),
    };
    await this.send({ sale_id: tab.doc.sale_id, path: `/orders/${order.order_id}/pay`, body, cart: null, order, what, due_fen: job.bill_fen + tab.doc.tip_fen, received_fen, key: job.key }, null);
  }

  async send(pending, next_cart) {
    const { app } = this;
    if (this.submitter.pending) return;
    // Set before the first await: a second press finds it and stops.
    this.submitter.pending = pending;
    this.late = false;
    app.special = null;
    hideToast();
    app.finder.clear();
    this.ways.close();
    app.screen.setView("order");
    if (next_cart) {
      app.basket.put(next_cart);
    } else app.screen.draw();
    app.screen.drawStates();
    try {
      await keep({ [app.kept("pending")]: pending, ...(next_cart ? { [app.kept("cart")]: next_cart } : {}) });
    } catch {
      // A browser whose storage fails still sells: the node makes the sale safe, and this page goes on asking for it.
    }
    if (next_cart) app.basket.told();
    await this.submitter.run();
  }

  // --- what became of it ---

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
    const { app } = this;
    app.special = null;
    app.screen.drawStates();
    app.last = { sale };
    this.late = false;
    const change = { [app.kept("pending")]: null, [app.kept("last")]: app.last, ...this.ways.forgotten(pending.key) };
    if (pending.cart && app.order.isEmpty && app.aside.length) {
      app.order.replace(app.aside.pop());
      change[app.kept("aside")] = app.aside;
    }
    if (pending.order) app.toPay.orderPaid(pending.order.order_id, pending.order.bill.closes);
    app.screen.draw();
    if (!app.order.isEmpty || app.tab.isOpen || app.view !== "order") showToast(t("toast.saved", { number: sale.receipt_no, change: amount(sale.change_fen) }));
    await keep(change);
    if (app.sheets.name === "node" && !app.node_away) app.sheets.close();
    letIn(() => app.isIdle());
  }

  /** The node said no. */
  refused(error, pending) {
    return refused(this, error, pending);
  }

  blocking(title, sub, code) {
    return { tone: "blocks", icon: "alert", title, sub, code: code.toUpperCase().replaceAll("_", "-"), button: t("notice.go_on"), sheet: null };
  }

  refuse(title, sub, code) {
    beep(false);
    this.app.special = this.blocking(title, sub, code);
    this.app.screen.drawStates();
    this.app.screen.draw();
  }

  drawFoot() {
    const { tab, job } = this.ways;
    if (tab) drawPayFoot(this.app, job, tab, this.blocked(job.order ? {} : this.sum()));
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
