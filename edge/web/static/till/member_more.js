// What else is done with a member: sign in, thanked, the last receipt, a card, in clear for a reason, off the slip, leaving.

import { ask } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { beep } from "./beep.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { showConsents } from "./member_edit.js";
import { calledOf, sentence } from "./member_words.js";
import { showToast } from "./toast.js";
import { t } from "./words.js";

const CARD_CHARS = 64;
const THANKS = ["review", "share", "dish_tip"];

/** Do a deed, with somebody's word where the node wants one; null where it was refused, which is said, or nobody gave their word. */
export async function deed(app, path, body) {
  const request_id = uuid7();
  try {
    return (await withApproval((approval_id) => app.deeds.send(path, { request_id, ...body, ...(approval_id ? { approval_id } : {}) }))).body;
  } catch (error) {
    if (!(error instanceof Declined)) showToast(sentence(error));
    return null;
  }
}

export function showMore(app, one, key, back) {
  const { member_id } = one;
  const act = (word, testid, press, css = "key") => el("button", { class: css, testid, onclick: () => { app.sheets.close(); press(); } }, el("span", { text: t(word) }));
  const can = (action) => app.may(action) || app.asks(action);
  app.sheets.show("member-acts", { draw: (sheets) => sheets.frame(calledOf(one), [el("div", { class: "more-keys" },
    act("member.sign_in", "member-sign-in", () => signIn(app, member_id, key, back)),
    ...(can("thank_member") ? THANKS.map((by) => act("member.thank_" + by, "member-thank-" + by, () => thank(app, member_id, by, back))) : []),
    ...(app.last && app.order.isEmpty && !app.last.sale.member_id ? [act("member.claim", "member-claim", () => claim(app, member_id, back))] : []),
    act("member.card", "member-card", () => bindCard(app, member_id, back)),
    act("member.consents", "member-consents", () => showConsents(app, one, back)),
    act("member.hand_invite", "member-invite", () => hand(app, member_id, "invite", back)),
    ...(can("reveal_member") ? [act("member.hand_door", "member-door", () => handDoor(app, member_id, back))] : []),
    ...(can("reveal_member") ? [act("member.reveal", "member-reveal", () => reveal(app, member_id))] : []),
    act("member.off", "member-off", () => { if (app.members.mayChange(key)) app.members.takeOff(key); }),
    ...(can("forget_member") ? [act("member.leave", "member-leave", () => leave(app, member_id, key), "key danger")] : []))],
  [el("button", { class: "key", testid: "member-acts-back", text: t("pay.back"), onclick: back })]) });
}

async function signIn(app, member_id, key, back) {
  try {
    const { body } = await app.members.told(member_id, app.tab.order_id === key ? key : "", "code", { sign_in: true });
    showToast(body.points ? t("member.signed_in", { n: body.points }) : t("member.signed_in_already"));
  } catch (error) {
    showToast(sentence(error));
  }
  await back();
}

async function thank(app, member_id, by, back) {
  const said = await deed(app, "/members/thank", { member_id, by });
  if (said) showToast(said.points ? t("member.thanked", { n: said.points }) : t("member.thanked_already"));
  await back();
}

async function claim(app, member_id, back) {
  const said = await deed(app, "/members/claim", { member_id, sale_id: app.last.sale.sale_id });
  if (said) showToast(t("member.claimed", { n: said.points }));
  await back();
}

/** A card or tag stands for them from now on: scanned, swiped or typed. */
async function bindCard(app, member_id, back) {
  let scanned = null;
  const asking = askFor(app, { name: "member-card", title: t("member.card"), says: t("member.card_says"), works: t("member.card_works"), primary: t("member.card_go"),
    fields: [{ name: "card", kind: "digits", letters: true, label: t("member.card_field"), chars: CARD_CHARS }],
    act: async (values) => {
      const { card } = scanned ? { card: scanned } : values;
      try {
        await app.deeds.send("/members/card", { request_id: uuid7(), member_id, card });
        return null;
      } catch (error) {
        return sentence(error);
      }
    } });
  const sheet = app.sheets.extra;
  app.scans?.grab({ screen: "member", kinds: ["member", "unknown"], take: (value) => {
    beep(true);
    scanned = value;
    sheet.set(value);
    sheet.send();
  } });
  const said = await asking.finally(() => app.scans?.release());
  if (!said) return;
  showToast(t("member.card_done"));
  await back();
}

/** A slip for the member: their own invite for friends, or the one that opens their page at HQ. */
async function hand(app, member_id, what, back) {
  const said = await deed(app, `/members/${member_id}/${what}`, {});
  if (said) showToast(t("member.handed_" + what, { until: said.until }));
  await back();
}

/** Whoever has that slip sees all that is held of the member: it is asked for once more. */
async function handDoor(app, member_id, back) {
  const sure = await askFor(app, { name: "member-door", title: t("member.hand_door"), says: t("member.hand_door_says"), primary: t("member.hand_door"), fields: [] });
  if (sure) await hand(app, member_id, "door", back);
  else await back();
}

/** In clear: with a reason, somebody's word where the table wants it, and a fact of it. Only on the sheet, and gone with it. */
async function reveal(app, member_id) {
  const said = await askFor(app, { name: "member-reveal", title: t("member.reveal"), says: t("member.reveal_says"), primary: t("member.reveal"),
    fields: [{ name: "reason", kind: "text", label: t("reason.label"), max: 80, chips: [1, 2].map((n) => t("reason.member_" + n)) }] });
  if (!said) return;
  const request_id = uuid7();
  let shown = null;
  try {
    shown = await withApproval((approval_id) => ask("POST", "/members/reveal", { body: { request_id, member_id, reason: said.reason, ...(approval_id ? { approval_id } : {}) } }));
  } catch (error) {
    if (!(error instanceof Declined)) showToast(sentence(error));
    return;
  }
  const { profile } = shown.body;
  const facts = profile ? [["member.name", profile.name], ["member.phone", profile.phone], ["member.birthday", profile.birthday?.month_day], ["member.note", profile.note]].filter(([, value]) => value) : [];
  app.sheets.show("member-clear", { draw: (sheets) => sheets.frame(t("member.title"), [profile
    ? el("dl", { class: "sheet-facts", testid: "member-clear" }, ...facts.flatMap(([word, value]) => [el("dt", { text: t(word) }), el("dd", { text: value })]))
    : el("p", { class: "says", text: t("member.sealed_says") })], []) });
}

async function leave(app, member_id, key) {
  const sure = await askFor(app, { name: "member-leave", title: t("member.leave"), says: t("member.leave_says"), primary: t("member.leave"), danger: true, fields: [] });
  if (!sure || !(await deed(app, "/members/leave", { member_id }))) return;
  app.members.views.delete(member_id);
  app.members.takeOff(key);
  showToast(t("member.left"));
}
