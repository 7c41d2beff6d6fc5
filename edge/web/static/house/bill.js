// Codes that nobody has decided, and the gateway's bill file of a day held against what was taken here.

import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { amount } from "../till/money.js";
import { hasWord, t } from "../till/words.js";
import { field, figures, key, section, state, table, today } from "./parts.js";
import { clockOf } from "../wall_clock.js";

export class Bill {
  constructor(house) {
    this.house = house;
    this.day = today(-1);
    this.found = null;
    this.money = null;
  }

  async open() {
    this.money = (await ask("GET", "/payments/open")).body;
    this.found = await this.kept();
    this.draw();
  }

  async kept() {
    try {
      return (await ask("GET", `/gateway/bills/${this.day}`)).body;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  draw() {
    if (!this.money) return;
    const date = field({ name: "bill-day", label: t("house.day"), type: "date", value: this.day, max: today(), onchange: (event) => this.to(event.target.value) });
    const file = field({ name: "bill-file", label: t("house.bill_file"), type: "file", accept: ".csv", onchange: (event) => this.hold(event.target.files[0]) });
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.page_bill") })),
      section(t("house.undecided"), el("p", {}, state(this.money.gateway && !this.money.away ? "ok" : "look", t(this.money.gateway ? (this.money.away ? "money.away" : "money.there") : "money.none"))), this.openMoney()),
      section(t("house.bill_title"), el("p", { class: "quiet", text: t("house.bill_says") }), el("div", { class: "asks" }, date.row,
        el("p", { class: "keys" }, key(t("house.bill_fetch"), "bill-fetch", () => this.hold(null), { class: "key primary", disabled: !this.money.gateway })), file.row), this.result()));
  }

  async to(day) {
    if (!day) return;
    this.day = day;
    await this.house.attempt(async () => { this.found = await this.kept(); this.draw(); });
  }

  async hold(file) {
    const csv = file ? await file.text() : "";
    const found = await this.house.attempt(() => ask("POST", `/gateway/bills/${this.day}`, { body: { csv }, timeout_ms: 30000 }));
    if (!found) return;
    this.found = found.body;
    this.draw();
    this.house.say(t(this.found.ok ? "house.bill_ok" : "house.bill_differs", { n: this.found.differences.length + this.found.faults.length }), !this.found.ok);
  }

  openMoney() {
    const { undecided, unused, missing, refunds } = this.money;
    const way = (one) => (one.kind && hasWord("way." + one.kind) ? t("way." + one.kind) : "");
    const rows = [
      ...undecided.map((one) => [clockOf(one.at_ms), amount(one.amount_fen), `${way(one)} \u00b7 ${t("code.state_" + one.state)}`, this.keys(one)]),
      ...unused.map((one) => [clockOf(one.at_ms), amount(one.amount_fen), `${way(one)} \u00b7 ${t("money.unused")}`, null]),
      ...missing.map((one) => [clockOf(one.at_ms), amount(one.amount_fen), `${way(one)} \u00b7 ${t("money.missing")}`, null]),
      ...refunds.map((one) => ["", amount(-one.amount_fen), t("money.refund_" + one.state), null])];
    return rows.length ? table("open-money", [[t("house.when"), ""], [t("house.amount"), "right"], [t("house.what"), ""], ["", ""]], rows) : el("p", { class: "quiet", testid: "money-empty", text: t("money.empty") });
  }

  keys(one) {
    if (one.state !== "unknown") return null;
    return el("div", { class: "keys" }, key(t("code.query"), "query-" + one.payment_id, () => this.act(one, "query")), key(t("code.accept"), "accept-" + one.payment_id, () => this.act(one, "accept")),
      key(t("code.cancel"), "cancel-" + one.payment_id, () => this.act(one, "cancel"), { class: "key danger" }));
  }

  async act(one, verb) {
    await this.house.attempt(() => ask("POST", `/payments/${one.payment_id}/${verb}`, { body: {}, timeout_ms: 15000 }));
    this.money = (await this.house.attempt(() => ask("GET", "/payments/open")))?.body ?? this.money;
    this.draw();
  }

  result() {
    const { found } = this;
    if (!found) return el("p", { class: "quiet", testid: "bill-none", text: t("house.bill_none", { day: this.day }) });
    const rows = found.differences.map((one) => [t("house.differs_" + one.what), one.reference || one.id.slice(0, 12), one.ours_fen ? amount(one.ours_fen) : "\u2013", one.theirs_fen ? amount(one.theirs_fen) : "\u2013"]);
    return el("div", { testid: "bill-result" }, el("p", {}, state(found.ok ? "ok" : "wrong", t(found.ok ? "house.bill_ok" : "house.bill_differs", { n: found.differences.length + found.faults.length }))),
      figures([[t("house.bill_matched"), `${found.matched} \u00b7 ${amount(found.matched_fen)}`, "matched"], [t("house.refunds"), `${found.refunds_matched} \u00b7 ${amount(found.refunds_fen)}`, "refunds-matched"], [t("way.static_code"), `${found.static_matched} \u00b7 ${amount(found.static_fen)}`, "static-matched"]]),
      rows.length ? table("differences", [[t("house.what"), ""], [t("house.reference"), ""], [t("house.ours"), "right"], [t("house.theirs"), "right"]], rows) : null,
      found.faults.length ? el("p", { class: "remedy fault", text: t("house.bill_faults", { lines: found.faults.map((one) => one.line).join(", ") }) }) : null);
  }
}
