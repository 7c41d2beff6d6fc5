// Tables kept for guests: by day and time, with a form beside them; when guests come their table is opened at once.

import { BASE } from "../base.js";
import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { uuid7 } from "../till/ids.js";
import { amount } from "../till/money.js";
import { t } from "../till/words.js";
import { Deed, field, key, section, texts, today } from "./parts.js";
import { clockOf, dayOf } from "../wall_clock.js";

const ANY = "*";

/** A whole number may be typed or pasted: its last four digits are what is kept. */
function lastFour(input) {
  const four = input.value.replace(/\D/g, "").slice(-4);
  if (input.value !== four) input.value = four;
}

/** Whether a time of today is past by this computer's clock. */
function isPast({ day, time }) {
  return day === today() && time < clockOf(Date.now());
}

export class Bookings {
  constructor(house) {
    this.house = house;
    this.fresh();
    this.seen = null;
    this.tables = [];
    this.deposits = [];
    this.arriving = null;
  }

  fresh() {
    this.booking_id = uuid7();
    this.deed = new Deed();
    this.editing = null;
    this.meant = "";
  }

  async open() {
    const [seen, floor] = await Promise.all([ask("GET", "/bookings"), ask("GET", "/floor")]);
    this.seen = seen.body;
    this.tables = floor.body.areas.flatMap((area) => area.tables);
    this.draw();
    await this.readDeposits();
  }

  sentence(error) {
    if (error.code === "table_booked") return t("house.table_booked", error.details);
    if (error.code === "no_table_free") return t("house.no_table_free", { n: error.details.covers });
    if (error.code === "booking_ended") return t("house.booking_is", { state: t("house.booking_" + error.details.state) });
    return null;
  }

  draw() {
    const days = new Map();
    for (const one of this.seen.bookings) days.set(one.day, [...(days.get(one.day) ?? []), one]);
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.page_bookings") })),
      el("div", { class: "two wide-left" },
        el("div", { testid: "bookings" }, ...(days.size ? [...days].map(([day, list]) => this.dayOf(day, list)) : [el("p", { class: "quiet", text: t("house.no_bookings") })])),
        this.form()));
  }

  dayOf(day, list) {
    const guests = list.filter((one) => one.state === "waiting").reduce((sum, one) => sum + one.covers, 0);
    const title = `${day === this.seen.today ? t("house.today") + " " : ""}${day} \u00b7 ${t("house.guests_n", { n: guests })}`;
    return section(title, el("ul", { class: "rows" }, ...list.map((one) => this.row(one))));
  }

  row(one) {
    const waits = one.state === "waiting";
    const facts = [`${one.covers} ${t("house.guests")}`, one.table_name || t("house.no_table"), t("house.phone_end", { n: one.phone4 }), one.note,
      one.deposit_left_fen >= 0 ? t("house.deposit_left", { amount: amount(one.deposit_left_fen) }) : ""].filter(Boolean).join(" \u00b7 ");
    const keys = this.arriving === one.booking_id ? this.arriveKeys(one) : [
      key(t("house.arrived"), "arrive-" + one.booking_id, () => this.arrive(one), { class: "key primary" }),
      key(t("house.change"), "change-" + one.booking_id, () => this.edit(one)),
      key(t("house.booking_no_show"), "no-show-" + one.booking_id, () => this.end(one, "no_show")),
      key(t("house.cancel_booking"), "cancel-" + one.booking_id, () => this.end(one, "cancelled"), { class: "key danger" })];
    return el("li", { class: "booking", "data-state": one.state, testid: "booking-" + one.booking_id },
      el("p", {}, el("b", { class: "time", text: one.time }), el("b", { text: one.name }), el("span", { class: "quiet", text: facts }), ...(waits ? [] : [el("span", { class: "ended", text: t("house.booking_" + one.state) })])),
      ...(waits ? [el("div", { class: "keys" }, ...keys)] : []));
  }

  /** Their table has guests, or none was chosen: another one is named. */
  arriveKeys(one) {
    const pick = field({ name: "sit-at", label: t("house.sit_at"), options: this.tables.map((table) => [table.id, `${table.name} \u00b7 ${t("tables.seats", { n: table.seats })}`]), value: one.table || this.tables[0]?.id });
    return [pick.row, key(t("house.sit_down"), "sit-down", () => this.arrive(one, pick.input.value), { class: "key primary" }), key(t("house.leave_it"), "sit-not", () => { this.arriving = null; this.draw(); })];
  }

  async arrive(one, table = "") {
    if (!one.table && !table) {
      this.arriving = one.booking_id;
      this.draw();
      return;
    }
    this.order_id = this.arriving === one.booking_id && this.order_id ? this.order_id : uuid7();
    const done = await this.house.attempt(async () => {
      try {
        return (await ask("POST", `/bookings/${one.booking_id}/arrive`, { body: { order_id: this.order_id, table } })).body;
      } catch (error) {
        if (error.code === "table_taken") {
          this.arriving = one.booking_id;
          this.draw();
        }
        throw error;
      }
    });
    if (!done) return;
    this.order_id = null;
    this.arriving = null;
    location.assign(`${BASE}/till/`);
  }

  async end(one, became) {
    const deed = new Deed();
    if (await this.house.attempt(() => deed.send(`/bookings/${one.booking_id}/end`, { became }))) await this.house.attempt(() => this.open());
  }

  edit(one) {
    this.fresh();
    this.booking_id = one.booking_id;
    this.editing = one;
    this.draw();
    this.readDeposits();
    this.house.root.querySelector("[name=name]").focus();
  }

  form() {
    const one = this.editing ?? { day: this.seen.today || today(), time: "18:00", name: "", phone4: "", covers: 2, table: ANY, note: "", deposit_id: "" };
    const tables = [[ANY, t("house.any_table")], ["", t("house.no_table")], ...this.tables.map((table) => [table.id, `${table.name} \u00b7 ${t("tables.seats", { n: table.seats })}`])];
    this.fields = [
      field({ name: "day", label: t("house.day"), type: "date", value: one.day, min: this.seen.today, required: true, onchange: () => this.readDeposits() }),
      field({ name: "time", label: t("house.time"), type: "time", value: one.time, required: true }),
      field({ name: "name", label: t("house.name"), value: one.name, maxlength: 24, required: true }),
      field({ name: "phone4", label: t("house.phone4"), value: one.phone4, maxlength: 20, inputmode: "numeric", pattern: "[0-9]{4}", required: true, oninput: (event) => lastFour(event.target) }),
      field({ name: "covers", label: t("house.covers"), type: "number", value: one.covers, min: 1, max: 999, inputmode: "numeric", required: true }),
      field({ name: "table", label: t("house.table"), options: tables, value: one.table }),
      field({ name: "note", label: t("house.note"), value: one.note, maxlength: 60 }),
      field({ name: "deposit_id", label: t("house.deposit"), options: this.depositOptions(one), value: one.deposit_id }),
    ];
    const beside = field({ name: "beside", label: t("house.beside"), tick: true });
    this.beside = beside.input;
    return section(this.editing ? t("house.change_booking") : t("house.new_booking"), el("form", { class: "asks", testid: "booking-form", onsubmit: (event) => { event.preventDefault(); this.send(); } },
      ...this.fields.map((each) => each.row), beside.row,
      el("div", { class: "keys end" }, ...(this.editing ? [key(t("house.leave_it"), "booking-leave", () => { this.fresh(); this.draw(); this.readDeposits(); })] : []),
        el("button", { class: "key primary", testid: "booking-go", type: "submit", text: t(this.editing ? "house.keep" : "house.book") }))));
  }

  depositOptions(one) {
    const known = this.deposits.map((each) => [each.payment_id, `${each.label} ${amount(each.left_fen)}`]);
    if (one.deposit_id && !known.some(([id]) => id === one.deposit_id)) known.push([one.deposit_id, amount(Math.max(0, one.deposit_left_fen))]);
    return [["", t("house.no_deposit")], ...known];
  }

  /** The deposits for the day that is booked: they are taken at the till, under the same name. */
  async readDeposits() {
    const day = this.fields?.find((each) => each.input.name === "day").input.value;
    if (!day) return;
    const found = await this.house.attempt(() => ask("GET", `/deposits?from=${day}&to=${day}`));
    this.deposits = found?.body.payments.filter((each) => each.left_fen > 0) ?? [];
    const { input } = this.fields.find((each) => each.input.name === "deposit_id");
    const was = input.value;
    input.replaceChildren(...this.depositOptions(this.editing ?? { deposit_id: was }).map(([id, word]) => el("option", { value: id, text: word })));
    input.value = was;
  }

  async send() {
    const said = texts(this.fields);
    const when = said.day + said.time;
    if (isPast(said) && this.meant !== when) {
      // Guests who sit already may be written down too, so it is asked and not refused.
      this.meant = when;
      this.house.say(t("house.booking_past", { time: said.time }));
      return;
    }
    const body = { ...said, covers: Number(said.covers), beside: this.beside.checked };
    const done = await this.house.attempt(() => this.deed.send(`/bookings/${this.booking_id}`, body));
    if (!done) return;
    this.house.say(t("house.booked", { name: done.name, time: done.time, table: done.table_name || t("house.no_table") }));
    this.fresh();
    await this.house.attempt(() => this.open());
  }
}
