// The order that lies in the slip: which one, what the node says of it, and what is on its way laid over that.

import { ask, Refused } from "./api.js";
import { foldSteps } from "./steps_fold.js";
import { hideToast, showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { t } from "./words.js";

export class ShownOrder {
  constructor(app) {
    this.app = app;
    this.order_id = null;
    this.steps = null;
    /** Settled once the node answered for the order that was put here last. */
    this.reading = null;
    this.forget();
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
    this.reading = this.read();
    return this.reading;
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
    const name = this.title();
    const paying = this.app.paying.order?.order_id === this.order_id;
    showToast(t(into ? "tables.was_merged" : "tables.was_closed", { name }));
    if (into) this.show(into);
    else this.leave();
    if (paying) this.app.toPay.overtaken(name);
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
}
