// The till as one object: its parts, what is shown, and the state that all of them share.

import { approvalsAt } from "./approve.js";
import { Basket } from "./basket.js";
import { Chips } from "./chips.js";
import { Deeds } from "./deeds.js";
import { Desk } from "./desk.js";
import { byId } from "./dom.js";
import { Finder, nameOfChosen } from "./finder.js";
import { Help } from "./help.js";
import { Hold } from "./hold.js";
import { LineSheet } from "./line_sheet.js";
import { Link } from "./link.js";
import { Lock } from "./lock.js";
import { Members } from "./members.js";
import { More } from "./more.js";
import { NodeSays } from "./node_says.js";
import { OpenOrder } from "./open_order.js";
import { OrderSheet } from "./order_sheet.js";
import { PayPage } from "./pay.js";
import { Paying } from "./paying.js";
import { Plan } from "./plan.js";
import { Platforms } from "./platforms.js";
import { Screen } from "./screen.js";
import { Sheets } from "./sheets.js";
import { SlipLines } from "./slip.js";
import { SlipActs } from "./slip_acts.js";
import { Stock } from "./stock.js";
import { Tables } from "./tables.js";
import { Tiles } from "./tiles.js";
import { ToPay } from "./to_pay.js";
import { load } from "./vault.js";
import { Who } from "./who.js";
import { nameOf } from "./words.js";

export class App {
  constructor() {
    this.view = "boot";
    this.category = null;
    this.last = null;
    this.aside = [];
    this.special = null;
    this.node = new NodeSays(this);
    this.basket = new Basket(this);
    this.link = new Link((status, asked_ms) => this.node.heard(status, asked_ms), (away) => this.node.moved(away));
    this.paying = new Paying(this);
    this.sheets = new Sheets(byId("sheet-layer"), this);
    this.who = new Who(this);
    this.slip = new SlipActs(this);
    this.toPay = new ToPay(this);
    this.stock = new Stock(this, byId("tiles"));
    this.tiles = new Tiles(byId("tiles"), (id) => this.slip.press(id));
    this.chips = new Chips(byId("chips"), (id) => this.slip.toggle(id));
    this.lines = new SlipLines(byId("lines"), (key) => this.slip.choose(key));
    this.pay = new PayPage(byId("pay-page"), () => this.toPay.leave(), () => this.screen.drawFoot(), this.paying.ways);
    approvalsAt(this);
    this.finder = this.makeFinder();
    this.tab = new OpenOrder(this);
    this.plan = new Plan(byId("plan-page"), this);
    this.tables = new Tables(this);
    this.lineSheet = new LineSheet(this);
    this.orderSheet = new OrderSheet(this);
    this.hold = new Hold(this);
    this.members = new Members(this);
    this.screen = new Screen(this);
    this.deeds = new Deeds(this);
    this.desk = new Desk(this);
    this.platforms = new Platforms(this);
    this.more = new More(this);
    this.help = new Help(this);
    this.lock = new Lock(this);
  }

  makeFinder() {
    return new Finder({
      menu: () => this.menu,
      chosenName: () => (this.tab.isOpen ? nameOf(this.tab.line()?.name ?? {}) : nameOfChosen(this.order)),
      found: (dishes, more, text) => this.screen.drawFound(dishes, more, text),
      pick: (dish) => this.slip.press(dish.id),
      quantity: (qty) => this.slip.setQty(qty),
      tooMany: () => this.slip.sayQtyMax(),
      primary: () => this.toPay.open(),
    });
  }

  // --- what the parts ask for most ---

  get session() {
    return this.who.session;
  }

  get till() {
    return this.who.till;
  }

  get status() {
    return this.node.status;
  }

  get node_away() {
    return this.node.away;
  }

  get menu() {
    return this.node.menu;
  }

  get house() {
    return this.node.house;
  }

  get order() {
    return this.basket.order;
  }

  get submitter() {
    return this.paying.submitter;
  }

  may(action) {
    return this.who.may(action);
  }

  asks(action) {
    return this.who.asks(action);
  }

  /** The name under which this till keeps something on the browser's disk. */
  kept(name) {
    return name + ":" + this.till;
  }

  isIdle() {
    return this.order.isEmpty && !this.tab.isOpen && !this.tab.steps.jobs.length && !this.submitter.pending && this.view !== "pay" && this.view !== "desk";
  }

  async start() {
    const [session, menu, house] = await load(["session", "menu", "house"]);
    this.node.useHouse(house || null);
    if (menu) this.node.useMenu(menu.body, menu.etag);
    if (session) await this.who.enter(session);
    await this.link.start();
    if (session && this.session) await this.node.readHouse();
  }

  /** Esc: one level back, the cart kept. */
  back() {
    if (this.sheets.open) this.sheets.close();
    else if (this.view === "pay") this.toPay.leave();
    else if (this.view === "desk") this.desk.back();
    else if (this.view === "plan") this.tables.back();
    else if (this.finder.clear()) return;
    else if (this.tab.isOpen) this.tables.back();
    else document.activeElement?.blur();
  }
}
