// Draws the page from the state of the till; each function changes only what differs.

import { byId, el, setHidden, setText } from "./dom.js";
import { refit } from "./figures.js";
import { price } from "./order.js";
import { chooseLanguage, devicesPath, switchTheme, theme } from "./settings.js";
import { drawLastSale, drawLineKeys, drawSlipFoot, drawSlipHead } from "./slip.js";
import { noticeOf, StateBar, statesOf } from "./states.js";
import { drawOrderSlip } from "./tables_slip.js";
import { clearFunctions, drawFunctions } from "./tables_bar.js";
import { showFapiao } from "./fapiao.js";
import { hideToast, showToast } from "./toast.js";
import { applyWords, getLanguage, nameOf, t } from "./words.js";
import { clockOf } from "../wall_clock.js";

export class Screen {
  constructor(app) {
    this.app = app;
    this.bar = new StateBar(byId("states"), (id) => { if (id === "devices") location.assign(devicesPath()); else if (id === "disk") this.tellDisk(); else if (id === "platforms") app.platforms.show(); else app.sheets.show(id); });
    this.drawnLast = null;
    byId("categories").addEventListener("click", (event) => {
      const key = event.target.closest("button");
      if (key) this.chooseCategory(key.dataset.category);
    });
    setInterval(() => this.drawClock(), 1000);
    this.drawClock();
  }

  setView(view) {
    const { app } = this;
    app.view = view;
    document.body.dataset.view = view;
    const inside = view === "order" || view === "pay" || view === "desk" || view === "plan";
    setHidden(byId("order-page"), view !== "order");
    setHidden(byId("pay-page"), view !== "pay");
    setHidden(byId("slip"), !["order", "pay", "plan"].includes(view));
    setHidden(byId("plan-page"), view !== "plan");
    for (const id of ["desk-page", "desk-side"]) setHidden(byId(id), view !== "desk");
    setHidden(byId("function-bar"), view !== "order" && view !== "plan");
    setHidden(byId("slip-bar"), view !== "order" && view !== "plan");
    setHidden(byId("who"), !inside);
    delete document.body.dataset.slip;
    if (view === "pay") document.body.dataset.slip = "foot";
    if (!inside) clearFunctions();
    else this.drawFunctions();
    if (view !== "sign-in") app.who.signIn.hide();
    // Figures drawn while their place was hidden were not measured.
    if (inside) refit(byId("slip"));
    this.drawStates();
  }

  // --- words ---

  relabel() {
    applyWords();
    document.title = t("brand.name");
    this.app.lines.forget();
    this.app.chips.forget();
    this.app.finder.relabel();
    this.app.plan.forget();
    this.drawnLast = null;
    byId("lines").dataset.empty = t("slip.empty");
    this.newMenu();
    this.drawStates();
    this.drawBar();
    if (this.app.view === "desk") this.app.desk.relabel();
    if (this.app.view === "plan") this.app.plan.draw();
  }

  switchLanguage() {
    const { app } = this;
    chooseLanguage(app.till, getLanguage() === "zh" ? "en" : "zh");
    hideToast();
    this.relabel();
    if (app.view === "sign-in") app.who.ask(app.who.signIn.note);
    else this.draw();
    if (app.special) app.special = null;
    this.drawStates();
  }

  languageKey() {
    return el("button", { class: "fn", testid: "lang", "aria-label": t("bar.language_label"), onclick: () => this.switchLanguage() },
      el("span", { text: t("bar.language"), lang: getLanguage() === "zh" ? "en" : "zh-CN" }));
  }

  themeKey() {
    return el("button", { class: "fn", testid: "theme", text: t(theme() === "dark" ? "bar.light" : "bar.dark"),
      onclick: (event) => { switchTheme(); setText(event.currentTarget, t(theme() === "dark" ? "bar.light" : "bar.dark")); } });
  }

  signInExtras() {
    return [this.languageKey(), this.themeKey()];
  }

  drawBar() {
    drawFunctions(this.app, [this.languageKey(), this.themeKey()]);
  }

  /** Only what the keys count changed; drawn anew only where it differs. */
  drawFunctions() {
    if (this.app.view === "order" || this.app.view === "plan") drawFunctions(this.app, null);
  }

  // --- menu ---

  newMenu() {
    const { app } = this;
    app.tiles.forget();
    app.chips.forget();
    if (!app.menu) {
      byId("tiles").replaceChildren(el("p", { class: "tiles-tail", text: t(app.status?.node.training ? "till.no_menu_training" : "till.no_menu") }));
      return;
    }
    byId("categories").replaceChildren(...app.menu.categories.map((category) =>
      el("button", { class: "category", testid: "category-" + category.id, "data-category": category.id, text: nameOf(category.name) })));
    this.drawCategory();
    if (app.finder.found) app.finder.update();
  }

  chooseCategory(id) {
    this.app.category = id;
    this.app.finder.clear();
    this.drawCategory();
  }

  drawCategory() {
    const { app } = this;
    const dishes = app.menu.byCategory.get(app.category) || [];
    for (const key of byId("categories").children) key.setAttribute("aria-current", key.dataset.category === app.category ? "true" : "false");
    app.tiles.show(dishes, { tail: dishes.length ? null : t("till.no_dishes") });
  }

  /** The matches of the search in the place of the category; null brings the category back. */
  drawFound(dishes, more, text) {
    const { app } = this;
    if (dishes === null) {
      this.drawCategory();
      return;
    }
    const tail = dishes.length === 0 ? t("search.none", { text }) : more ? t("till.left_out", { n: more }) : null;
    app.tiles.show(dishes, { lead: true, tail });
  }

  // --- the order ---

  /** The order in the slip changed, here or elsewhere. */
  orderMoved() {
    if (!this.app.session) return;
    this.draw();
    this.drawFunctions();
  }

  /** Orders, plan or dishes changed anywhere in the house. */
  tablesMoved() {
    const { app } = this;
    if (!app.session) return;
    if (app.view === "plan") app.plan.draw();
    this.drawFunctions();
    if (app.tab.isOpen) this.draw();
    if (app.sheets.name === "recall") app.sheets.draw();
  }

  draw() {
    const { app } = this;
    app.tables.dress();
    app.members.draw();
    if (app.tab.isOpen && (app.view !== "pay" || app.paying.order)) {
      drawOrderSlip(app);
      this.drawnLast = null;
      app.guest?.follow();
      return;
    }
    const { cart } = app.order;
    const pending = app.submitter.pending;
    const sending = app.order.isEmpty && pending?.cart ? pending.cart : null;
    const shown = sending || cart;
    app.lines.show(app.menu, shown, Boolean(sending) || app.view === "pay");
    const quantities = new Map();
    for (const line of cart.lines) {
      if (app.menu?.byId.has(line.dish_id)) quantities.set(line.dish_id, (quantities.get(line.dish_id) || 0) + line.qty);
    }
    if (app.menu) app.tiles.count(quantities, app.menu);
    const line = app.order.chosenLine();
    if (app.view === "order") app.chips.show(line ? app.menu?.byId.get(line.dish_id) : null, line);
    app.finder.hint();
    this.drawHead(sending);
    this.drawLast();
    drawLineKeys(app);
    this.drawFoot();
    app.lines.follow(shown);
    app.guest?.follow();
  }

  drawHead(sending) {
    const { app } = this;
    const saved = app.order.isEmpty && !sending && app.last;
    const title = sending ? "slip.sending_title" : saved ? "slip.next_title" : "slip.title";
    drawSlipHead(t(title), sending ? t(app.paying.late ? "slip.sending_long" : "slip.sending") : "");
    const state = sending ? "sending" : saved ? "saved" : app.order.isEmpty ? "empty" : "open";
    if (byId("slip").dataset.state !== state) byId("slip").dataset.state = state;
  }

  drawLast() {
    const { app } = this;
    const shown = app.order.isEmpty && !app.submitter.pending ? app.last : null;
    const root = byId("last-sale");
    setHidden(root, !shown);
    const drawn = shown ? shown.sale.sale_id + getLanguage() + (shown.note || "") + Boolean(shown.reprinting) : null;
    if (drawn === this.drawnLast) return;
    this.drawnLast = drawn;
    if (shown) drawLastSale(root, shown, () => app.paying.reprint(), app.house?.fapiao_url ? () => showFapiao(app, shown.sale.sale_id) : null);
    else root.replaceChildren();
  }

  drawFoot() {
    const { app } = this;
    if (app.view === "pay") {
      app.paying.drawFoot();
      return;
    }
    const pending = app.order.isEmpty && app.submitter.pending?.cart ? app.submitter.pending : null;
    const lines = pending ? pending.cart.lines : app.order.cart.lines;
    const sum = price(app.menu, lines);
    if (pending) sum.total_fen = pending.due_fen;
    const blocked = app.paying.blocked(sum);
    drawSlipFoot(app, lines, sum, pending ? null : blocked);
  }

  // --- states ---

  drawStates() {
    const { app } = this;
    this.bar.show(statesOf(app.status, app.node_away, app.platforms?.states() ?? []));
    const state = noticeOf(app.status, app.node_away);
    // What blocks comes first, then a node that is away, then what the till has to say, then the printer.
    const special = app.special?.yields && state ? null : app.special;
    const notice = special && (special.tone === "blocks" || state?.kind !== "node") ? special : state;
    app.finder.showNotice(notice, () => {
      if (notice.sheet) {
        app.sheets.show(notice.sheet);
        return;
      }
      app.special = null;
      this.drawStates();
      notice.go?.();
    });
    const store = app.status?.store || app.session?.store;
    setText(byId("store-name"), store ? nameOf(store.name) : t("brand.name"));
    setText(byId("till-name"), app.till ? t("till.number", { till: app.till }) : "");
    setText(byId("who-name"), app.session ? t("till.cashier", { name: app.session.cashier.name, role: t("staff.role_" + (app.session.cashier.role ?? "cashier")) }) : "");
  }

  tellDisk() {
    const free = this.app.status?.disk?.free_mb;
    showToast(free === null || free === undefined ? t("toast.disk_unknown") : t("toast.disk", { n: free }));
  }

  drawClock() {
    setText(byId("clock"), clockOf(Date.now()));
  }
}
