// Dishes sold by weight: the same arithmetic as sync.contract.weights, for display only; the node prices what counts.

export const WEIGHT_G_MAX = 30_000;
const KILOGRAM_G = 1000;

/** The price of `weight_g` grams at `price_fen` for `per_g` grams: whole fen, half a fen up. */
export function weighedFen(price_fen, weight_g, per_g) {
  return Math.floor((2 * price_fen * weight_g + per_g) / (2 * per_g));
}

/** 486 -> "0.486kg" */
export function kilograms(weight_g) {
  return Math.floor(weight_g / KILOGRAM_G) + "." + String(weight_g % KILOGRAM_G).padStart(3, "0") + "kg";
}

/** What a price is for: "500g", and "kg" for 1000 g. */
export function perText(per_g) {
  return per_g === KILOGRAM_G ? "kg" : per_g + "g";
}

export function isWeight(weight_g) {
  return Number.isInteger(weight_g) && weight_g >= 1 && weight_g <= WEIGHT_G_MAX;
}

// What may be typed in each unit: nothing that is finer than a gram.
const TYPED = { g: /^(\d{0,5})()$/, kg: /^(\d{0,2})(?:\.(\d{0,3}))?$/ };

/** Typed digits in `unit` as whole grams: ("486", "g") and ("0.486", "kg") are both 486; NaN where they are neither. */
export function parseGrams(text, unit) {
  const match = TYPED[unit].exec(text);
  if (!match) return NaN;
  if (unit === "g") return Number(match[1] || "0");
  return Number(match[1] || "0") * KILOGRAM_G + Number((match[2] || "").padEnd(3, "0"));
}
