// What is said of a member on the till: never more than the node shows masked.

import { Refused } from "./api.js";
import { errorText, hasWord, t } from "./words.js";

const TAIL_DIGITS = 4;
const FULL_BP = 10_000;

/** The version of what is read out to a guest who joins at the till. */
export const TEXT_VERSION = "till-1";

export function sentence(error) {
  return error instanceof Refused ? errorText(error) : t("notice.node_away");
}

/** By what somebody is called out: the last digits of their number and how they want to be addressed. */
export function calledOf(one) {
  const tail = one.phone ? t("member.tail", { tail: one.phone.slice(-TAIL_DIGITS) }) : "";
  return [tail, one.name].filter(Boolean).join("\u00b7") || t(one.sealed ? "member.sealed" : "member.nameless");
}

/** What hurts, as a line of its own, before everything else. */
export function allergyOf(one) {
  return one.allergies.length ? t("member.advice_allergy", { text: one.allergies.join("\u3001") }) : "";
}

/** The one thing to know first, as a sentence. */
export function adviceOf({ advice }) {
  if (!advice.code || advice.code === "allergy") return "";
  return t("member.advice_" + advice.code + (advice.code === "birthday" && !advice.days ? "_today" : ""), { text: advice.text ?? "", points: advice.points ?? 0, days: advice.days ?? 0 });
}

/** What a bill of so much earns, before the caps of a day; the node counts what is booked. */
export function gainOf({ rate }, total_fen) {
  const points = Math.floor((Math.max(0, total_fen) * rate.points * rate.multiplier_bp) / (rate.per_fen * FULL_BP));
  return rate.bill_max ? Math.min(points, rate.bill_max) : points;
}

/** What came of a join. */
export function inWords({ existing, welcome = 0, claimed = 0, claim = "" }) {
  const done = existing ? t("member.was_one") : t("member.joined", { points: welcome });
  const receipt = claimed ? t("member.and_receipt", { claimed }) : claim ? t(hasWord("error." + claim) ? "error." + claim : "member.no_receipt") : "";
  return [done, receipt].filter(Boolean).join(" ");
}
