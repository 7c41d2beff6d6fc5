// The till as one object: what is open, what is shown, and what each press does.

import { ask, Refused } from "./api.js";
import { approvalsAt } from "./approve.js";
import { Chips } from "./chips.js";
import { Deeds } from "./deeds.js";
import { Desk } from "./desk.js";
import { byId } from "./dom.js";
import { Finder, nameOfChosen } from "./finder.js";
import { Hold } from "./hold.js";
import { useHouse } from "./house.js";
import { uuid7 } from "./ids.js";
import { LineSheet } from "./line_sheet.js";
import { Link } from "./link.js";
import { Lock } from "./lock.js";
import { indexMenu } from "./menu.js";
import { amount, useCurrency } from "./money.js";
import { More } from "./more.js";
import { OpenOrder } from "./open_order.js";
import { askDish, mustAsk } from "./open_order_ask.js";
import { emptyCart, Order, price, QTY_MAX } from "./order.js";
import { OrderSheet } from "./order_sheet.js";
import { PayPage } from "./pay.js";
import { Paying } from "./paying.js";
import { Plan } from "./plan.js";
import { Screen } from "./screen.js";
import { applyLanguage, lastTill, rememberTill, takeLanguageOf } from "./settings.js";
import { Sheets } from "./sheets.js";
import { SignIn } from "./sign_in.js";
import { SlipLines } from "./slip.js";
import { Stock } from "./stock.js";
import { Tables } from "./tables.js";
import { Tiles } from "./tiles.js";
import { hideToast, showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { errorText, localeTag, nameOf, t } from "./words.js";
import { lookForBuild } from "./worker.js";

export class App {
  constructor() {
    this.view = "boot";
    this.status = null;
    this.node_away = false;
    this.session = null;
    this.session_since_ms = 0;
    this.menu = null;
    this.menu_etag = "";
    this.category = null;
    this.last = null;
    this.aside = [];
    this.special = null;
    this.house = null;
    this.order = new Order(() => this.orderChanged());
    this.link = new Link((status, asked_ms) => this.heard(status, asked_ms), (away) => this.nodeMoved(away));
    this.paying = new Paying(this);
    this.submitter = this.paying.submitter;
    this.sheets = new Sheets(byId("sheet-layer"), this);
    this.signIn = new SignIn(byId("sign-in"), (answer) => this.signedIn(answer));
    this.stock = new Stock(this, byId("tiles"));
    this.tiles = new Tiles(byId("tiles"), (id) => this.press(id));
    this.chips = new Chips(byId("chips"), (id) => this.toggle(id));
    this.lines = new SlipLines(byId("lines"), (key) => this.choose(key));
    this.pay = new PayPage(byId("pay-page"), () => this.leavePay(), () => this.screen.drawFoot(), this.paying.ways);
    approvalsAt(this);
    this.finder = new Finder({
      menu: () => this.menu,
      chosenName: () => (this.tab.isOpen ? nameOf(this.tab.line()?.name ?? {}) : nameOfChosen(this.order)),
      found: (dishes, more, text) => this.screen.drawFound(dishes, more, text),
      pick: (dish) => this.press(dish.id),
      quantity: (qty) => this.setQty(qty),
      tooMany: () => this.sayQtyMax(),
      primary: () => this.openPay(),
    });
    this.tab = new OpenOrder(this);
    this.plan = new Plan(byId("plan-page"), this);
    this.tables = new Tables(this);
    this.lineSheet = new LineSheet(this);
    this.orderSheet = new OrderSheet(this);
    this.hold = new Hold(this);
    this.screen = new Screen(this);
    this.deeds = new Deeds(this);
    this.desk = new Desk(this);
    this.more = new More(this);
    this.lock = new Lock(this);
    this.channel = new BroadcastChannel("zhanggui-till");
    this.channel.addEventListener("message", () => this.loadCart());
  }

  get till() {
    return this.session ? this.session.till : "";
  }

  kept(name) {
    return name + ":" + this.till;
  }

  isIdle() {
    return this.order.isEmpty && !this.tab.isOpen && !this.tab.steps.jobs.length && !this.submitter.pending && this.view !== "pay" && this.view !== "desk";
  }

  // --- start, sign-in, sign-out ---

  async start() {
    const [session, menu, house] = await load(["session", "menu", "house"]);
    this.takeHouse(house || null);
    if (menu) this.useMenu(menu.body, menu.etag);
    if (session) await this.enter(session);
    await this.link.start();
    if (session && this.session) await this.readHouse();
  }

  async enter(session) {
    this.session = session;
    this.session_since_ms = performance.now();
    rememberTill(session.till);
    applyLanguage(session.till);
    await this.loadCart();
    const [last, aside, pending] = await load([this.kept("last"), this.kept("aside"), this.kept("pending")]);
    this.last = last || null;
    this.aside = aside || [];
    await this.paying.ways.restore();
    this.deeds.resume();
    await this.tables.restore();
    this.signIn.hide();
    this.screen.relabel();
    this.screen.setView("order");
    if (pending) this.submitter.resume(pending);
    else this.submitter.run();
    this.screen.draw();
  }

  async loadCart() {
    if (!this.session) return;
    const [cart] = await load([this.kept("cart")]);
    this.loading = true;
    this.order.replace(cart || emptyCart());
    this.loading = false;
  }

  async signedIn(answer) {
    this.locked = false;
    takeLanguageOf(answer);
    await keep({ session: answer });
    await this.enter(answer);
    // The stream was opened by nobody in particular; the new one knows who listens.
    this.link.openStream();
    await this.refreshMenu();
    await this.readHouse();
  }

  signedOut(note = null) {
    this.session = null;
    this.sheets.close();
    this.paying.ways.close();
    this.desk.page = null;
    keep({ session: null });
    this.screen.setView("sign-in");
    this.showSignIn(note);
  }

  showSignIn(note = null) {
    const { tills, store } = this.status || { tills: [lastTill()].filter(Boolean), store: null };
    this.signIn.show(tills, lastTill(), store, () => this.screen.signInExtras(), note);
  }

  async signOut() {
    try {
      await ask("DELETE", "/session");
    } catch (error) {
      this.sheets.close();
      showToast(error instanceof Refused ? errorText(error) : t("toast.signed_in_first"));
      return;
    }
    this.signedOut();
  }

  // --- what the node says ---

  heard(status, asked_ms) {
    const before = this.status;
    this.status = status;
    useCurrency(status.currency);
    this.rememberStore(status);
    if (before && before.node.version !== status.node.version) lookForBuild();
    if (this.session && !status.signed_in) {
      // A stream that was opened before the sign-in still says "nobody"; only a fresh answer counts.
      if (asked_ms === null) this.link.question();
      else if (asked_ms > this.session_since_ms) this.signedOut(this.submitter.pending ? "sign_in.waiting_sale" : null);
    } else if (!this.session && status.signed_in && asked_ms !== null && !this.locked) {
      this.signedIn({ till: status.till, cashier: status.cashier });
    } else if (!this.session && this.view !== "sign-in") {
      this.screen.setView("sign-in");
      this.showSignIn();
    } else if (this.view === "sign-in" && String(this.signIn.tills) !== String(status.tills)) this.showSignIn();
    if (!this.menu || this.menu.version !== status.menu_version) this.refreshMenu();
    this.screen.drawStates();
    if (this.sheets.open) this.sheets.refresh();
  }

  /** A reload while the node is away still shows whose till this is. */
  rememberStore(status) {
    if (!this.session || (this.session.store && this.session.store.name.zh === status.store.name.zh && this.session.store.name.en === status.store.name.en)) return;
    this.session = { ...this.session, store: status.store };
    keep({ session: this.session });
  }

  nodeMoved(away) {
    this.node_away = away;
    if (away && this.view === "boot") {
      this.screen.setView("sign-in");
      this.showSignIn("notice.node_away");
    }
    if (!away) {
      if (this.session) this.readHouse();
      this.submitter.hurry();
      this.deeds.hurry();
      this.tables.nodeBack();
      lookForBuild();
    }
    this.screen.drawStates();
    this.screen.draw();
    if (this.sheets.open) this.sheets.refresh();
  }

  async refreshMenu() {
    if (this.fetching_menu) return this.fetching_menu;
    this.fetching_menu = this.fetchMenu().finally(() => { this.fetching_menu = null; });
    return this.fetching_menu;
  }

  async fetchMenu() {
    try {
      const { status, body, etag } = await ask("GET", "/menu", { etag: this.menu ? this.menu_etag : "" });
      if (status === 304) return;
      const old_fen = price(this.menu, this.order.cart.lines).total_fen;
      const had = this.menu !== null;
      this.useMenu(body, etag);
      await keep({ menu: { body, etag } });
      this.repriced(had, old_fen);
    } catch {
      // The menu at hand stays in use; the next status asks again.
    }
  }

  /** The rules of the house, and what the table of roles says for who is here; both are kept for a start without the node. */
  async readHouse() {
    try {
      const [house, session] = [(await ask("GET", "/house")).body, (await ask("GET", "/session")).body];
      this.takeHouse(house);
      if (this.session) this.session = { ...this.session, ...session };
      // Other rules, another total.
      if (this.view === "order") this.screen.draw();
      await keep({ house, session: this.session });
    } catch {
      // What was kept stays in use; the next sign-in or start asks again.
    }
  }

  takeHouse(house) {
    this.house = house;
    useHouse(house);
  }

  /** The language of now is the one that this person reads at every till. */
  async keepLanguage() {
    try {
      await ask("POST", "/session/locale", { body: { request_id: uuid7(), locale: localeTag() } });
      this.sheets.close();
      showToast(t("who.language_kept"));
    } catch (error) {
      showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    }
  }

  /** Whether the table lets who is here do something alone; a session from before roles may sell and no more. */
  may(action) {
    return this.session?.may?.includes(action) ?? false;
  }

  /** Whether they may do it with another person's word. */
  asks(action) {
    return this.session?.asks?.includes(action) ?? false;
  }

  useMenu(body, etag) {
    this.menu = indexMenu(body);
    this.menu_etag = etag;
    useCurrency(body.currency);
    if (!this.menu.byCategory.has(this.category)) this.category = body.categories[0]?.id ?? null;
    this.screen.newMenu();
    this.stock.apply();
  }

  repriced(had, old_fen) {
    const sum = price(this.menu, this.order.cart.lines);
    if (had && !this.order.isEmpty && (sum.total_fen !== old_fen || sum.gone)) {
      this.special = {
        tone: "fault", icon: "tag", code: "MENU-" + this.menu.version, button: t("notice.go_on"), sheet: null,
        title: t("notice.prices_changed", { old: amount(old_fen), new: amount(sum.total_fen) }), sub: t("notice.prices_changed_sub"),
      };
    }
    if (this.view === "pay" && !this.paying.order) this.paying.openBasket(this.pay.received_fen || null);
    this.screen.drawStates();
    this.screen.draw();
  }

  // --- the order ---

  orderChanged() {
    if (!this.loading) this.saveCart();
    this.screen.draw();
  }

  async saveCart() {
    this.unsaved = true;
    if (this.saving) return;
    this.saving = true;
    while (this.unsaved) {
      this.unsaved = false;
      await keep({ [this.kept("cart")]: this.order.cart });
    }
    this.saving = false;
    this.channel.postMessage("cart");
  }

  press(dish_id) {
    const dish = this.menu?.byId.get(dish_id);
    if (!dish) return;
    hideToast();
    const qty = this.finder.takeQty();
    this.finder.clear();
    if (this.stock.explains(dish)) return;
    if (dish.per_g) {
      this.sheets.show("weigh", { dish, line: null });
      return;
    }
    if (mustAsk(dish) || dish.parts?.length) this.pressAsked(dish, qty);
    else if (!this.opened.add(dish, qty)) this.sayQtyMax();
  }

  /** A set menu or an open price: the dish comes once it is known what of it. */
  async pressAsked(dish, qty) {
    const more = await askDish(this, dish);
    if (more && !this.opened.add(dish, qty, more)) this.sayQtyMax();
  }

  /** What lies in the slip: an order of the house, or else the basket of this till. */
  get opened() {
    return this.tab.isOpen ? this.tab : this.order;
  }

  choose(key) {
    if (!this.tab.isOpen) this.order.choose(Number(key));
    else if (this.tab.choose(key) && this.view === "order") this.lineSheet.show();
  }

  toggle(option_id) {
    if (this.tab.isOpen) {
      this.tab.toggle(option_id);
      return;
    }
    const line = this.order.chosenLine();
    const dish = line && this.menu?.byId.get(line.dish_id);
    if (dish) this.order.toggle(dish, line.key, option_id);
  }

  setQty(qty) {
    if (this.tab.isOpen) {
      const mine = this.tab.line();
      if (!mine) return;
      if (qty < 1) this.tab.remove(mine.key);
      else if (!mine.per_g && !this.tab.more(mine.key, qty - mine.qty)) showToast(t(qty < mine.qty ? "error.line_sent" : "toast.qty_max", { n: QTY_MAX }));
      return;
    }
    const line = this.order.chosenLine();
    if (!line) return;
    const dish = this.menu?.byId.get(line.dish_id);
    if (qty < 1) this.removeChosen();
    // A line by weight has no quantity: it is weighed again.
    else if (line.weight_g && dish?.per_g) this.sheets.show("weigh", { dish, line });
    else if (!this.order.setQty(line.key, qty)) this.sayQtyMax();
  }

  /** A weight was taken: a new line, or another weight for a line that may be gone meanwhile. */
  weighed(dish, line, weight_g) {
    if (this.tab.isOpen) this.tab.add(dish, 1, { weight_g });
    else if (!line || !this.order.setWeight(line.key, weight_g)) this.order.addWeighed(dish, weight_g);
  }

  sayQtyMax() {
    showToast(t("toast.qty_max", { n: QTY_MAX }));
  }

  removeChosen() {
    if (this.tab.isOpen) {
      if (this.tab.line()) this.tab.remove(this.tab.chosen);
      return;
    }
    const line = this.order.chosenLine();
    if (!line) return;
    this.order.remove(line.key);
    showToast(t("toast.removed", { qty: line.qty, dish: nameOf(line.name) }), () => this.undo());
  }

  /** The basket became an order of the house: what it was is nobody's basket any more. */
  emptyBasket() {
    this.loading = true;
    this.order.replace(emptyCart());
    this.loading = false;
    this.saveCart();
    this.screen.draw();
  }

  clearOrder() {
    const n = this.order.cart.lines.length;
    if (!n) return;
    // Money lies on it: it is given back first, or paid with.
    if (this.paying.ways.hasKept(this.order.cart.sale_id)) {
      showToast(t("toast.money_on_it"));
      return;
    }
    this.order.clear();
    showToast(n === 1 ? t("toast.cleared_one") : t("toast.cleared", { n }), () => this.undo());
  }

  undo() {
    if (this.view === "pay") return;
    hideToast();
    showToast(t(this.opened.undo() ? "toast.undone" : "toast.nothing_to_undo"));
  }

  back() {
    if (this.sheets.open) this.sheets.close();
    else if (this.view === "pay") this.leavePay();
    else if (this.view === "desk") this.desk.back();
    else if (this.view === "plan") this.tables.back();
    else if (this.finder.clear()) return;
    else if (this.tab.isOpen) this.tables.back();
    else document.activeElement?.blur();
  }

  // --- the payment page ---

  /** Pay the order in the slip; what is on its way to the node is on the bill first. */
  async payOrder(exact = false) {
    const { order_id } = this.tab;
    if (this.view === "pay" || !this.tab.lines().some((line) => line.left_qty > 0)) return;
    const title = this.tab.title();
    if (!(await this.tab.steps.settled())) showToast(t("tables.not_all_there"));
    else if (this.tab.order_id === order_id && this.view !== "pay") await this.paying.openOrder(order_id, { title, exact });
  }

  /** A part or the whole of an order was paid; PAYING says whether it is closed. */
  orderPaid(order_id, sale, closes) {
    if (closes && this.tab.order_id === order_id) this.tab.leave();
    else if (this.tab.order_id === order_id) this.tab.read();
    this.tables.read();
  }

  /** A sale was taken back and lies open again. */
  reopened(order_id) {
    this.tab.show(order_id);
    this.tables.toOrder();
  }

  /** F1: what the kitchen does not have of the order in the slip; a basket is first given a place. */
  sendOrder() {
    if (this.tab.isOpen) this.tab.send();
    else this.hold.place();
  }

  /** F4: a basket becomes an order of the counter first, so that the discount is kept and seen by every till. */
  discountOrder() {
    if (this.tab.isOpen || this.hold.asOrder({ service: "counter" })) this.orderSheet.discount();
  }

  exactCash() {
    if (this.tab.isOpen) this.payOrder(true);
    else this.paying.exactCash();
  }

  openPay(received_fen = null) {
    if (this.tab.isOpen) {
      this.payOrder();
      return;
    }
    const sum = price(this.menu, this.order.cart.lines);
    if (this.order.isEmpty || sum.gone || sum.lacking) return;
    this.finder.clear();
    document.activeElement?.blur();
    this.screen.setView("pay");
    this.paying.openBasket(received_fen);
    this.screen.draw();
  }

  leavePay() {
    this.paying.ways.close();
    this.screen.setView("order");
    this.screen.draw();
  }
}
