// The order that lies in the slip: what the node says of it with what is on its way laid over it, and every change as a step.

import { ask, Refused } from "./api.js";
import { Declined } from "./approve.js";
import { uuid7 } from "./ids.js";
import { startingOptions, toggleOption } from "./menu.js";
import { QTY_MAX } from "./order.js";
import { Steps } from "./steps.js";
import { foldSteps } from "./steps_fold.js";
import { hideToast, showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { errorText, nameOf, t } from "./words.js";

const UNDO_STEPS = 20;
const SAID = { send: "tables.sent", fire: "tables.fired_next", chase: "tables.chased_all" };

export class OpenOrder {
  constructor(app) {
    this.app = app;
    this.order_id = null;
    this.forget();
    this.steps = new Steps(app, {
      answered: (job, body) => this.answered(job, body), refused: (job, error) => this.refused(job, error),
      unsigned: () => app.signedOut("sign_in.waiting_steps"), changed: () => this.changed(),
    });
  }

  forget() {
    this.view = null;
    this.chosen = null;
    this.undos = [];
    // Answered by the node, but not in the view that was read last.
    this.answered_jobs = [];
    // Lines that stood here keep their place when somebody else takes them away: nothing moves under the thumb.
    this.seen = new Set();
    this.folded = null;
  }

  get isOpen() {
    return this.order_id !== null;
  }

  async restore() {
    const [kept] = await load([this.app.kept("tab")]);
    this.order_id = null;
    this.forget();
    await this.steps.restore();
    if (kept) this.show(kept.order_id, kept.view);
  }

  // --- which order lies here ---

  /** Put an order into the slip; what the node says of it is read behind it. */
  show(order_id, view = null) {
    if (this.order_id !== order_id) {
      hideToast();
      this.order_id = order_id;
      this.forget();
      this.view = view;
      this.app.chips.forget();
    }
    this.keepTab();
    this.app.lines.forget();
    this.changed();
    return this.read();
  }

  leave() {
    if (!this.isOpen) return;
    this.order_id = null;
    this.forget();
    this.keepTab();
    this.app.lines.forget();
    this.app.chips.forget();
    this.app.screen.drawBar();
    this.app.screen.draw();
  }

  keepTab() {
    return keep({ [this.app.kept("tab")]: this.order_id ? { order_id: this.order_id, view: this.view } : null }).catch(() => null);
  }

  async read() {
    const { order_id } = this;
    // One that waits to be opened is not known yet.
    if (!order_id || !this.app.session || this.steps.of(order_id).some((job) => job.path === "/orders")) return;
    try {
      const { body } = await ask("GET", "/orders/" + order_id);
      if (order_id !== this.order_id || (this.view && body.n < this.view.n)) return;
      this.view = body;
      this.answered_jobs = this.answered_jobs.filter((job) => job.n > body.n);
      this.keepTab();
      this.ended(body);
      this.changed();
    } catch (error) {
      // What was read last stays in sight; what nobody knows of leaves the slip.
      if (error instanceof Refused && error.status === 404 && !this.steps.of(order_id).length && order_id === this.order_id) this.leave();
    }
  }

  /** Somebody else merged, paid or ended it: the slip follows, and says so. */
  ended(view) {
    if ((view.head.state ?? "open") === "open") return;
    // This till's own payment closed it, and its answer is on the way: the sale will say so itself.
    if (this.app.submitter.pending?.order?.order_id === this.order_id) return;
    const { into } = view.head;
    showToast(t(into ? "tables.was_merged" : "tables.was_closed", { name: this.title() }));
    if (into) this.show(into);
    else this.leave();
  }

  // --- what is on it ---

  now() {
    if (!this.folded) {
      const folded = foldSteps(this.app.menu, this.view, [...this.answered_jobs, ...this.steps.of(this.order_id)]);
      for (const line of folded.lines) if (line.qty > 0 || line.waits) this.seen.add(line.key);
      folded.lines = folded.lines.filter((line) => line.qty > 0 || line.waits || this.seen.has(line.key));
      this.folded = folded;
    }
    return this.folded;
  }

  lines() {
    return this.now().lines;
  }

  line(key = this.chosen) {
    return this.lines().find((line) => line.key === key && (line.qty > 0 || line.waits)) ?? null;
  }

  title() {
    const { head } = this.now();
    return this.view?.table_name || this.app.plan.tableName(head.table) || head.label || t("service." + (head.service ?? "counter"));
  }

  unsent() {
    return this.lines().reduce((sum, line) => sum + line.unsent, 0);
  }

  changed() {
    this.folded = null;
    this.app.screen?.orderMoved();
  }

  choose(key) {
    const again = this.chosen === key;
    this.chosen = key;
    this.changed();
    return again;
  }

  chooseBeside(step) {
    const lines = this.lines().filter((line) => line.qty > 0);
    if (!lines.length) return;
    const at = lines.findIndex((line) => line.key === this.chosen);
    this.choose(lines[Math.min(lines.length - 1, Math.max(0, at + step))].key);
  }

  // --- changing it ---

  /** Do steps; `inverse` are those that take them back, for as long as the kitchen does not have them. */
  do(steps, inverse = null, order_id = this.order_id) {
    const id = uuid7();
    if (inverse) {
      this.undos.push({ order_id, inverse });
      if (this.undos.length > UNDO_STEPS) this.undos.shift();
    }
    this.steps.add({ id, order_id, path: `/orders/${order_id}/steps`, body: { request_id: id, steps, menu_version: this.app.menu?.version ?? null } });
    return id;
  }

  /** Anything else that is done to an order: move, merge, split, cancel. */
  post(act, body, order_id = this.order_id) {
    const id = uuid7();
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
    showToast(t("toast.removed", { qty: line.qty, dish: nameOf(line.name) }), () => this.app.undo());
  }

  undo() {
    while (this.undos.length) {
      const { order_id, inverse } = this.undos.pop();
      if (order_id !== this.order_id) continue;
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

  // --- what the node made of it ---

  answered(job, body) {
    const n = body.n ?? body.order?.n;
    if (job.order_id === this.order_id) {
      this.answered_jobs.push({ ...job, n });
      this.read();
    }
    this.tellOutcomes(job, body.outcomes ?? body.order?.outcomes ?? []);
    if (job.act === "merge" || job.act === "split") this.app.tables.came(job, body);
    if (job.act === "cancel" && job.order_id === this.order_id) this.leave();
    this.app.tables.soon();
  }

  tellOutcomes(job, outcomes) {
    for (const [at, outcome] of outcomes.entries()) {
      const step = job.body.steps?.[at];
      // Only what the node has done is said to be done.
      if (outcome.became === "done" && SAID[step?.do]) showToast(t(SAID[step.do], { n: outcome.qty ?? 0 }));
      else if (outcome.became === "nothing" && SAID[step?.do]) showToast(t("tables.nothing_" + step.do));
      else if (outcome.became === "refused") this.say(outcome, step);
      else if (["gone", "moved"].includes(outcome.became) || (outcome.became === "partly" && step?.do !== "send")) showToast(t("tables.became_" + outcome.became, { qty: outcome.qty ?? 0 }));
    }
  }

  say(refusal, step) {
    const dish = this.app.menu?.byId.get(refusal.details?.dish_id ?? step?.dish_id);
    const name = dish ? nameOf(dish.name) + ": " : "";
    const text = refusal.code === "sold_out" ? t("tables.sold_out", { dish: dish ? nameOf(dish.name) : "", n: refusal.details?.left ?? 0 }) : name + errorText(refusal);
    this.app.paying.refuse(t("tables.refused"), text, refusal.code);
  }

  refused(job, error) {
    this.undos = this.undos.filter((undo) => undo.order_id !== job.order_id || job.path !== "/orders");
    if (job.order_id === this.order_id) {
      if (job.path === "/orders") this.leave();
      else this.read();
    }
    if (error instanceof Declined) return;
    if (error.code === "order_closed" && error.details.into && job.order_id === this.order_id) this.show(error.details.into);
    if (error.code === "table_taken" && job.path === "/orders" && error.details.order_id) this.show(error.details.order_id);
    this.say(error, job.body.steps?.[0]);
    this.app.tables.soon();
  }
}
