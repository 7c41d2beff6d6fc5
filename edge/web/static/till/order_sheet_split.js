// Pieces of an order go to another one: which, how many of each, and where to.

import { el, icon } from "./dom.js";
import { uuid7 } from "./ids.js";
import { nameOf, t } from "./words.js";

class SplitSheet {
  constructor(app) {
    this.app = app;
    this.holds = true;
    this.picked = new Map();
  }

  lines() {
    return this.app.tab.lines().filter((line) => line.qty > 0 && !line.waits);
  }

  step(line, delta) {
    this.picked.set(line.key, Math.min(line.qty, Math.max(0, (this.picked.get(line.key) ?? 0) + delta)));
    this.draw(this.sheets);
  }

  row(line) {
    const n = this.picked.get(line.key) ?? 0;
    const key = (word, picture, delta) => el("button", { class: "key", testid: `split-${word}-${line.dish_id}`, "aria-label": t("line." + word), onclick: () => this.step(line, delta) }, icon(picture));
    return el("li", {}, el("span", { text: `${line.qty} \u00d7 ${nameOf(line.name)}` }), key("less", "minus", -1), el("output", { text: String(n) }), key("more", "plus", 1));
  }

  draw(sheets) {
    this.sheets = sheets;
    const some = [...this.picked.values()].some((n) => n > 0);
    sheets.frame(t("tables.order_split"), [el("p", { class: "works", text: t("tables.split_says") }), el("ul", { class: "split-rows" }, ...this.lines().map((line) => this.row(line)))], [
      el("button", { class: "key", testid: "split-table", disabled: !some, text: t("tables.split_table"), onclick: () => this.toTable() }),
      el("button", { class: "key primary", testid: "split-here", disabled: !some, text: t("tables.split_here"), onclick: () => this.go({}) })]);
  }

  go(where) {
    const { tab } = this.app;
    const lines = [...this.picked].filter(([, qty]) => qty > 0).map(([line_id, qty]) => ({ line_id, as_line: uuid7(), qty }));
    if (this.sheets.extra === this) this.sheets.close();
    tab.post("split", { lines, ...where });
  }

  toTable() {
    this.sheets.close();
    this.app.plan.pick(t("tables.pick_split", { name: this.app.tab.title() }), (table, orders) => {
      const other = orders.find((one) => one.order_id !== this.app.tab.order_id);
      this.go(other ? { into: other.order_id } : orders.length ? {} : { table: table.id });
    });
  }
}

export function askSplit(app) {
  if (app.tab.isOpen) app.sheets.show("split-order", new SplitSheet(app));
}
