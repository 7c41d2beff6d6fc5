// F3: who is it? Found by phone, last digits, card or code; whoever is nobody yet becomes a member by one key more, if they agree.

import { ask, Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { beep } from "./beep.js";
import { el, setHidden, setText } from "./dom.js";
import { uuid7 } from "./ids.js";
import { inWords, sentence, TEXT_VERSION } from "./member_words.js";
import { money } from "./money.js";
import { showToast } from "./toast.js";
import { localeTag, t } from "./words.js";

const PHONE = /^(\+\d{8,15}|1[3-9]\d{9})$/;
const CHARS_MAX = 64;
// A receipt is offered to whoever joins while it still lies on the counter.
const JUST_NOW_MS = 180_000;

/** Keys under a receipt's code that counts: make a member of whoever shows it, or give its points to whoever lies in the slip. */
export function joinKeys(app, invite, body) {
  const { members } = app;
  if (!members.on) return [];
  const member_id = members.idOf(members.key);
  const key = (word, testid, press, css) => el("button", { class: css, "data-first": css.includes("primary"), testid, text: t(word), onclick: () => { app.sheets.close(); press(); } });
  // A friend's invite holds no points to claim: it counts for whoever joins with it.
  if (member_id && body.friend) return [];
  if (member_id) return [key("member.claim_this", "invite-claim", () => claimFor(members, member_id, invite), "key primary")];
  const asked = () => new MemberAsk(members, members.key, { invite, says: inviteSays(body) });
  return [key("member.with_phone", "invite-phone", () => asked().open(), "key"), key("member.join", "invite-join", () => asked().joinNow(), "key primary")];
}

/** What a guest with a receipt, or with a friend's invite, is told before they say yes. */
export function inviteSays({ short, expires_day, friend }) {
  return t(friend ? "member.join_friend_says" : "member.join_invite_says", { short, day: expires_day });
}

async function claimFor(members, member_id, invite) {
  try {
    const { body } = await members.app.deeds.send("/members/claim", { request_id: uuid7(), member_id, invite });
    showToast(t("member.claimed", { n: body.points }));
    await members.read(member_id);
  } catch (error) {
    showToast(sentence(error));
  }
}

export class MemberAsk {
  /** `scanned`: {card} that is nobody's, or {invite, says} of a receipt; then one key makes a member. */
  constructor(members, key, scanned = {}) {
    this.members = members;
    this.app = members.app;
    this.key = key;
    this.card = scanned.card ?? "";
    this.invite = scanned.invite ?? "";
    this.offered = this.card;
    this.said = scanned.says ?? (this.card ? t("member.join_card_says") : "");
    this.request_id = uuid7();
    this.receipt = this.justPaid();
    this.sheet = null;
  }

  /** The sale of a moment ago whose points are nobody's: with nothing new in the slip it is most likely this guest's. */
  justPaid() {
    const sale = this.app.order.isEmpty && !this.app.tab.isOpen && !this.invite ? this.app.last?.sale : null;
    return sale?.points?.earned && !sale.member_id && Date.now() - sale.saved_ms < JUST_NOW_MS ? sale : null;
  }

  /** Whether the main key makes a member of what stands there. */
  joins(text) {
    if (this.invite) return text === "" || PHONE.test(text);
    return this.offered !== "" && (text === this.offered || (this.card !== "" && PHONE.test(text)));
  }

  async open() {
    const { app } = this;
    app.scans?.grab({ screen: "member", kinds: ["member", "unknown", "invite"], take: (value, found) => this.scanned(value, found) });
    const field = { name: "text", kind: "digits", letters: true, label: t("member.text"), chars: CHARS_MAX, optional: Boolean(this.invite), value: this.card };
    this.last = el("p", { class: "works", testid: "member-receipt" });
    const keys = this.receipt ? [[t("member.not_theirs"), "member-not-theirs", () => { this.receipt = null; this.tellReceipt(); }]] : [];
    this.tellReceipt();
    const asking = askFor(app, { name: "member", title: t("member.title"), says: t("member.says"), works: t("member.works"), primary: t("member.find"), fields: [field], more: [this.last], keys,
      check: ({ text }) => this.tell(text), act: ({ text }) => (this.joins(text) ? this.join(text) : this.find(text)) });
    this.sheet = app.sheets.extra;
    this.tell(this.card);
    if (this.said) this.offer(this.said);
    await asking.finally(() => app.scans?.release());
  }

  tellReceipt() {
    const sale = this.receipt;
    setText(this.last, sale ? t("member.with_receipt", { number: sale.receipt_no, total: money(sale.total_fen), n: sale.points.earned }) : "");
    setHidden(this.last, !sale);
    const key = this.sheet?.sheets.root.querySelector("[data-testid=member-not-theirs]");
    if (key) setHidden(key, !sale);
  }

  /** The main key says what it does, which follows what stands there. */
  tell(text) {
    if (!this.sheet) return null;
    const joins = this.joins(text);
    setText(this.sheet.go, t(joins ? "member.join" : "member.find"));
    this.sheet.message.classList.toggle("calm", joins);
    return null;
  }

  /** Nobody yet, and may become one: said calmly, since nothing is wrong. */
  offer(text) {
    this.said = text;
    this.tell(this.sheet.texts.text);
    setText(this.sheet.message, text);
    this.sheet.message.classList.add("calm");
  }

  scanned(value, found) {
    beep(true);
    if (this.app.sheets.name !== "member" || !value) return;
    if (found?.kind === "invite") {
      this.app.sheets.close();
      this.members.invited(value);
      return;
    }
    this.sheet.set(value);
    this.sheet.send();
  }

  /** Look for them; says why nobody came of it, nothing when somebody did. */
  async find(text) {
    try {
      const { body } = await ask("POST", "/members/find", { body: { text } });
      if (body.members.length === 1) {
        await this.members.take(this.key, body.members[0].member_id, body.by);
        return null;
      }
      if (body.members.length > 1) {
        setTimeout(() => this.members.choose(this.key, body));
        return null;
      }
      if (body.by === "name") return t(body.asked === "unknown" ? "member.nobody_here" : "member.nobody");
      this.offered = text;
      this.card = PHONE.test(text) ? "" : text;
      const says = this.card ? "member.join_card_says" : body.asked === "unknown" ? "member.join_unknown" : "member.join_says";
      setTimeout(() => this.offer(t(says)));
      return t(says);
    } catch (error) {
      return sentence(error);
    }
  }

  /** A receipt was scanned and the guest said yes: nothing more is asked. */
  async joinNow() {
    const wrong = await this.join("");
    if (wrong) showToast(wrong);
  }

  /** The guest said yes to what was read out; a scanned receipt, or the one printed just now, is theirs. */
  async join(text) {
    const phone = PHONE.test(text) ? text : "";
    try {
      const { body } = await ask("POST", "/members", { body: { request_id: this.request_id, consents: ["membership"], text: TEXT_VERSION,
        said: { ...(phone ? { phone } : {}), locale: localeTag() }, ...(this.card ? { card: this.card, place: phone ? "till" : "card" } : {}),
        ...(this.invite ? { invite: this.invite, place: "slip" } : this.receipt ? { sale_id: this.receipt.sale_id } : {}) } });
      const { receipt } = this;
      // What was paid a moment ago was theirs; whoever orders next is somebody else.
      if (receipt) await this.members.paidBy(receipt, body);
      else await this.members.take(this.key, body.member_id, phone ? "phone" : this.card ? "card" : "code");
      showToast(inWords(body));
      return null;
    } catch (error) {
      // What was refused is over; what was not answered is asked for again under the same id.
      if (error instanceof Refused) this.request_id = uuid7();
      this.sheet?.message.classList.remove("calm");
      return sentence(error);
    }
  }
}
