// What a refund does to points, said before it is confirmed: what comes back, what goes, and who answers for what is spent already.

import { el } from "./dom.js";
import { money } from "./money.js";
import { t } from "./words.js";

const WAYS = ["owe", "cash", "waive"];

/** The rows and keys of the paper; `choose(way)` is asked with how points are answered for that the member has no more. */
export function pointsPart(desk, app, points, way, choose) {
  if (!points) return [];
  const rows = [...(points.returned ? [[t("refund.points_returned"), "+" + points.returned]] : []), ...(points.taken ? [[t("refund.points_taken"), "\u2212" + points.taken]] : []),
    ...(points.balance === null || points.balance === undefined ? [] : [[t("refund.points_balance"), String(points.balance).replace("-", "\u2212")]])];
  const may = (one) => one !== "waive" || app.may("waive_points") || app.asks("waive_points");
  const missing = points.missing ? [el("div", { class: "refund-points", role: "group", "aria-label": t("refund.points_missing", { n: points.missing }) },
    el("p", { class: "works", testid: "points-missing", text: t("refund.points_missing", { n: points.missing }) }),
    el("div", {}, ...WAYS.filter(may).map((one) => el("button", { class: "key", testid: "points-" + one, "aria-pressed": one === way ? "true" : "false",
      text: t("refund.points_" + one, { amount: money(points.missing_fen ?? 0) }), onclick: () => choose(one) }))))] : [];
  return [el("h3", { text: t("way.points") }), desk.facts(rows), ...missing];
}

/** The same for the deed: how points are answered for, and whose word stands for what. */
export function pointsSaid(way, { waive_points = "", ...others }) {
  return { ...(way === "owe" ? {} : { points: way }), ...(waive_points ? { points_approval: waive_points } : {}), approval_id: Object.values(others).pop() ?? "" };
}
