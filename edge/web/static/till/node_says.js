// What the node says: its status, the menu, the rules of the house; and what the till does when it goes away and comes back.

import { ask } from "./api.js";
import { useHouse } from "./house.js";
import { indexMenu, unitFen } from "./menu.js";
import { amount, useCurrency } from "./money.js";
import { price } from "./order.js";
import { keep } from "./vault.js";
import { nameOf, t } from "./words.js";
import { lookForBuild } from "./worker.js";

export class NodeSays {
  constructor(app) {
    this.app = app;
    this.status = null;
    this.away = false;
    this.menu = null;
    this.menu_etag = "";
    this.house = null;
    this.fetching = null;
  }

  heard(status, asked_ms) {
    const { app } = this;
    const before = this.status;
    this.status = status;
    useCurrency(status.currency);
    app.who.rememberStore(status);
    if (before && before.node.version !== status.node.version) lookForBuild();
    app.who.heard(status, asked_ms);
    if (!this.menu || this.menu.version !== status.menu_version) this.refreshMenu();
    app.screen.drawStates();
    if (app.sheets.open) app.sheets.refresh();
  }

  moved(away) {
    const { app } = this;
    this.away = away;
    if (away && app.view === "boot") {
      app.screen.setView("sign-in");
      app.who.ask("notice.node_away");
    }
    if (!away) {
      if (app.session) this.readHouse();
      app.submitter.hurry();
      app.deeds.hurry();
      app.tables.nodeBack();
      lookForBuild();
    }
    app.screen.drawStates();
    app.screen.draw();
    if (app.sheets.open) app.sheets.refresh();
  }

  // --- the menu ---

  refreshMenu() {
    this.fetching ??= this.fetchMenu().finally(() => { this.fetching = null; });
    return this.fetching;
  }

  async fetchMenu() {
    const { app } = this;
    try {
      const { status, body, etag } = await ask("GET", "/menu", { etag: this.menu ? this.menu_etag : "" });
      if (status === 304) return;
      const old_fen = price(this.menu, app.order.cart.lines).total_fen;
      const had = this.menu !== null;
      this.useMenu(body, etag);
      await keep({ menu: { body, etag } });
      this.repriced(had, old_fen);
    } catch {
      // The menu at hand stays in use; the next status asks again.
    }
  }

  useMenu(body, etag) {
    const { app } = this;
    this.menu = indexMenu(body);
    this.menu_etag = etag;
    useCurrency(body.currency);
    if (!this.menu.byCategory.has(app.category)) app.category = body.categories[0]?.id ?? null;
    app.screen.newMenu();
    app.stock.apply();
  }

  repriced(had, old_fen) {
    const { app } = this;
    const sum = price(this.menu, app.order.cart.lines);
    const gone = had ? app.order.cart.lines.filter((line) => unitFen(this.menu, line) === null) : [];
    if (gone.length) this.takenOff(gone);
    else if (had && !app.order.isEmpty && (sum.total_fen !== old_fen || sum.gone)) {
      app.special = {
        tone: "fault", icon: "tag", code: "MENU-" + this.menu.version, button: t("notice.go_on"), sheet: null,
        title: t("notice.prices_changed", { old: amount(old_fen), new: amount(sum.total_fen) }), sub: t("notice.prices_changed_sub"),
      };
    }
    if (app.view === "pay" && !app.paying.order) app.paying.openBasket(app.pay.received_fen || null);
    app.screen.drawStates();
    app.screen.draw();
  }

  /** A dish of the basket is off the menu: nothing of it can be paid, so the page goes back to the slip, and the notice removes it. */
  takenOff(gone) {
    const { app } = this;
    if (app.view === "pay" && !app.paying.order) app.toPay.leave();
    app.special = {
      tone: "fault", icon: "tag", code: "MENU-" + this.menu.version, button: t("notice.gone_go"), sheet: null,
      title: t("notice.gone", { dish: gone.map((line) => nameOf(line.name)).join(", ") }), sub: t("notice.gone_sub"),
      go: () => { for (const line of gone) if (!app.slip.keepsMoney()) app.order.remove(line.key); },
    };
  }

  // --- the house ---

  /** The rules of the house, and what the table of roles says for who is here; both are kept for a start without the node. */
  async readHouse() {
    const { app } = this;
    try {
      const [house, session] = [(await ask("GET", "/house")).body, (await ask("GET", "/session")).body];
      this.useHouse(house);
      app.who.told(session);
      // Other rules, another total.
      if (app.view === "order") app.screen.draw();
      app.screen.drawFunctions();
      await keep({ house, session: app.session });
    } catch {
      // What was kept stays in use; the next sign-in or start asks again.
    }
  }

  useHouse(house) {
    this.house = house;
    useHouse(house);
  }
}
