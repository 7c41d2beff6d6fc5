// What the guest is shown while an order is rung up and paid: told to the node, the newest wins, and the till never waits.

import { ask } from "./api.js";
import { whenIdle } from "./dom.js";
import { lineFen } from "./menu.js";
import { price } from "./order.js";

const PAUSE_MS = 60;
const THANKS_MS = 30000;
const LINES_MAX = 200;

export class GuestDisplay {
  constructor(app) {
    this.app = app;
    this.told = "";
    this.timer = 0;
    this.last = undefined;
    this.thanks_until_ms = 0;
    app.link.on("open", () => { this.told = ""; this.follow(); });
  }

  /** Called after each change of the page. */
  follow() {
    const { app } = this;
    if (!app.session) return;
    // The sale that was kept from before is no news for the guest who stands here now.
    if (this.last === undefined) this.last = app.last;
    if (app.last !== this.last) {
      this.last = app.last;
      this.thanks_until_ms = performance.now() + THANKS_MS;
      setTimeout(() => this.follow(), THANKS_MS + PAUSE_MS);
    }
    if (!this.timer) this.timer = setTimeout(() => whenIdle(() => this.send()), PAUSE_MS);
  }

  async send() {
    const body = JSON.stringify(this.view());
    if (!this.app.session || this.app.node_away || body === this.told) {
      this.timer = 0;
      return;
    }
    this.told = body;
    try {
      await ask("PUT", "/till/display", { body: JSON.parse(body) });
    } catch {
      // A display that missed something shows the next change; the till has better things to do.
    }
    this.timer = 0;
    if (JSON.stringify(this.view()) !== this.told) this.follow();
  }

  view() {
    const { app } = this;
    if (app.tab.isOpen) return this.orderView();
    const { cart } = app.order;
    const { job, tab } = app.paying.ways;
    if (job?.order && tab) {
      const shown = job.order.bill.lines.slice(-LINES_MAX).map((line) => ({ name: line.name, qty: line.qty, amount_fen: line.amount_fen }));
      return { show: "total", total_fen: tab.cash_fen, lines: shown };
    }
    const lines = cart.lines.map((line) => ({ line, fen: app.menu ? lineFen(app.menu, line) : null })).filter(({ fen }) => fen !== null);
    if (!lines.length) return this.idleView();
    const shown = lines.slice(-LINES_MAX).map(({ line, fen }) => ({ name: line.name, qty: line.qty, amount_fen: fen }));
    const { total_fen } = price(app.menu, cart.lines);
    if (app.view === "pay") return { show: "total", total_fen: tab?.cash_fen ?? total_fen, lines: shown };
    const { line, fen } = lines.find((each) => each.line.key === cart.chosen) || lines[lines.length - 1];
    return { show: "item", name: line.name, qty: line.qty, amount_fen: fen, total_fen, lines: shown };
  }

  /** A table's order is shown to its guests when it comes to paying, not while a waiter rings it up. */
  orderView() {
    const { tab, view } = this.app;
    if (view !== "pay") return this.idleView();
    const { lines, total_fen } = tab.now();
    const shown = lines.filter((line) => line.left_qty > 0).slice(-LINES_MAX).map((line) => ({ name: line.name, qty: line.left_qty, amount_fen: line.amount_fen }));
    return { show: "total", total_fen, lines: shown };
  }

  idleView() {
    const pending = this.app.submitter.pending;
    if (pending) return { show: "total", total_fen: pending.due_fen };
    const sale = performance.now() < this.thanks_until_ms ? this.last?.sale : null;
    if (!sale) return { show: "welcome" };
    const lines = sale.lines.map((line) => ({ name: line.name, qty: line.qty, amount_fen: line.amount_fen }));
    return { show: "change", total_fen: sale.total_fen, received_fen: sale.received_fen, change_fen: sale.change_fen, lines };
  }
}
