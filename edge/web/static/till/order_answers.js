// What the node made of the steps: said where it differs from what was asked for, and the slip follows.

import { Declined } from "./approve.js";
import { showToast } from "./toast.js";
import { errorText, nameOf, t } from "./words.js";

/** Steps that are shown with an Undo once they are done; those of quantities show themselves. */
function isTold(step) {
  return ["price", "discount", "edit"].includes(step?.do) || (step?.do === "change" && ["note", "seat", "course"].some((name) => step[name] !== undefined));
}

const SAID = { send: "tables.sent", fire: "tables.fired_next", chase: "tables.chased_all" };

export class OrderAnswers {
  constructor(app, tab) {
    this.app = app;
    this.tab = tab;
  }

  answered(job, body) {
    const { tab } = this;
    const n = body.n ?? body.order?.n;
    if (job.order_id === tab.order_id) {
      tab.answered_jobs.push({ ...job, n });
      tab.read();
    }
    this.tellOutcomes(job, body.outcomes ?? body.order?.outcomes ?? []);
    if (job.act === "move") this.offerUndo(job, "tables.done_move");
    if (job.act === "merge" || job.act === "split") this.app.tables.came(job, body);
    if (job.act === "cancel" && job.order_id === tab.order_id) tab.leave();
    this.app.tables.soon();
  }

  tellOutcomes(job, outcomes) {
    for (const [at, outcome] of outcomes.entries()) {
      const step = job.body.steps?.[at];
      // Only what the node has done is said to be done.
      if (outcome.became === "done" && isTold(step)) this.offerUndo(job, "tables.done_change");
      if (outcome.became === "done" && SAID[step?.do]) showToast(t(SAID[step.do], { n: outcome.qty ?? 0 }));
      else if (outcome.became === "nothing" && SAID[step?.do]) showToast(t("tables.nothing_" + step.do));
      else if (outcome.became === "refused") this.say(outcome, step);
      else if (["gone", "moved"].includes(outcome.became) || (outcome.became === "partly" && step?.do !== "send")) showToast(t("tables.became_" + outcome.became, { qty: outcome.qty ?? 0 }));
    }
  }

  /** Done, shown, and for five seconds one key takes it back. */
  offerUndo(job, word) {
    if (job.order_id === this.tab.order_id && this.tab.hasUndo(job.id)) showToast(t(word), () => this.app.slip.undo());
  }

  say(refusal, step) {
    const dish = this.app.menu?.byId.get(refusal.details?.dish_id ?? step?.dish_id);
    const name = dish ? nameOf(dish.name) + ": " : "";
    const text = refusal.code === "sold_out" ? t("tables.sold_out", { dish: dish ? nameOf(dish.name) : "", n: refusal.details?.left ?? 0 }) : name + errorText(refusal);
    this.app.paying.refuse(t("tables.refused"), text, refusal.code);
  }

  refused(job, error) {
    const { tab } = this;
    tab.undos = tab.undos.filter((undo) => undo.id !== job.id && (undo.order_id !== job.order_id || job.path !== "/orders"));
    if (job.order_id === tab.order_id) {
      if (job.path === "/orders") tab.leave();
      else tab.read();
    }
    if (error instanceof Declined) return;
    if (error.code === "order_closed" && error.details.into && job.order_id === tab.order_id) tab.show(error.details.into);
    if (error.code === "table_taken" && job.path === "/orders" && error.details.order_id) tab.show(error.details.order_id);
    this.say(error, job.body.steps?.[0]);
    this.app.tables.soon();
  }
}
