// The order that lies in the slip is changed: each change is a step, with those that take it back.

import { uuid7 } from "./ids.js";
import { startingOptions, toggleOption } from "./menu.js";
import { OrderAnswers } from "./order_answers.js";
import { QTY_MAX } from "./order.js";
import { ShownOrder } from "./shown_order.js";
import { Steps } from "./steps.js";
import { showToast } from "./toast.js";
import { nameOf, t } from "./words.js";

const UNDO_STEPS = 20;

export class OpenOrder extends ShownOrder {
  constructor(app) {
    super(app);
    const answers = new OrderAnswers(app, this);
    this.steps = new Steps(app, {
      answered: (job, body) => answers.answered(job, body), refused: (job, error) => answers.refused(job, error),
      unsigned: () => app.who.signedOut("sign_in.waiting_steps"), changed: () => this.changed(),
    });
  }

  /** Do steps; `inverse` are those that take them back, for as long as the kitchen does not have them. */
  do(steps, inverse = null, order_id = this.order_id) {
    const id = uuid7();
    if (inverse) this.remember({ id, order_id, inverse });
    this.steps.add({ id, order_id, path: `/orders/${order_id}/steps`, body: { request_id: id, steps, menu_version: this.app.menu?.version ?? null } });
    return id;
  }

  remember(undo) {
    this.undos.push(undo);
    if (this.undos.length > UNDO_STEPS) this.undos.shift();
  }

  /** Whether what was done under this id can be taken back. */
  hasUndo(id) {
    return this.undos.some((undo) => undo.id === id);
  }

  /** Anything else that is done to an order: move, merge, split, cancel; `back` is the body that takes it back. */
  post(act, body, order_id = this.order_id, back = null) {
    const id = uuid7();
    if (back) this.remember({ id, order_id, inverse: [], post: [act, back] });
    this.steps.add({ id, order_id, path: `/orders/${order_id}/${act}`, body: { request_id: id, ...body }, act });
    return id;
  }

  open(body) {
    const order_id = uuid7();
    this.steps.add({ id: order_id, order_id, path: "/orders", body: { order_id, menu_version: this.app.menu?.version ?? null, ...body } });
    return order_id;
  }

  /** Add a dish: onto its line that the kitchen does not have yet, else as a new line. */
  add(dish, qty, more = {}) {
    const modifiers = more.modifiers ?? startingOptions(dish);
    const plain = !Object.keys(more).length && !dish.per_g;
    const same = plain && this.lines().find((line) => line.dish_id === dish.id && line.qty > 0 && line.unsent === line.qty && !line.note && !line.seat && !line.gift
      && !line.parts.length && line.modifiers.join() === modifiers.join());
    if (same) return this.more(same.key, qty);
    const line_id = uuid7();
    const fits = Math.min(qty, QTY_MAX);
    this.chosen = line_id;
    this.do([{ do: "add", line_id, dish_id: dish.id, qty: fits, modifiers, ...more }], [{ do: "change", line_id, qty_delta: -fits }]);
    return fits === qty;
  }

  more(key, delta) {
    const line = this.line(key);
    if (!line) return true;
    const change = delta > 0 ? Math.min(delta, QTY_MAX - line.qty) : Math.max(delta, -line.free);
    this.chosen = key;
    if (change) this.do([{ do: "change", line_id: key, qty_delta: change }], [{ do: "change", line_id: key, qty_delta: -change }]);
    else this.changed();
    return change === delta;
  }

  change(key, said) {
    const line = this.line(key);
    const before = Object.fromEntries(Object.keys(said).map((name) => [name, line[name]]));
    this.do([{ do: "change", line_id: key, ...said }], [{ do: "change", line_id: key, ...before }]);
  }

  toggle(option_id) {
    const line = this.line();
    const dish = line && this.app.menu?.byId.get(line.dish_id);
    if (!dish) return;
    if (line.unsent < line.qty) showToast(t("error.line_sent"));
    else this.change(line.key, { modifiers: toggleOption(dish, line.modifiers, option_id) });
  }

  /** Take away what the kitchen does not have; the rest is a void with a reason, which the line sheet asks for. */
  remove(key) {
    const line = this.line(key);
    if (!line) return;
    if (line.free < line.qty) {
      this.app.lineSheet.void(line);
      return;
    }
    this.seen.delete(key);
    this.do([{ do: "change", line_id: key, qty_delta: -line.qty }], [{ do: "change", line_id: key, qty_delta: line.qty }]);
    showToast(t("toast.removed", { qty: line.qty, dish: nameOf(line.name) }), () => this.app.slip.undo());
  }

  undo() {
    while (this.undos.length) {
      const { order_id, inverse, post } = this.undos.pop();
      if (order_id !== this.order_id) continue;
      if (post) {
        this.post(...post);
        return true;
      }
      for (const step of inverse) if (step.qty_delta < 0) this.seen.delete(step.line_id);
      this.do(inverse);
      return true;
    }
    return false;
  }

  send(fire = false) {
    if (!this.unsent()) {
      showToast(t("tables.nothing_to_send"));
      return;
    }
    this.do([{ do: "send", ...(fire ? { fire: true } : {}) }]);
  }
}
