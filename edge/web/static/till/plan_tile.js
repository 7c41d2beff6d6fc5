// A table on the plan: number, guests or seats, the state in a word, minutes and amount. It never moves.

import { el, setText } from "./dom.js";
import { amount } from "./money.js";
import { t } from "./words.js";

/** What matters most of an open order, as the word of a state. */
export function stateOf(order) {
  if (order.waiting) return "waiting";
  if (order.chased) return "chased";
  if (order.held) return "held";
  if (order.unsent) return "unsent";
  if (order.part_paid) return "part_paid";
  if (!order.lines) return "seated";
  return order.held_qty ? "courses" : "eating";
}

/** Minutes, from an hour on as 1:06. */
export function since(ms) {
  const minutes = Math.max(0, Math.floor((Date.now() - ms) / 60_000));
  return minutes < 60 ? t("tables.minutes", { n: minutes }) : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

export class TableTile {
  constructor(table) {
    this.table = table;
    this.parts = { seats: el("span", { class: "table-seats" }), state: el("span", { class: "table-state" }), time: el("span"), sum: el("b") };
    this.node = el("button", { class: "table", "data-table": table.id, testid: "table-" + table.id },
      el("span", { class: "table-head" }, el("b", { class: "table-name", text: table.name }), this.parts.seats), this.parts.state,
      el("span", { class: "table-foot" }, this.parts.time, this.parts.sum));
    this.node.style.gridColumn = `${table.x + 1} / span ${table.width ?? 2}`;
    this.node.style.gridRow = `${table.y + 1} / span ${table.height ?? 2}`;
  }

  draw(orders, tab, picking, booked) {
    const { node, parts, table } = this;
    const covers = orders.reduce((sum, order) => sum + (order.covers ?? 0), 0);
    const order = orders.find((each) => each.waiting) ?? orders[0];
    const state = order ? stateOf(order) : "free";
    node.dataset.state = state;
    setText(parts.seats, covers ? t("tables.guests", { n: covers }) : t("tables.seats", { n: table.seats }));
    setText(parts.state, t("tables.state_" + state) + (orders.length > 1 ? "\u00b7" + t("tables.orders", { n: orders.length }) : ""));
    node.dataset.booked = booked && !order ? "true" : "false";
    setText(parts.time, booked && !order ? t("tables.booked", booked) : order ? since(Math.min(...orders.map((each) => each.opened_ms))) : "");
    setText(parts.sum, order ? amount(orders.reduce((sum, each) => sum + each.total_fen, 0)) : "");
    node.setAttribute("aria-pressed", orders.some((each) => each.order_id === tab.order_id) ? "true" : "false");
    node.classList.toggle("picking", picking);
  }
}
