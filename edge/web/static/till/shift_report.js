// The figures of an X or a Z as rows: word, amount.

import { amount } from "./money.js";
import { t } from "./words.js";

const SUMS = ["gross_fen", "discounts_fen", "charges_fen", "taxes_added_fen", "rounding_fen", "sales_fen", "refunds_fen", "net_fen", "tips_fen", "taxes_included_fen",
  "platform_fen", "pay_in_fen", "pay_out_fen", "drop_fen", "deposits_taken_fen", "deposits_returned_fen"];
const ALWAYS = ["sales_fen", "refunds_fen", "net_fen"];
const FINAL = ["net_fen"];

/** `beside` is the X's {float_fen, moves} or the whole Z. */
export function reportRows(totals, beside) {
  const rows = SUMS.filter((name) => totals[name] || ALWAYS.includes(name)).map((name) => [t("report." + name), amount(totals[name]), FINAL.includes(name) ? "final" : null]);
  rows.unshift([t("report.sales"), String(totals.sales)]);
  if (totals.covers) rows.push([t("report.covers"), String(totals.covers)]);
  if (totals.voids) rows.push([t("report.voids"), String(totals.voids)]);
  for (const one of totals.tenders) {
    rows.push([`${t("way." + one.kind)} × ${one.count}`, one.returned_fen ? `${amount(one.taken_fen)} − ${amount(one.returned_fen)}` : amount(one.taken_fen)]);
  }
  rows.push([t("shift.float"), amount(beside.float_fen)]);
  for (const one of beside.moves ?? []) if (one.reason) rows.push([`${t("report.move_" + one.what)} ${one.reason}`, amount(one.amount_fen)]);
  if (beside.counted_fen !== undefined) {
    rows.push([t("report.expected"), amount(beside.expected_fen)], [t("count.counted"), amount(beside.counted_fen)], [t("count.variance"), amount(beside.variance_fen), "final"]);
    if (beside.reason) rows.push([t("reason.label"), beside.reason]);
    rows.push([t("close.left"), amount(beside.left_fen)], [t("report.grand"), amount(beside.grand_total_fen)], [t("report.open_orders"), String(beside.open_orders)],
      [t("report.chain"), `${beside.chain.slice(0, 4)}…${beside.chain.slice(-4)} @ ${beside.chain_seq}`]);
  }
  return rows;
}
