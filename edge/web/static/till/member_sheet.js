// What is known of the member in the slip, masked, and what is done with them: sign in, the last receipt, in clear for a reason, off the slip, leaving.

import { ask } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { adviceOf, sentence } from "./members.js";
import { money } from "./money.js";
import { showToast } from "./toast.js";
import { nameOf, t } from "./words.js";

function rowsOf(one) {
  const dishes = (one.habits?.dishes ?? []).map((dish) => nameOf(dish)).join("\u3001");
  return [
    ["member.name", one.name], ["member.phone", one.phone], ["member.tier", one.tier],
    ["member.points", t("member.points_n", { n: one.points })],
    ["member.spend_here", one.spendable ? t("member.spendable", { n: one.spendable, worth: money(one.worth_fen) }) : ""],
    ["member.pending", one.pending ? String(one.pending) : ""], ["member.debt", one.debt ? String(one.debt) : ""],
    ["member.ends", one.ends_points ? t("member.ends_at", { n: one.ends_points, day: one.ends_day }) : ""],
    ["member.allergies", one.allergies.join("\u3001")], ["member.avoids", one.avoids.join("\u3001")], ["member.likes", one.likes.join("\u3001")], ["member.eats", dishes],
    ["member.note", one.note], ["member.joined_on", one.joined_day], ["member.brought", one.brought ? String(one.brought) : ""],
    ["member.visits", one.visits.map((visit) => visit.day).join("\u00b7")],
    ["member.consents", Object.keys(one.consents).map((purpose) => t("consent." + purpose)).join("\u00b7")],
  ].filter(([, value]) => value);
}

export async function showMember(app, member_id) {
  const { members } = app;
  const one = await members.read(member_id);
  if (!one) {
    showToast(t("notice.node_away"));
    return;
  }
  const key = members.key;
  const advice = adviceOf(one);
  const act = (word, testid, press, css = "key") => el("button", { class: css, testid, text: t(word), onclick: () => { app.sheets.close(); press(); } });
  app.sheets.show("member-known", { draw: (sheets) => sheets.frame(one.name || t("member.title"), [
    ...(advice ? [el("p", { class: "says", testid: "member-advice", text: advice })] : []),
    ...(one.sealed ? [el("p", { class: "works", text: t("member.sealed_says") })] : []),
    ...(one.as_of_hub ? [] : [el("p", { class: "works", text: t("member.not_counted") })]),
    el("dl", { class: "sheet-facts", testid: "member-facts" }, ...rowsOf(one).flatMap(([word, value]) => [el("dt", { text: t(word) }), el("dd", { text: value })])),
  ], [
    act("member.sign_in", "member-sign-in", () => signIn(app, member_id, key)),
    ...(app.last && app.order.isEmpty ? [act("member.claim", "member-claim", () => claim(app, member_id))] : []),
    ...(app.may("reveal_member") || app.asks("reveal_member") ? [act("member.reveal", "member-reveal", () => reveal(app, member_id))] : []),
    ...(app.may("forget_member") || app.asks("forget_member") ? [act("member.leave", "member-leave", () => leave(app, member_id, key), "key danger")] : []),
    act("member.off", "member-off", () => takeOff(app, key)),
  ]) });
}

function takeOff(app, key) {
  if (app.paying.ways.docs[key]?.parts.some((part) => part.kind === "points")) showToast(t("member.points_on_it"));
  else app.members.set(key, "");
}

async function done(app, work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Declined)) showToast(sentence(error));
    return null;
  }
}

async function signIn(app, member_id, key) {
  const said = await done(app, () => app.members.told(member_id, app.tab.order_id === key ? key : "", "code", true));
  if (!said) return;
  showToast(said.body.points ? t("member.signed_in", { n: said.body.points }) : t("member.signed_in_already"));
  await app.members.read(member_id);
}

async function claim(app, member_id) {
  const said = await done(app, () => app.deeds.send("/members/claim", { request_id: uuid7(), member_id, sale_id: app.last.sale.sale_id }));
  if (!said) return;
  showToast(t("member.claimed", { n: said.body.points }));
  await app.members.read(member_id);
}

/** In clear: with a reason, somebody's word where the table wants it, and a fact of it. Only on the sheet, and gone with it. */
async function reveal(app, member_id) {
  const said = await askFor(app, { name: "member-reveal", title: t("member.reveal"), says: t("member.reveal_says"), primary: t("member.reveal"),
    fields: [{ name: "reason", kind: "text", label: t("reason.label"), max: 80, chips: [1, 2].map((n) => t("reason.member_" + n)) }] });
  if (!said) return;
  const request_id = uuid7();
  const shown = await done(app, () => withApproval((approval_id) => ask("POST", "/members/reveal", { body: { request_id, member_id, reason: said.reason, ...(approval_id ? { approval_id } : {}) } })));
  if (!shown) return;
  const { profile } = shown.body;
  app.sheets.show("member-clear", { draw: (sheets) => sheets.frame(t("member.title"), [profile
    ? el("dl", { class: "sheet-facts", testid: "member-clear" }, ...[["member.name", profile.name], ["member.phone", profile.phone], ["member.birthday", profile.birthday?.month_day], ["member.note", profile.note]]
      .filter(([, value]) => value).flatMap(([word, value]) => [el("dt", { text: t(word) }), el("dd", { text: value })]))
    : el("p", { class: "says", text: t("member.sealed_says") })], []) });
}

async function leave(app, member_id, key) {
  const sure = await askFor(app, { name: "member-leave", title: t("member.leave"), says: t("member.leave_says"), primary: t("member.leave"), danger: true, fields: [] });
  if (!sure) return;
  const request_id = uuid7();
  const said = await done(app, () => withApproval((approval_id) => app.deeds.send("/members/leave", { request_id, member_id, ...(approval_id ? { approval_id } : {}) })));
  if (!said) return;
  app.members.views.delete(member_id);
  app.members.set(key, "");
  showToast(t("member.left"));
}
