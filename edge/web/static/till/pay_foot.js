// The foot of the slip while it is paid: what adds up to the amount due, the amount due, and the key that finishes.

import { byId, el, setHidden, setText } from "./dom.js";
import { fit } from "./figures.js";
import { amount, money } from "./money.js";
import { drawFinish } from "./pay.js";
import { nameOf, t } from "./words.js";

const TOTAL_STEPS_PX = [48, 40, 34, 28];

/** What stands between the dishes and the total: charges, discounts, taxes on top, rounding, tip. */
function rowsOf(job, tab) {
  const bill = job.share ? null : job.order?.bill;
  const sums = new Map();
  for (const one of bill?.adjustments ?? []) sums.set(one.kind, (sums.get(one.kind) ?? 0) + one.amount_fen);
  const rows = [...sums].map(([kind, fen]) => [t("adjust." + kind), fen]);
  for (const tax of bill?.taxes ?? []) if (!tax.included) rows.push([nameOf(tax.name), tax.tax_fen]);
  if (!job.share && job.taxes_fen) rows.push([t("report.taxes_added_fen"), job.taxes_fen]);
  if (tab.needs_cash && tab.rounding_fen) rows.push([t("pay.rounding"), tab.rounding_fen]);
  if (tab.doc.tip_fen) rows.push([t("pay.tip_title"), tab.doc.tip_fen]);
  if (rows.length) rows.unshift([t("pay.subtotal"), tab.bill_fen - rows.reduce((sum, [word, fen]) => (word === t("pay.rounding") || word === t("pay.tip_title") ? sum : sum + fen), 0)]);
  return rows;
}

export function drawPayFoot(app, job, tab, blocked) {
  const due_fen = tab.bill_fen + tab.doc.tip_fen + (tab.needs_cash ? tab.rounding_fen : 0);
  const taken_fen = tab.counted.reduce((sum, part) => sum + part.amount_fen, 0) + tab.doc.held_fen;
  // What is due stands in the band, too: both are what is still to come.
  const taken = taken_fen ? [[t("slip.total"), due_fen], [t("pay.taken"), -taken_fen]] : [];
  byId("pay-rows").replaceChildren(...[...rowsOf(job, tab), ...taken].flatMap(([word, fen]) => [el("dt", { text: word }), el("dd", { text: amount(fen) })]));
  setText(byId("slip-count"), "");
  setText(byId("slip-blocked"), blocked ? t(blocked) : "");
  setText(byId("slip-total-word"), t("slip.due"));
  fit(byId("total"), money(Math.max(0, due_fen - taken_fen)), TOTAL_STEPS_PX);
  for (const id of ["exact-cash", "pay"]) setHidden(byId(id), true);
  setHidden(byId("finish"), false);
  const { received_fen, due_fen: cash_fen } = app.pay;
  drawFinish(Math.max(0, cash_fen - received_fen), Math.max(0, received_fen - cash_fen), blocked, Boolean(tab.undecided), tab.over_fen);
}
