// Amounts are whole minor units (fen) everywhere; only here do they become text.

let sign = "\u00a5";
let code = "CNY";

export function useCurrency(currency) {
  code = currency;
  const parts = new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "narrowSymbol" }).formatToParts(0);
  sign = parts.find((part) => part.type === "currency").value;
}

export function currencyCode() {
  return code;
}

/** 123456 -> "1,234.56"; a true minus for negative amounts. */
export function amount(fen) {
  const positive = Math.abs(fen);
  const whole = String(Math.floor(positive / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
  const text = whole + "." + String(positive % 100).padStart(2, "0");
  return fen < 0 ? "\u2212" + text : text;
}

/** With the currency sign: for the total, a tile and a sentence, never for a column. */
export function money(fen) {
  return fen < 0 ? "\u2212" + sign + amount(-fen) : sign + amount(fen);
}

/** Short form for a key: "187" or "187.50". */
export function short(fen) {
  return fen % 100 === 0 ? amount(fen).slice(0, -3) : amount(fen);
}

/** "187.5" -> 18750; digits with at most two decimals, else NaN. */
export function parseAmount(text) {
  const match = /^(\d{0,12})(?:\.(\d{0,2}))?$/.exec(text);
  if (!match) return NaN;
  return Number(match[1] || "0") * 100 + Number((match[2] || "").padEnd(2, "0") || "0");
}
