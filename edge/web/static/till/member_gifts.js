// What points buy beside bills: what may be had at this store now, handed out against its slip.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { deed } from "./member_more.js";
import { sentence } from "./member_words.js";
import { showToast } from "./toast.js";
import { nameOf, t } from "./words.js";

export async function showGifts(app, one, back) {
  let gifts = null;
  try {
    ({ gifts } = (await ask("GET", "/members/gifts")).body);
  } catch (error) {
    showToast(sentence(error));
    return;
  }
  const key = (gift) => el("button", { class: "away-order", testid: "gift-" + gift.gift_id, disabled: gift.points > one.spendable + one.risk_max, onclick: () => take(app, one, gift, back) },
    el("b", { text: nameOf(gift.name) }), el("span", { text: [t("member.gift_" + gift.kind), gift.left >= 0 ? t("member.gift_left", { n: gift.left }) : ""].filter(Boolean).join("\u00b7") }),
    el("strong", { text: t("member.points_n", { n: gift.points }) }));
  app.sheets.show("member-gifts", { draw: (sheets) => sheets.frame(t("member.gifts"), [
    el("p", { class: "says", testid: "gifts-have", text: t("member.gifts_have", { n: one.spendable }) }),
    gifts.length ? el("ul", { class: "recall-rows" }, ...gifts.map((gift) => el("li", {}, key(gift)))) : el("p", { class: "works", testid: "gifts-none", text: t("member.gifts_none") }),
  ], [el("button", { class: "key", testid: "gifts-back", text: t("pay.back"), onclick: back })]) });
}

/** One press and the slip prints: the gift is handed out against it. */
async function take(app, one, gift, back) {
  app.sheets.close();
  const said = await deed(app, "/members/redeem", { member_id: one.member_id, gift_id: gift.gift_id, shown_points: gift.points });
  if (said) showToast(t("member.gift_given", { name: nameOf(said.name), n: said.balance }));
  await back();
}
