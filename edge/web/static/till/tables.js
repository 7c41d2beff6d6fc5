// What all tills share, followed live: every open order, the plan, the dishes of today; and going between plan and slip.

import { ask } from "./api.js";
import { ring } from "./beep.js";
import { byId, setHidden } from "./dom.js";
import { showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { t } from "./words.js";

const POLL_MS = 2000;
const MINUTE_MS = 30000;
const SOON_MS = 100;
const LATER_MS = 700;

export class Tables {
  constructor(app) {
    this.app = app;
    this.orders = [];
    this.floor = null;
    this.bookings = [];
    this.n = 0;
    this.reading = null;
    this.timer = 0;
    this.again = false;
    this.asking = null;
    app.link.on("house", (news) => this.heard(news));
    setInterval(() => this.poll(), POLL_MS);
    // Minutes on the plan go on by themselves.
    setInterval(() => { if (app.view === "plan") app.plan.draw(); }, MINUTE_MS);
  }

  async restore() {
    const [kept] = await load([this.app.kept("house-tables")]);
    this.orders = kept?.orders ?? [];
    this.floor = kept?.floor ?? null;
    this.n = 0;
    await this.app.tab.restore();
    if (this.app.session) this.readAll();
  }

  readAll() {
    this.readFloor();
    this.readBookings();
    this.app.stock.read();
    return this.read();
  }

  /** Read the open orders in a moment: many changes of the house are one question, and sooner where the plan is looked at. */
  soon() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.read();
    }, this.app.view === "plan" ? SOON_MS : LATER_MS);
  }

  /** Read the open orders; a question while one is under way is asked once more after it. */
  read() {
    if (this.reading) {
      this.again = true;
      return this.reading;
    }
    this.reading = this.fetch().finally(() => {
      this.reading = null;
      if (this.again) {
        this.again = false;
        this.read();
      }
    });
    return this.reading;
  }

  async fetch() {
    try {
      const { body } = await ask("GET", "/orders");
      this.hearGuests(body.orders);
      this.orders = body.orders;
      this.n = Math.max(this.n, body.n);
      this.keep();
      this.app.screen.tablesMoved();
    } catch {
      // What was read last stays in sight; the next event asks again.
    }
  }

  /** Guests asked for something since the last look: heard across the room, wherever somebody may confirm it. */
  hearGuests(orders) {
    const before = this.asking;
    this.asking = new Map(orders.filter((order) => order.waiting).map((order) => [order.order_id, Number(order.waiting)]));
    if (before && [...this.asking].some(([id, n]) => n > (before.get(id) ?? 0))) ring();
  }

  async readFloor() {
    try {
      this.floor = (await ask("GET", "/floor")).body;
      this.keep();
      this.app.screen.tablesMoved();
    } catch {
      // As above.
    }
  }

  /** Guests who are to come today, for the plan. */
  async readBookings() {
    try {
      const { body } = await ask("GET", "/bookings");
      this.bookings = body.bookings.filter((one) => one.day === body.today && one.state === "waiting" && one.table);
      if (this.app.view === "plan") this.app.plan.draw();
    } catch {
      // As above.
    }
  }

  /** Who comes next to a table today; undefined for nobody. */
  booked(table_id) {
    return this.bookings.find((one) => one.table === table_id);
  }

  keep() {
    keep({ [this.app.kept("house-tables")]: { orders: this.orders, floor: this.floor } }).catch(() => null);
  }

  heard(news) {
    const { app } = this;
    if (!app.session) return;
    const first = !news.orders && !news.dishes && !news.floor_n && !news.bookings_n && !news.everything;
    if (first && news.n <= this.n) return;
    this.n = Math.max(this.n, news.n);
    const all = first || news.everything;
    if (all || news.floor_n) this.readFloor();
    if (all || news.bookings_n) this.readBookings();
    if (all || news.dishes?.length) app.stock.read();
    if (all || news.orders?.length) {
      this.soon();
      const paid = app.paying.order?.order_id;
      if (paid && (all || news.orders.some((one) => one.order_id === paid))) app.paying.rebill();
      const mine = news.orders?.find((one) => one.order_id === app.tab.order_id);
      if (app.tab.isOpen && (all || (mine && mine.n > (app.tab.view?.n ?? 0)))) app.tab.read();
    }
  }

  /** Where there is no stream the till asks now and then. */
  async poll() {
    const { app } = this;
    if (!app.session || app.node_away || app.link.source?.readyState === EventSource.OPEN) return;
    try {
      const { body } = await ask("GET", "/changes?after=" + this.n);
      if (body.n > this.n) this.heard(body);
    } catch {
      // Asked again at the next turn.
    }
  }

  nodeBack() {
    this.app.tab.steps.hurry();
    this.readAll();
    if (this.app.tab.isOpen) this.app.tab.read();
  }

  /** The orders at a table, the oldest first. */
  at(table_id) {
    return this.orders.filter((order) => order.table === table_id);
  }

  /** After a merge the slip shows where the lines went; after a split the new order. */
  came(job, body) {
    const { tab } = this.app;
    if (job.order_id !== tab.order_id) return;
    showToast(t("tables.done_" + job.act));
    if (job.act === "merge" || job.show_other) tab.show(body.other.order_id);
  }

  // --- plan and slip ---

  togglePlan() {
    const { app } = this;
    if (app.view === "plan") this.toOrder();
    else if (app.view === "order") this.toPlan();
  }

  toPlan() {
    const { app } = this;
    if (!app.session) return;
    app.finder.clear();
    app.sheets.close();
    document.activeElement?.blur();
    app.plan.typed = "";
    app.screen.setView("plan");
    app.plan.draw();
    app.screen.draw();
    this.read();
  }

  toOrder() {
    const { app } = this;
    app.plan.stopPicking();
    app.screen.setView("order");
    app.screen.draw();
  }

  /** Esc: first what was begun, then away from the plan, then the order leaves the slip. */
  back() {
    const { app } = this;
    if (app.view === "plan") {
      if (!app.plan.stopPicking()) this.toOrder();
    } else if (app.tab.isOpen) app.tab.leave();
  }

  /** A table in the slip is not the basket: what belongs to one only is hidden for the other. */
  dress() {
    const order = this.app.tab.isOpen;
    const paying = this.app.view === "pay";
    document.body.dataset.slipOf = order ? "order" : "basket";
    setHidden(byId("clear"), order);
    setHidden(byId("order-keys"), !order || paying);
    setHidden(byId("slip-acts"), !order || this.app.view !== "plan");
  }
}
