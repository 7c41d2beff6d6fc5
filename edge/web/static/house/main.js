// The house: a page for managers and openers. Its parts are a list (data, not code) of which each person sees what the table of roles lets them do.

import { BASE } from "../base.js";
import { ask, Refused } from "../till/api.js";
import { byId, el, linkIcons, setText } from "../till/dom.js";
import { useCurrency } from "../till/money.js";
import { applyLanguage, applyTheme, chooseLanguage, lastTill, switchTheme, theme } from "../till/settings.js";
import { applyWords, errorText, getLanguage, t, useCatalogue } from "../till/words.js";
import { Bill } from "./bill.js";
import { Bookings } from "./bookings.js";
import { Codes } from "./codes.js";
import { Day } from "./day.js";
import { Plan } from "./floor_editor.js";
import { Menu } from "./menu.js";
import { Opening } from "./opening.js";
import { Prices } from "./prices.js";

/** id, the action of the role table that it needs, what draws it. */
const PAGES = [
  ["opening", "open_till", Opening],
  ["bookings", "tables", Bookings],
  ["day", "see_manager", Day],
  ["bill", "see_manager", Bill],
  ["prices", "day_price", Prices],
  ["menu", "import_menu", Menu],
  ["plan", "draw_floor", Plan],
  ["codes", "tables", Codes],
];
const SAID_MS = 8000;

class House {
  constructor() {
    this.session = null;
    this.page = null;
    this.timer = 0;
    this.root = byId("content");
    byId("lang").addEventListener("click", () => this.otherLanguage());
    byId("theme").addEventListener("click", () => { switchTheme(); this.label(); });
    addEventListener("hashchange", () => this.open());
    addEventListener("beforeunload", (event) => { if (this.page?.unsaved) event.preventDefault(); });
    document.addEventListener("keydown", (event) => { if (this.page?.key?.(event)) event.preventDefault(); });
  }

  may(action) {
    return this.session.may.includes(action);
  }

  async start() {
    applyTheme();
    applyLanguage(lastTill());
    useCatalogue(await (await fetch(BASE + "/api/v1/words")).json());
    linkIcons();
    try {
      this.session = (await ask("GET", "/session")).body;
    } catch (error) {
      // Nobody is signed in, or the till locked itself: the till asks for the PIN.
      if (error instanceof Refused) location.assign(BASE + "/till/");
      else this.say(t("notice.node_away"), true);
      return;
    }
    const { body } = await ask("GET", "/status");
    useCurrency(body.currency);
    this.label();
    this.open();
  }

  label() {
    applyWords();
    document.title = `${t("house.title")} \u00b7 ${t("brand.name")}`;
    byId("home").href = BASE + "/till/";
    setText(byId("who"), `${this.session.cashier.name} \u00b7 ${t("staff.role_" + this.session.cashier.role)}`);
    setText(byId("lang"), t("devices.language"));
    setText(byId("theme"), t(theme() === "dark" ? "devices.theme_light" : "devices.theme_dark"));
    const here = this.name();
    byId("pages").replaceChildren(...this.pages().map(([id]) => el("a", { href: "#" + id, testid: "page-" + id, "aria-current": id === here ? "page" : null, text: t("house.page_" + id) })));
    byId("pages").setAttribute("aria-label", t("house.title"));
  }

  pages() {
    return PAGES.filter(([, action]) => this.may(action));
  }

  name() {
    const wanted = location.hash.slice(1);
    const open = this.pages();
    return (open.find(([id]) => id === wanted) ?? open.find(([id]) => id === "day") ?? open[0])[0];
  }

  async open() {
    if (!this.session) return;
    if (this.page?.unsaved && !confirm(t("house.leave_unsaved"))) {
      history.replaceState(null, "", "#" + this.shown);
      return;
    }
    this.page?.close?.();
    this.shown = this.name();
    const [, , Page] = PAGES.find(([id]) => id === this.shown);
    this.hush();
    this.label();
    this.root.replaceChildren(el("p", { class: "quiet", text: t("house.reading") }));
    this.page = new Page(this);
    await this.attempt(() => this.page.open());
  }

  otherLanguage() {
    chooseLanguage(this.session.till, getLanguage() === "zh" ? "en" : "zh");
    this.label();
    this.hush();
    this.page?.draw();
  }

  /** Do something at the node and say what kept it from being done; gives what it gave, undefined where it failed. */
  async attempt(doing) {
    try {
      return await doing();
    } catch (error) {
      if (!(error instanceof Refused)) this.say(t("notice.node_away"), true);
      else if (error.status === 401) location.assign(BASE + "/till/");
      else this.say(this.page?.sentence?.(error) ?? errorText(error), true);
      return undefined;
    }
  }

  say(text, bad = false) {
    const line = byId("said");
    clearTimeout(this.timer);
    line.className = bad ? "bad" : "good";
    setText(line, text);
    if (!bad) this.timer = setTimeout(() => this.hush(), SAID_MS);
  }

  hush() {
    clearTimeout(this.timer);
    setText(byId("said"), "");
  }
}

new House().start();
