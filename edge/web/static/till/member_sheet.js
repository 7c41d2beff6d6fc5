// A member over the counter (screens.md §6): what hurts, one line of advice, what may be spent now, what they like; the rest is one key away.

import { el, icon } from "./dom.js";
import { showProfile } from "./member_edit.js";
import { showGifts } from "./member_gifts.js";
import { showMore } from "./member_more.js";
import { adviceOf, calledOf } from "./member_words.js";
import { amount, money } from "./money.js";
import { points } from "./pay_noted.js";
import { showToast } from "./toast.js";
import { nameOf, t } from "./words.js";
import { dayOf } from "../wall_clock.js";

const FAVOURITES = 4;
const ROWS = 4;
const LIST = "\u3001";

const figure = (word, value, small, testid) => el("div", {}, el("span", { text: t(word) }), el("strong", { testid, text: value }), el("small", { text: small }));

/** "2026-11-24" -> "11-24", in this year. */
function dayText(day) {
  return day.startsWith(dayOf(Date.now()).slice(0, 4)) ? day.slice(5) : day;
}

function head(one) {
  const visits = one.habits?.visits ? t("member.nth_visit", { n: one.habits.visits }) : "";
  const facts = [one.tier, visits, one.joined_day ? t("member.since_day", { day: one.joined_day }) : "", one.brought ? t("member.brought_n", { n: one.brought }) : ""];
  return el("p", { class: "member-sub", testid: "member-sub", text: facts.filter(Boolean).join("\u00b7") });
}

function strips(one) {
  // What may be spent stands in the band already.
  const advice = one.advice.code === "spend" ? "" : adviceOf(one);
  return [
    ...(one.allergies.length || one.avoids.length ? [el("p", { class: one.allergies.length ? "member-allergy" : "member-avoids", testid: "member-allergy" }, icon("alert"),
      ...(one.allergies.length ? [el("b", { text: t("member.allergic_to", { text: one.allergies.join(LIST) }) })] : []),
      ...(one.avoids.length ? [el("span", { text: t("member.not_eating", { text: one.avoids.join(LIST) }) })] : []),
      el("small", { text: t(one.allergies.length ? "member.allergy_agreed" : "member.to_kitchen") }))] : []),
    ...(advice ? [el("p", { class: "member-advice", testid: "member-advice", text: advice })] : []),
    ...(one.sealed ? [el("p", { class: "works", text: t("member.sealed_says") })] : []),
    ...(one.as_of_hub ? [] : [el("p", { class: "works", testid: "member-not-counted", text: t("member.not_counted") })]),
  ];
}

function band(one) {
  const owed = one.debt ? t("member.owes", { n: one.debt }) : one.pending ? t("member.pending_n", { n: one.pending }) : "";
  const ends = one.ends_points ? t("member.ends_at", { n: one.ends_points, day: one.ends_day }) : "";
  return el("div", { class: "member-band" },
    figure("member.points", one.points.toLocaleString("en"), owed || ends, "member-points"),
    figure("member.spend_here", one.spendable.toLocaleString("en"), t("member.worth", { worth: money(one.worth_fen) }), "member-spendable"),
    figure("member.visits", dayText(one.visits[0]?.day ?? "") || "\u2014", one.home_store && !one.visits.length ? one.home_store : owed ? ends : "", "member-visit"));
}

function rows(title, lines, testid) {
  return el("section", {}, el("h3", { text: title }), el("dl", { class: "member-rows", testid }, ...lines.flatMap(([word, value]) => [el("dt", { text: word }), el("dd", { text: value })])));
}

function lately(one) {
  const bills = one.bills.slice(0, ROWS).map((bill) => [`${dayText(bill.day)} \u00b7 ${bill.receipt_no}`, amount(bill.total_fen)]);
  const days = one.visits.slice(0, ROWS).map((visit) => [dayText(visit.day), t("member.by_" + visit.by)]);
  const lines = bills.length ? bills : days;
  return rows(t("member.lately"), lines.length ? lines : [[t("member.first_time"), ""]], "member-lately");
}

/** What they order most, as keys that add it; for whoever agreed that it is remembered. */
function favourites(app, one) {
  const named = (one.habits?.dishes ?? []).map((name) => app.menu?.dishes.find((dish) => dish.name.zh === name.zh)).filter(Boolean).slice(0, FAVOURITES);
  if (!named.length) return [];
  return [el("section", {}, el("h3", { text: t("member.favourites") }), el("div", { class: "member-favourites" }, ...named.map((dish) =>
    el("button", { class: "key", testid: "favourite-" + dish.id, disabled: app.view !== "order", text: nameOf(dish.name), onclick: () => { app.sheets.close(); app.slip.press(dish.id); } }))))];
}

function habits(one) {
  const kept = one.habits;
  return rows(t("consent.profiling"), [
    ...(kept && kept.hour >= 0 ? [[t("member.usual_hour"), t("member.hours", { from: kept.hour, to: kept.hour + 1 })]] : []),
    ...(kept?.table ? [[t("member.usual_table"), kept.table]] : []),
    ...(one.likes.length ? [[t("member.likes"), one.likes.join(LIST)]] : []),
    ...(one.birthday ? [[t("member.birthday"), one.birthday.month_day + (one.birthday.lunar ? t("member.lunar") : "")]] : []),
    ...one.dates.map((date) => [date.what, date.month_day + (date.lunar ? t("member.lunar") : "")]),
    ...(one.note ? [[t("member.note"), one.note]] : []),
    ...(kept ? [] : [[t("member.no_habits"), ""]]),
  ], "member-habits");
}

/** Points pay this bill: from the order, by way of the payment page. */
async function payWithPoints(app) {
  app.sheets.close();
  if (app.view === "order") await app.toPay.open();
  if (app.view === "pay" && app.paying.ways.tab) await points(app.paying.ways);
  else showToast(t("member.nothing_to_pay"));
}

export async function showMember(app, member_id) {
  const { members } = app;
  const one = await members.read(member_id);
  if (!one) {
    showToast(t("notice.node_away"));
    return;
  }
  const { key } = members;
  const act = (word, testid, press, css = "key") => el("button", { class: css, "data-first": css.includes("primary"), testid, text: t(word), onclick: press });
  const anew = () => showMember(app, member_id);
  app.sheets.show("member-known", { draw: (sheets) => sheets.frame(calledOf(one), [head(one), ...strips(one), band(one),
    el("div", { class: "member-columns", role: "group", tabindex: "0", "aria-label": t("member.lately") }, el("div", {}, lately(one)), el("div", {}, ...favourites(app, one), habits(one)))], [
    act("member.another", "member-another", () => { sheets.close(); if (members.mayChange(key)) { members.takeOff(key); members.askWho(); } }),
    act("pay.points", "member-pay", () => payWithPoints(app)),
    act("member.gifts", "member-gifts", () => showGifts(app, one, anew)),
    act("member.profile", "member-profile", () => showProfile(app, one, anew)),
    act("bar.more", "member-more", () => showMore(app, one, key, anew)),
    act("member.back", "member-back", () => sheets.close(), "key primary"),
  ]) });
}
