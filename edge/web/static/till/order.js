// The open order: a value that is replaced at each change, with twenty steps back (ux-security.md section 6).

import { taxesOnTop } from "./house.js";
import { uuid7 } from "./ids.js";
import { lackingGroup, lineFen, startingOptions, toggleOption } from "./menu.js";

const UNDO_STEPS = 20;
export const QTY_MAX = 999;

/** An empty cart with the id that its sale will have; the id is made here, long before paying. */
export function emptyCart() {
  return { sale_id: uuid7(), lines: [], chosen: null, next_key: 1 };
}

export class Order {
  constructor(changed) {
    this.cart = emptyCart();
    this.steps = [];
    this.changed = changed;
  }

  /** Put another cart in place (start, other tab, after a sale); there is no way back over it. */
  replace(cart) {
    this.cart = cart;
    this.steps = [];
    this.changed();
  }

  change(next) {
    this.steps.push(this.cart);
    if (this.steps.length > UNDO_STEPS) this.steps.shift();
    this.cart = { ...this.cart, ...next };
    this.changed();
  }

  /** One step back. Returns whether there was one. */
  undo() {
    const before = this.steps.pop();
    if (!before) return false;
    this.cart = { ...before, next_key: this.cart.next_key };
    this.changed();
    return true;
  }

  get isEmpty() {
    return this.cart.lines.length === 0;
  }

  chosenLine() {
    return this.cart.lines.find((line) => line.key === this.cart.chosen) || null;
  }

  choose(key) {
    // Choosing is no step: undo takes back what was ordered, not where the eye was.
    this.cart = { ...this.cart, chosen: key };
    this.changed();
  }

  chooseBeside(step) {
    const { lines, chosen } = this.cart;
    if (!lines.length) return;
    const at = lines.findIndex((line) => line.key === chosen);
    this.choose(lines[Math.min(lines.length - 1, Math.max(0, at + step))].key);
  }

  /** Add `qty` of `dish`: onto its line that still has the starting options, else as a new line. Returns whether all of them fitted. */
  add(dish, qty, more = {}) {
    const start = startingOptions(dish);
    const same = this.cart.lines.find((line) => line.dish_id === dish.id && !Object.keys(more).length && !line.parts && line.unit_fen === undefined && line.modifiers.join() === start.join());
    if (same) {
      return this.setQty(same.key, same.qty + qty);
    }
    const line = { key: this.cart.next_key, dish_id: dish.id, name: dish.name, qty: Math.min(qty, QTY_MAX), modifiers: start, ...more };
    this.change({ lines: [...this.cart.lines, line], chosen: line.key, next_key: line.key + 1 });
    return qty <= QTY_MAX;
  }

  /** Add `weight_g` of a dish sold by weight: always a line of its own. */
  addWeighed(dish, weight_g) {
    const line = { key: this.cart.next_key, dish_id: dish.id, name: dish.name, qty: 1, modifiers: startingOptions(dish), weight_g };
    this.change({ lines: [...this.cart.lines, line], chosen: line.key, next_key: line.key + 1 });
  }

  /** Give a line another weight. Returns whether the line was still there. */
  setWeight(key, weight_g) {
    if (!this.cart.lines.some((line) => line.key === key)) return false;
    this.change({ lines: this.cart.lines.map((line) => (line.key === key ? { ...line, weight_g } : line)), chosen: key });
    return true;
  }

  /** Set the quantity of a line, 1 to QTY_MAX; below 1 removes it. Returns false where it was cut down to QTY_MAX. */
  setQty(key, qty) {
    if (qty < 1) {
      this.remove(key);
      return true;
    }
    const set_qty = Math.min(qty, QTY_MAX);
    const before = this.cart.lines.find((line) => line.key === key);
    // A line that is full already takes no step that Undo would have to take back.
    if (before.qty !== set_qty || this.cart.chosen !== key) {
      this.change({ lines: this.cart.lines.map((line) => (line.key === key ? { ...line, qty: set_qty } : line)), chosen: key });
    }
    return qty <= QTY_MAX;
  }

  remove(key) {
    const at = this.cart.lines.findIndex((line) => line.key === key);
    if (at < 0) return;
    const lines = this.cart.lines.filter((line) => line.key !== key);
    const beside = lines[Math.min(at, lines.length - 1)];
    this.change({ lines, chosen: beside ? beside.key : null });
  }

  clear() {
    if (!this.isEmpty) this.change({ lines: [], chosen: null });
  }

  toggle(dish, key, option_id) {
    const lines = this.cart.lines.map((line) =>
      line.key === key ? { ...line, modifiers: toggleOption(dish, line.modifiers, option_id) } : line);
    this.change({ lines });
  }
}

/** Sum in fen with what stands in its way: lines off the menu, lines that lack an option. */
export function price(menu, lines) {
  let total_fen = 0;
  let portions = 0;
  let gone = 0;
  let lacking = 0;
  const sold = [];
  for (const line of lines) {
    const fen = menu ? lineFen(menu, line) : null;
    portions += line.qty;
    if (fen === null) {
      gone += 1;
      continue;
    }
    total_fen += fen;
    sold.push({ fen, tax: menu.byId.get(line.dish_id).tax });
    if (lackingGroup(menu.byId.get(line.dish_id), line.modifiers)) lacking += 1;
  }
  const taxes_fen = taxesOnTop(sold);
  return { total_fen: total_fen + taxes_fen, taxes_fen, portions, gone, lacking };
}

/** The lines as POST /sales takes them. */
export function wireLines(lines) {
  return lines.map((line) => ({
    dish_id: line.dish_id, qty: line.qty, modifiers: line.modifiers, note: "", ...(line.weight_g ? { weight_g: line.weight_g } : {}),
    ...(line.parts ? { parts: line.parts } : {}), ...(line.unit_fen !== undefined ? { unit_fen: line.unit_fen } : {}),
  }));
}
