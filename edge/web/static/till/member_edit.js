// What a member tells us, put right over the counter: nobody has to read in clear what they do not change. And what they agree to.

import { askFor } from "./ask_sheet.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { calledOf, sentence, TEXT_VERSION } from "./member_words.js";
import { localeTag, t } from "./words.js";

const PURPOSES = ["membership", "allergy", "profiling", "sharing", "sms", "wecom"];
const LIST = "\u3001";
const DATES_MAX = 12;
const WORD_MAX = 120;

const words = (text) => text.split(/[\u3001,\uff0c;\uff1b]/).map((word) => word.trim()).filter(Boolean);
const chips = (name, n) => Array.from({ length: n }, (_, i) => t(`member.chip_${name}_${i + 1}`));

/** "1124" as it is typed -> "11-24". */
const monthDay = (digits) => `${digits.slice(0, 2)}-${digits.slice(2)}`;

/** Write what changed; gives why it was not, nothing when it was. */
async function put(app, one, said) {
  const only = Object.keys(said);
  if (!only.length) return null;
  try {
    await app.deeds.send("/members/profile", { request_id: uuid7(), member_id: one.member_id, said: { ...said, locale: localeTag() }, only: [...only, "locale"] });
    return null;
  } catch (error) {
    return sentence(error);
  }
}

async function agree(app, one, purpose, given) {
  try {
    await app.deeds.send("/members/consent", { request_id: uuid7(), member_id: one.member_id, purpose, given, text: TEXT_VERSION });
    return null;
  } catch (error) {
    return sentence(error);
  }
}

/** Name, birthday, what is good to know; what they must not eat and the dates that matter have a key each. */
export async function showProfile(app, one, back) {
  const born = one.birthday?.month_day.replace("-", "") ?? "";
  let next = null;
  const go = (to) => (sheet) => { next = to; sheet.finish(null); };
  const said = await askFor(app, { name: "member-edit", title: t("member.profile"), says: calledOf(one), works: t("member.profile_works"), primary: t("member.save"),
    keys: [[t("member.taste"), "member-taste", go(showTaste)], [t("member.dates"), "member-dates", go(showDates)]],
    fields: [
      { name: "name", kind: "text", label: t("member.name_new"), max: 40, optional: true },
      { name: "birthday", kind: "digits", label: t("member.birthday_field"), chars: 4, optional: true, value: born },
      { name: "likes", kind: "text", label: t("member.likes"), max: WORD_MAX, optional: true, value: one.likes.join(LIST) },
      { name: "note", kind: "text", label: t("member.note"), max: 200, optional: true, value: one.note },
    ],
    check: ({ birthday }) => (birthday && birthday.length !== 4 ? t("member.birthday_short") : null),
    act: ({ name, birthday, likes, note }) => put(app, one, {
      ...(name ? { name } : {}), ...(birthday === born ? {} : { birthday: birthday ? { what: "birthday", month_day: monthDay(birthday) } : null }),
      ...(likes === one.likes.join(LIST) ? {} : { likes: words(likes) }), ...(note === one.note ? {} : { note }) }) });
  if (next) await next(app, one, back);
  else if (said) await back();
}

/** What they leave out, and what hurts them: that is kept only if they agree to it, and then it goes to the kitchen with every order. */
export async function showTaste(app, one, back) {
  const before = { avoids: one.avoids.join(LIST), allergies: one.allergies.join(LIST) };
  const agreed = "allergy" in one.consents;
  const said = await askFor(app, { name: "member-taste", title: t("member.taste"), says: t("consent.says_allergy"), primary: t("member.save"),
    fields: [
      { name: "avoids", kind: "text", label: t("member.avoids"), max: WORD_MAX, optional: true, adds: true, value: before.avoids, chips: chips("avoid", 5) },
      { name: "allergies", kind: "text", label: t("member.allergies"), max: WORD_MAX, optional: true, adds: true, value: before.allergies, chips: chips("allergy", 5) },
      ...(agreed ? [] : [{ name: "agrees", kind: "choice", label: t("member.allergy_ask"), optional: true, options: [["yes", t("member.agrees")], ["no", t("member.agrees_not")]] }]),
    ],
    check: ({ allergies, agrees }) => (allergies && !agreed && agrees !== "yes" ? t("member.allergy_needs") : null),
    act: async ({ avoids, allergies, agrees }) => {
      const refused = allergies && !agreed && agrees === "yes" ? await agree(app, one, "allergy", true) : null;
      return refused ?? put(app, one, { ...(avoids === before.avoids ? {} : { avoids: words(avoids) }), ...(allergies === before.allergies ? {} : { allergies: words(allergies) }) });
    } });
  if (said) await back();
}

/** Days that matter to them: each a word, a month and a day. */
export function showDates(app, one, back) {
  const keep = async (dates) => {
    const wrong = await put(app, one, { dates });
    if (wrong) return wrong;
    const fresh = await app.members.read(one.member_id);
    showDates(app, fresh ?? one, back);
    return null;
  };
  const add = () => askFor(app, { name: "member-date", title: t("member.dates"), primary: t("member.save"),
    fields: [{ name: "what", kind: "text", label: t("member.date_what"), max: 40, chips: chips("date", 3) }, { name: "day", kind: "digits", label: t("member.birthday_field"), chars: 4 },
      { name: "lunar", kind: "choice", label: t("member.calendar"), value: "no", options: [["no", t("member.solar")], ["yes", t("member.lunar")]] }],
    check: ({ day }) => (day.length === 4 ? null : t("member.birthday_short")),
    act: async ({ what, day, lunar }) => put(app, one, { dates: [...one.dates, { what, month_day: monthDay(day), lunar: lunar === "yes" }] }) })
    .then(async (said) => showDates(app, (said && (await app.members.read(one.member_id))) || one, back));
  app.sheets.show("member-dates", { draw: (sheets) => sheets.frame(t("member.dates"), [
    one.dates.length ? el("ul", { class: "member-list" }, ...one.dates.map((date) => el("li", {}, el("b", { text: date.what }), el("span", { text: date.month_day + (date.lunar ? t("member.lunar") : "") }),
      el("button", { class: "key", testid: "date-remove-" + date.month_day, text: t("line.remove"), onclick: () => keep(one.dates.filter((each) => each !== date)) })))) : el("p", { class: "works", text: t("member.dates_none") }),
  ], [el("button", { class: "key", testid: "dates-back", text: t("pay.back"), onclick: back }),
    el("button", { class: "key primary", "data-first": true, testid: "dates-add", disabled: one.dates.length >= DATES_MAX, text: t("member.date_add"), onclick: add })]) });
}

/** Each purpose by itself, with what the guest is told; nothing is ticked beforehand, and what was given is taken back as easily. */
export function showConsents(app, one, back, wrong = "") {
  const turn = async (purpose, given) => {
    const refused = await agree(app, one, purpose, given);
    const fresh = await app.members.read(one.member_id);
    showConsents(app, fresh ?? one, back, refused ?? "");
  };
  const key = (purpose, given) => (purpose === "membership" ? el("span", { text: t("member.agreed") })
    : el("button", { class: "key", testid: "consent-" + purpose, "aria-pressed": given ? "true" : "false", text: t(given ? "member.withdraw" : "member.agrees"), onclick: () => turn(purpose, !given) }));
  app.sheets.show("member-consents", { draw: (sheets) => sheets.frame(t("member.consents"), [
    el("p", { class: "sheet-error", role: "alert", text: wrong }),
    el("ul", { class: "member-list consents" }, ...PURPOSES.map((purpose) => {
      const given = purpose in one.consents;
      return el("li", { "data-given": given ? "" : null }, el("b", { text: t("consent." + purpose) }), el("span", { text: t("consent.says_" + purpose) }), key(purpose, given));
    })),
  ], [el("button", { class: "key", testid: "consents-back", text: t("pay.back"), onclick: back })]) });
}
