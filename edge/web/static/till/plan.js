// The plan of the tables: rooms, each table where it stands, its state in a word; a press puts its order into the slip.

import { askFor } from "./ask_sheet.js";
import { el, kbd, setText } from "./dom.js";
import { amount } from "./money.js";
import { stateOf, TableTile } from "./plan_tile.js";
import { showToast } from "./toast.js";
import { nameOf, t } from "./words.js";

/** The tab of orders that stand at no table. */
const ELSEWHERE = "*";
/** The grid of a room that does not say its own (sync.contract.orders.Area). */
const COLUMNS = 24;
const ROWS = 14;

export class Plan {
  constructor(root, app) {
    this.root = root;
    this.app = app;
    this.area_id = null;
    this.typed = "";
    this.picking = null;
    this.tiles = new Map();
    this.drawn = "";
    root.addEventListener("click", (event) => {
      const table = event.target.closest("[data-table]");
      if (table) this.press(table.dataset.table);
    });
  }

  get areas() {
    return this.app.tables.floor?.areas ?? [];
  }

  table(table_id) {
    for (const area of this.areas) {
      const found = area.tables.find((table) => table.id === table_id);
      if (found) return { ...found, area };
    }
    return null;
  }

  tableName(table_id) {
    return table_id ? this.table(table_id)?.name ?? table_id : "";
  }

  forget() {
    this.drawn = "";
  }

  // --- what is pressed and typed ---

  /** The table that `text` means: its name, else the one with that number in the room shown, else in any. */
  meant(text) {
    const wanted = text.toLowerCase();
    const all = [...this.areas].sort((one, other) => Number(other.id === this.area_id) - Number(one.id === this.area_id)).flatMap((area) => area.tables);
    return all.find((table) => table.name.toLowerCase() === wanted) ?? all.find((table) => /^\d+$/.test(wanted) && Number(table.name.replace(/\D/g, "")) === Number(wanted) && /\d/.test(table.name)) ?? null;
  }

  key(event) {
    if (event.key === "Enter" && this.typed) this.enter();
    else if (event.key === "Enter") {
      if (document.activeElement?.matches("button, a")) return false;
      if (this.app.tab.isOpen) this.app.tables.toOrder();
      else this.type("");
    } else if (event.key === "Backspace") this.type(this.typed.slice(0, -1));
    else if (/^[\p{L}\p{N}-]$/u.test(event.key)) this.type(this.typed + event.key);
    else return false;
    return true;
  }

  type(text) {
    this.typed = text.slice(0, 12);
    this.drawHead();
  }

  enter() {
    const table = this.meant(this.typed);
    const { typed } = this;
    this.type("");
    if (table) this.press(table.id, true);
    else showToast(t("tables.no_such", { name: typed }));
  }

  /** The key of the bar: the number that was typed, or else the first free table of the room. */
  enterOr() {
    if (this.typed) {
      this.enter();
      return;
    }
    const area = this.areas.find((each) => each.id === this.area_id);
    const free = area?.tables.find((table) => !this.app.tables.at(table.id).length);
    if (free) this.open(free);
    else showToast(t("tables.type_number"));
  }

  /** Returns whether there was anything to give up. */
  stopPicking() {
    const had = this.picking !== null || this.typed !== "";
    this.picking = null;
    this.typed = "";
    if (this.app.view === "plan") this.draw();
    return had;
  }

  /** Ask for a table: `picked(table, orders there)` is told of the next one pressed. */
  pick(title, picked) {
    this.app.tables.toPlan();
    this.picking = { title, picked };
    this.draw();
  }

  press(table_id, go = false) {
    const { app } = this;
    const table = this.table(table_id);
    const orders = app.tables.at(table_id);
    if (!table) return;
    if (this.picking) {
      const { picked } = this.picking;
      this.picking = null;
      picked(table, orders);
      this.draw();
      return;
    }
    if (!orders.length) this.open(table);
    else {
      // Several orders at one table come one after the other.
      const at = orders.findIndex((order) => order.order_id === app.tab.order_id);
      const again = at >= 0 && orders.length === 1;
      app.tab.show(orders[(at + 1) % orders.length].order_id);
      if (go || again) app.tables.toOrder();
    }
    this.draw();
  }

  /** How many guests sit down; null where the question was left. */
  async askCovers(table) {
    const said = await askFor(this.app, {
      name: "open-table", title: t("tables.open_title", { name: table.name }), primary: t("tables.open"),
      works: table.minimum_fen ? t("tables.minimum", { amount: amount(table.minimum_fen) }) : "",
      fields: [{ name: "covers", kind: "count", label: t("tables.covers"), value: table.seats > 4 ? 4 : table.seats, min: 0, max: 99 }],
    });
    return said ? said.covers : null;
  }

  async open(table, beside = false) {
    const covers = await this.askCovers(table);
    if (covers === null) return;
    const { tab, tables } = this.app;
    tab.show(tab.open({ service: "dine_in", table: table.id, covers, ...(beside ? { beside: true } : {}) }));
    tables.toOrder();
  }

  async openAway(service) {
    const said = await askFor(this.app, { name: "open-away", title: t("service." + service), primary: t("tables.open"),
      fields: [{ name: "label", kind: "text", label: t("tables.label"), max: 24, optional: true }] });
    if (!said) return;
    const { tab, tables } = this.app;
    tab.show(tab.open({ service, label: said.label }));
    tables.toOrder();
  }

  // --- drawing ---

  draw() {
    const { areas } = this;
    if (!areas.length) {
      this.drawn = "";
      this.root.replaceChildren(el("p", { class: "plan-empty", text: t("tables.reading") }));
      return;
    }
    if (this.area_id !== ELSEWHERE && !areas.some((area) => area.id === this.area_id)) this.area_id = areas[0].id;
    const drawn = [this.app.tables.floor.n, this.app.tables.floor.version, this.area_id, document.documentElement.lang].join();
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.build();
    }
    this.drawHead();
    if (this.area_id === ELSEWHERE) this.drawElsewhere();
    else for (const [table_id, tile] of this.tiles) tile.draw(this.app.tables.at(table_id), this.app.tab, Boolean(this.picking), this.app.tables.booked(table_id));
  }

  build() {
    const area = this.areas.find((each) => each.id === this.area_id);
    this.tiles.clear();
    this.head = el("header", { id: "plan-head" });
    this.head.addEventListener("click", (event) => {
      const tab = event.target.closest("[data-area]");
      if (!tab) return;
      this.area_id = tab.dataset.area;
      this.draw();
    });
    const grid = el("div", { id: "plan-grid", role: "group", "aria-label": area ? nameOf(area.name) : t("tables.elsewhere") });
    if (area) {
      grid.style.gridTemplateColumns = `repeat(${area.columns ?? COLUMNS}, minmax(0, 1fr))`;
      grid.style.gridTemplateRows = `repeat(${area.rows ?? ROWS}, minmax(0, 1fr))`;
      for (const table of area.tables) {
        const tile = new TableTile(table);
        this.tiles.set(table.id, tile);
        grid.append(tile.node);
      }
    } else grid.classList.add("elsewhere");
    this.grid = grid;
    this.root.replaceChildren(this.head, grid);
  }

  drawHead() {
    if (!this.head) return;
    const { tables } = this.app;
    const tabs = [...this.areas.map((area) => [area.id, nameOf(area.name)]), [ELSEWHERE, t("tables.elsewhere")]];
    const away = this.elsewhere().length;
    const all = this.areas.flatMap((area) => area.tables);
    const taken = all.filter((table) => tables.at(table.id).length);
    const waiting = tables.orders.filter((order) => order.waiting).length;
    const chased = tables.orders.filter((order) => order.chased).length;
    const counts = [["free", all.length - taken.length], ["taken", taken.length], ...(waiting ? [["waiting", waiting]] : []), ...(chased ? [["chased", chased]] : [])];
    const facts = this.picking ? [el("b", { class: "plan-says", testid: "plan-says", text: this.picking.title }), el("button", { class: "key", testid: "plan-stop", text: t("tables.stop"), onclick: () => this.stopPicking() })]
      : this.typed ? [el("b", { class: "plan-typed", testid: "plan-typed", text: this.typed }), el("span", { text: t("tables.typed") }), ...kbd("Enter")]
        : counts.map(([word, n]) => el("span", {}, word === "waiting" || word === "chased" ? el("i", { class: "dot fault", "aria-hidden": "true" }) : null, el("span", { text: t("tables.count_" + word) + " " }), el("b", { text: String(n) })));
    this.head.replaceChildren(
      el("div", { role: "group", "aria-label": t("tables.rooms") }, ...tabs.map(([id, name]) => el("button", { class: "plan-tab", "data-area": id, testid: id === ELSEWHERE ? "area-elsewhere" : "area-" + id,
        "aria-current": id === this.area_id ? "true" : "false", text: id === ELSEWHERE && away ? `${name} ${away}` : name }))),
      el("p", { role: "status" }, ...facts));
  }

  elsewhere() {
    return this.app.tables.orders.filter((order) => !order.table || !this.table(order.table));
  }

  drawElsewhere() {
    const orders = this.elsewhere();
    const { tab } = this.app;
    this.grid.replaceChildren(...(orders.length ? orders.map((order) => el("button", {
      class: "away-order", testid: "away-" + order.order_id, "aria-pressed": order.order_id === tab.order_id ? "true" : "false",
      onclick: () => { tab.show(order.order_id); this.draw(); },
    }, el("b", { text: order.label || order.platform_no || t("service." + order.service) }), el("span", { text: `${t("service." + order.service)}\u00b7${t("tables.state_" + stateOf(order))}` }), el("strong", { text: amount(order.total_fen) })))
      : [el("p", { class: "plan-empty", text: t("tables.none_elsewhere") })]));
    setText(this.head.querySelector("[data-area='*']"), orders.length ? `${t("tables.elsewhere")} ${orders.length}` : t("tables.elsewhere"));
  }
}
