// The manager's day: figures, ways of paying, hours, what guests still owe, and what was out of the ordinary with who did it.

import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { amount, money } from "../till/money.js";
import { nameOf, t } from "../till/words.js";
import { field, figures, key, section, table } from "./parts.js";
import { clockOf } from "../wall_clock.js";

const AGAIN_MS = 10000;
const DAY_MS = 86_400_000;

export class Day {
  constructor(house) {
    this.house = house;
    this.day = "";
    this.sort = "";
    this.seen = null;
    this.timer = setInterval(() => this.again(), AGAIN_MS);
  }

  close() {
    clearInterval(this.timer);
  }

  async open() {
    this.seen = (await ask("GET", "/house/day" + (this.day ? `?day=${this.day}` : ""))).body;
    this.draw();
  }

  /** Today goes on; what somebody is about to press stays where it is unless a figure changed. */
  async again() {
    if (!this.seen || this.seen.day !== this.seen.today || document.hidden) return;
    try {
      const { body } = await ask("GET", "/house/day");
      if (JSON.stringify(body) === JSON.stringify(this.seen)) return;
      this.seen = body;
      const at = document.activeElement?.dataset?.testid;
      this.draw();
      if (at) this.house.root.querySelector(`[data-testid="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
    } catch {
      // Asked again at the next turn.
    }
  }

  go(days) {
    this.to(new Date(Date.parse(this.seen.day + "T00:00:00Z") + days * DAY_MS).toISOString().slice(0, 10));
  }

  to(day) {
    if (!day) return;
    this.day = day === this.seen.today ? "" : day;
    this.house.attempt(() => this.open());
  }

  draw() {
    const { seen } = this;
    if (!seen) return;
    const date = field({ name: "day", label: t("house.business_day"), value: seen.day, type: "date", max: seen.today, onchange: (event) => this.to(event.target.value) });
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.page_day") }), el("span", { class: "spring" }),
        key("\u2039", "day-before", () => this.go(-1), { "aria-label": t("house.day_before") }), date.row,
        key("\u203a", "day-after", () => this.go(1), { "aria-label": t("house.day_after"), disabled: seen.day >= seen.today })),
      figures([
        [t("house.net"), money(seen.net_fen), "net"], [t("house.sales"), String(seen.sales), "sales"], [t("house.covers"), String(seen.covers), "covers"],
        [t("house.average"), seen.sales ? amount(Math.round(seen.sales_fen / seen.sales)) : "\u2013", "average"], [t("house.refunds"), `${seen.refunds} \u00b7 ${amount(seen.refunds_fen)}`, "refunds"],
        [t("house.discounts"), amount(seen.discounts_fen), "discounts"], ...(seen.tips_fen ? [[t("house.tips"), amount(seen.tips_fen), "tips"]] : []),
        ...(seen.platform_sales ? [[t("way.platform"), `${seen.platform_sales} \u00b7 ${amount(seen.platform_fen)}`, "platform"]] : []),
      ]),
      el("div", { class: "two" }, this.ways(), this.hours()),
      ...(seen.day === seen.today ? [this.openOrders()] : []),
      this.unusual(), this.dishes());
  }

  ways() {
    return section(t("house.ways"), this.seen.ways.length ? table("ways", [[t("house.way"), ""], [t("house.times"), "right"], [t("house.amount"), "right"]],
      this.seen.ways.map((one) => [t("way." + one.kind), String(one.n), amount(one.fen)])) : el("p", { class: "quiet", text: t("house.no_sales") }));
  }

  hours() {
    const top = Math.max(1, ...this.seen.hours.map((one) => one.fen));
    const bars = this.seen.hours.map((one) => {
      const bar = el("i", { class: "bar-of", "aria-hidden": "true" });
      bar.style.width = `${Math.max(1, Math.round((100 * one.fen) / top))}%`;
      return el("li", {}, el("span", { text: `${String(one.hour).padStart(2, "0")}:00` }), el("span", { class: "track" }, bar), el("b", { text: amount(one.fen) }));
    });
    return section(t("house.hours"), bars.length ? el("ul", { class: "hours" }, ...bars) : el("p", { class: "quiet", text: t("house.no_sales") }));
  }

  openOrders() {
    const { open_orders, open_fen } = this.seen;
    return section(t("house.open_orders", { n: open_orders.length, amount: amount(open_fen) }), open_orders.length ? table("open-orders",
      [[t("house.table"), ""], [t("house.since"), ""], [t("house.covers"), "right"], [t("house.amount"), "right"]],
      open_orders.map((one) => [one.table_name || one.label || one.platform_no || t("service." + one.service), clockOf(one.opened_ms), String(one.covers ?? 0), amount(one.total_fen)]))
      : el("p", { class: "quiet", text: t("house.none_open") }));
  }

  unusual() {
    const { sorts, unusual } = this.seen;
    const chips = [["", t("house.all_sorts"), unusual.length], ...sorts.map((one) => [one.kind, t("house.sort_" + one.kind), one.n])];
    const shown = unusual.filter((one) => !this.sort || one.what === this.sort);
    return section(t("house.unusual"),
      el("div", { class: "chips", role: "group", "aria-label": t("house.unusual") }, ...chips.map(([kind, word, n]) => key(`${word} ${n}`, "sort-" + (kind || "all"), () => { this.sort = kind; this.draw(); }, { "aria-pressed": kind === this.sort ? "true" : "false" }))),
      shown.length ? table("unusual", [[t("house.when"), ""], [t("house.what"), ""], [t("house.who"), ""], [t("house.why"), ""], [t("house.amount"), "right"]],
        shown.map((one) => [clockOf(one.at_ms), [t("house.sort_" + one.what), one.label].filter(Boolean).join(" \u00b7 "),
          [one.who, one.approved_by ? t("house.approved", { name: one.approved_by }) : "", one.till ? t("till.number", { till: one.till }) : ""].filter(Boolean).join(" \u00b7 "),
          one.note, one.amount_fen ? amount(one.amount_fen) : "\u2013"]))
        : el("p", { class: "quiet", text: t("house.nothing_unusual") }));
  }

  dishes() {
    const rows = this.seen.dishes.map((one) => [one.code ? `${one.code} ${nameOf(one.name)}` : t("house.dish_gone"), String(one.qty), amount(one.fen)]);
    return section(t("house.best"), rows.length ? table("best", [[t("house.dish"), ""], [t("house.pieces"), "right"], [t("house.amount"), "right"]], rows) : el("p", { class: "quiet", text: t("house.no_sales") }));
  }
}
