// What a phone remembers of its table: the basket, a request that is not answered, what was asked for. Gone with the tab.

import { uuid7 } from "../till/ids.js";

const QTY_MAX = 20;
export const LINES_MAX = 20;
const ASKED_MAX = 60;

export class Basket {
  /** @param {string} place names the table; another table is another basket. */
  constructor(place) {
    this.key = "basket:" + place;
    const kept = read(this.key);
    this.lines = kept.lines || [];
    this.pending = kept.pending || null;
    this.asked = kept.asked || [];
  }

  /** Add a dish as it was chosen; the same dish with the same choices counts up. False where there is no room. */
  add(dish, chosen) {
    const same = this.lines.find((line) => sameLine(line, dish, chosen));
    if (same) same.qty = Math.min(QTY_MAX, same.qty + 1);
    else if (this.lines.length >= LINES_MAX) return false;
    else this.lines.push({ line_id: uuid7(), dish_id: dish.id, name: dish.name, qty: 1, ...chosen });
    this.keep();
    return true;
  }

  setQty(line_id, qty) {
    const line = this.lines.find((each) => each.line_id === line_id);
    if (line) line.qty = Math.min(QTY_MAX, qty);
    this.lines = this.lines.filter((each) => each.qty > 0);
    this.keep();
  }

  qtyOf(dish_id) {
    return this.lines.reduce((sum, line) => (line.dish_id === dish_id ? sum + line.qty : sum), 0);
  }

  get qty() {
    return this.lines.reduce((sum, line) => sum + line.qty, 0);
  }

  get total_fen() {
    return this.lines.reduce((sum, line) => sum + line.qty * line.unit_fen, 0);
  }

  /** The request that is under way: drawn once, the same until it was answered, whatever is pressed meanwhile. */
  request() {
    if (!this.pending) {
      const lines = this.lines.map(({ line_id, dish_id, qty, modifiers, parts, note }) => ({ line_id, dish_id, qty, modifiers, parts, note }));
      this.pending = { request_id: uuid7(), lines };
      this.keep();
    }
    return this.pending;
  }

  /** The answer came: what was taken is asked for, what was not stays in the basket. */
  answered(answer) {
    const taken = new Set(answer.lines.filter((line) => line.taken).map((line) => line.line_id));
    for (const line of this.lines) {
      if (taken.has(line.line_id)) this.asked.push({ order_id: answer.order_id, line_id: line.line_id, name: line.name, qty: line.qty, state: "waiting" });
    }
    this.asked = this.asked.slice(-ASKED_MAX);
    // Another try is another line, should the first have been taken after all.
    this.lines = this.lines.filter((line) => !taken.has(line.line_id)).map((line) => ({ ...line, line_id: uuid7() }));
    this.pending = null;
    this.keep();
  }

  refused() {
    this.pending = null;
    this.keep();
  }

  /** Take in how lines stand; true where something changed. */
  heard(states) {
    const now = new Map(states.map((each) => [each.line_id, each.state]));
    let changed = false;
    for (const line of this.asked) {
      const state = now.get(line.line_id) || line.state;
      changed = changed || state !== line.state;
      line.state = state;
    }
    if (changed) this.keep();
    return changed;
  }

  keep() {
    try {
      sessionStorage.setItem(this.key, JSON.stringify({ lines: this.lines, pending: this.pending, asked: this.asked }));
    } catch {
      // A browser that keeps nothing: the basket lasts as long as the page.
    }
  }
}

function sameLine(line, dish, chosen) {
  const marks = (each) => JSON.stringify([each.modifiers, each.parts, each.note]);
  return line.dish_id === dish.id && marks(line) === marks(chosen);
}

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) || {};
  } catch {
    return {};
  }
}
