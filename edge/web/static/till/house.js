// The rules of the house as far as a basket at the counter needs them before it is paid: taxes that come on top of the menu's prices.

let rules = null;

/** Take the rules that GET /house told; null while nobody told any. */
export function useHouse(told) {
  rules = told;
}

/** Taxes on top of `sold` ([{fen, tax}]) as edge's `bill.compute` counts them: half up, once for the bill or line by line. */
export function taxesOnTop(sold) {
  let sum_fen = 0;
  for (const tax of rules?.taxes ?? []) {
    if (tax.included) continue;
    const amounts = sold.filter((one) => (one.tax || rules.line_tax) === tax.id).map((one) => one.fen);
    const parts = rules.tax_rounding === "line" ? amounts : [amounts.reduce((sum, fen) => sum + fen, 0)];
    for (const fen of parts) sum_fen += Math.floor((2 * fen * tax.rate_bp + 10000) / 20000);
  }
  return sum_fen;
}
