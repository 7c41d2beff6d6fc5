// The till as one object: what is open, what is shown, and what each press does.

import { ask, Refused } from "./api.js";
import { Chips } from "./chips.js";
import { byId } from "./dom.js";
import { Finder, nameOfChosen } from "./finder.js";
import { uuid7 } from "./ids.js";
import { Link } from "./link.js";
import { emptyCart, Order, price, wireLines } from "./order.js";
import { PayPage } from "./pay.js";
import { Screen } from "./screen.js";
import { applyLanguage, lastTill, rememberTill } from "./settings.js";
import { Sheets } from "./sheets.js";
import { SignIn } from "./sign_in.js";
import { SlipLines } from "./slip.js";
import { Submitter } from "./submit.js";
import { Tiles } from "./tiles.js";
import { hideToast, showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { lookForBuild, letIn } from "./worker.js";
import { amount, useCurrency } from "./money.js";
import { errorText, localeTag, nameOf, t } from "./words.js";
import { indexMenu } from "./menu.js";

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
    this.order = new Order(() => this.orderChanged());
    this.link = new Link((status, asked_ms) => this.heard(status, asked_ms), (away) => this.nodeMoved(away));
    this.submitter = new Submitter({
      saved: (sale, pending) => this.saved(sale, pending),
      refused: (error, pending) => this.refused(error, pending),
      unsigned: () => this.signedOut("sign_in.waiting_sale"),
      waiting: (pending, error) => this.waits(error),
    });
    this.sheets = new Sheets(byId("sheet-layer"), this);
    this.signIn = new SignIn(byId("sign-in"), (answer) => this.signedIn(answer));
    this.tiles = new Tiles(byId("tiles"), (id) => this.press(id));
    this.chips = new Chips(byId("chips"), (id) => this.toggle(id));
    this.lines = new SlipLines(byId("lines"), (key) => this.order.choose(key));
    this.pay = new PayPage(byId("pay-page"), () => this.leavePay(), () => this.screen.drawFoot());
    this.finder = new Finder({
      menu: () => this.menu,
      chosenName: () => nameOfChosen(this.order),
      found: (dishes, more, text) => this.screen.drawFound(dishes, more, text),
      pick: (dish) => this.press(dish.id),
      quantity: (qty) => this.setQty(qty),
      primary: () => this.openPay(),
    });
    this.screen = new Screen(this);
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
    return this.order.isEmpty && !this.submitter.pending && this.view !== "pay";
  }

  // --- start, sign-in, sign-out ---

  async start() {
    const [session, menu] = await load(["session", "menu"]);
    if (menu) this.useMenu(menu.body, menu.etag);
    if (session) await this.enter(session);
    await this.link.start();
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
    await keep({ session: answer });
    await this.enter(answer);
    // The stream was opened by nobody in particular; the new one knows who listens.
    this.link.openStream();
    await this.refreshMenu();
  }

  signedOut(note = null) {
    this.session = null;
    this.sheets.close();
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
    } else if (!this.session && status.signed_in && asked_ms !== null) {
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
      this.submitter.hurry();
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

  useMenu(body, etag) {
    this.menu = indexMenu(body);
    this.menu_etag = etag;
    useCurrency(body.currency);
    if (!this.menu.byCategory.has(this.category)) this.category = body.categories[0]?.id ?? null;
    this.screen.newMenu();
  }

  repriced(had, old_fen) {
    const sum = price(this.menu, this.order.cart.lines);
    if (had && !this.order.isEmpty && (sum.total_fen !== old_fen || sum.gone)) {
      this.special = {
        tone: "fault", icon: "tag", code: "MENU-" + this.menu.version, button: t("notice.go_on"), sheet: null,
        title: t("notice.prices_changed", { old: amount(old_fen), new: amount(sum.total_fen) }), sub: t("notice.prices_changed_sub"),
      };
    }
    if (this.view === "pay") this.pay.redue(sum.total_fen);
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
    this.order.add(dish, this.finder.takeQty());
    this.finder.clear();
  }

  toggle(option_id) {
    const line = this.order.chosenLine();
    const dish = line && this.menu?.byId.get(line.dish_id);
    if (dish) this.order.toggle(dish, line.key, option_id);
  }

  setQty(qty) {
    const line = this.order.chosenLine();
    if (!line) return;
    if (qty < 1) this.removeChosen();
    else this.order.setQty(line.key, qty);
  }

  removeChosen() {
    const line = this.order.chosenLine();
    if (!line) return;
    this.order.remove(line.key);
    showToast(t("toast.removed", { qty: line.qty, dish: nameOf(line.name) }), () => this.undo());
  }

  clearOrder() {
    const n = this.order.cart.lines.length;
    if (!n) return;
    this.order.clear();
    showToast(t("toast.cleared", { n }), () => this.undo());
  }

  undo() {
    if (this.view === "pay") return;
    hideToast();
    showToast(t(this.order.undo() ? "toast.undone" : "toast.nothing_to_undo"));
  }

  back() {
    if (this.sheets.open) this.sheets.close();
    else if (this.view === "pay") this.leavePay();
    else if (!this.finder.clear()) document.activeElement?.blur();
  }

  // --- paying ---

  /** Why nothing can be paid now, as a word key, or null. */
  blocked(sum) {
    if (this.node_away) return "slip.blocked_away";
    if (this.submitter.pending) return "slip.blocked_pending";
    if (sum.gone) return "slip.blocked_gone";
    return sum.lacking ? "slip.blocked_options" : null;
  }

  openPay(received_fen = null) {
    const sum = price(this.menu, this.order.cart.lines);
    if (this.order.isEmpty || sum.gone || sum.lacking) return;
    this.finder.clear();
    document.activeElement?.blur();
    this.screen.setView("pay");
    this.pay.open(sum.total_fen, this.status?.quick_cash_fen || [1000, 2000, 5000, 10000], t("pay.title", { order: t("slip.title") }), received_fen);
    this.screen.draw();
  }

  leavePay() {
    this.screen.setView("order");
    this.screen.draw();
  }

  exactCash() {
    const sum = price(this.menu, this.order.cart.lines);
    this.submit(sum, sum.total_fen, true);
  }

  finish() {
    const sum = price(this.menu, this.order.cart.lines);
    if (this.pay.received_fen >= sum.total_fen) this.submit(sum, this.pay.received_fen, false);
  }

  /** The order leaves the cart as one pending sale, on the disk first, then to the node. */
  async submit(sum, received_fen, exact) {
    if (this.order.isEmpty || this.blocked(sum)) return;
    const { cart } = this.order;
    const body = {
      sale_id: cart.sale_id, lines: wireLines(cart.lines), tenders: [{ kind: "cash", received_fen }],
      due_fen: sum.total_fen, menu_version: this.menu.version, locale: localeTag(),
    };
    const pending = { sale_id: cart.sale_id, body, cart, due_fen: sum.total_fen, received_fen, exact };
    // Set before the first await: a second press finds it and stops.
    this.submitter.pending = pending;
    this.late = false;
    this.special = null;
    const next = emptyCart();
    hideToast();
    this.finder.clear();
    this.screen.setView("order");
    this.loading = true;
    this.order.replace(next);
    this.loading = false;
    this.screen.drawStates();
    await keep({ [this.kept("pending")]: pending, [this.kept("cart")]: next });
    this.channel.postMessage("cart");
    await this.submitter.run();
  }

  /** Not answered, or answered with a fault of the node's own: the till says so and goes on asking. */
  waits(error) {
    this.late = true;
    if (error instanceof Refused && error.status !== 503) {
      this.special = this.blocking(t("notice.sale_waits"), errorText(error), error.code);
      this.screen.drawStates();
    }
    this.screen.draw();
  }

  async saved(sale, pending) {
    this.special = null;
    this.screen.drawStates();
    this.last = { sale };
    this.late = false;
    const change = { [this.kept("pending")]: null, [this.kept("last")]: this.last };
    if (this.order.isEmpty && this.aside.length) {
      this.order.replace(this.aside.pop());
      change[this.kept("aside")] = this.aside;
    }
    this.screen.draw();
    if (!this.order.isEmpty) showToast(t("toast.saved", { number: sale.receipt_no, change: amount(sale.change_fen) }));
    await keep(change);
    if (this.sheets.name === "node" && !this.node_away) this.sheets.close();
    letIn(() => this.isIdle());
    return pending;
  }

  /** The node said no: the order comes back to the slip; one begun meanwhile is set aside. */
  async refused(error, pending) {
    if (error.code === "sale_id_reused") {
      await this.alreadyPaid(pending);
      return;
    }
    if (!this.order.isEmpty) this.aside.push(this.order.cart);
    this.loading = true;
    this.order.replace(pending.cart);
    this.loading = false;
    await keep({ [this.kept("pending")]: null, [this.kept("cart")]: pending.cart, [this.kept("aside")]: this.aside });
    if (error.code === "price_changed") {
      await this.refreshMenu();
      this.askPrice(error, pending);
      return;
    }
    this.refuse(t("notice.sale_refused"), errorText(error) + (this.aside.length ? " " + t("notice.aside") : ""), error.code);
  }

  blocking(title, sub, code) {
    return { tone: "blocks", icon: "alert", title, sub, code: code.toUpperCase().replaceAll("_", "-"), button: t("notice.go_on"), sheet: null };
  }

  refuse(title, sub, code) {
    this.special = this.blocking(title, sub, code);
    this.screen.drawStates();
    this.screen.draw();
  }

  askPrice(error, pending) {
    this.special = null;
    this.screen.drawStates();
    this.screen.draw();
    const sum = price(this.menu, this.order.cart.lines);
    const new_fen = error.details.due_fen ?? sum.total_fen;
    this.sheets.show("price", {
      old_fen: pending.due_fen,
      new_fen,
      go: () => (pending.exact ? this.exactCash() : this.openPay(pending.received_fen)),
    });
  }

  async alreadyPaid(pending) {
    const cart = { ...pending.cart, sale_id: uuid7() };
    if (this.order.isEmpty) this.order.replace(cart);
    else this.aside.push(cart);
    await keep({ [this.kept("pending")]: null, [this.kept("cart")]: this.order.cart, [this.kept("aside")]: this.aside });
    let number = "";
    try {
      const { body } = await ask("GET", "/sales/" + pending.sale_id);
      number = body.receipt_no;
      this.last = { sale: body };
    } catch {
      // The number is a courtesy; what matters is that the order on the screen is not paid.
    }
    this.refuse(t("notice.already_paid", { number }), t("notice.already_paid_sub"), "sale_id_reused");
  }

  async reprint() {
    const last = this.last;
    if (!last || last.reprinting) return;
    last.reprinting = true;
    last.request_id ??= uuid7();
    this.screen.drawLast();
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
    this.screen.drawLast();
  }
}
