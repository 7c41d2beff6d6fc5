// The payment page: due, received and change in one band; notes, numpad, what to give back.

import { byId, el, icon, kbd, setDisabled, setHidden, setText } from "./dom.js";
import { fit } from "./figures.js";
import { amount, currencyCode, parseAmount, short } from "./money.js";
import { getLanguage, t } from "./words.js";

// The notes and coins of the drawer, largest first; only for a currency whose pieces are known.
const PIECES_FEN = { CNY: [10000, 5000, 2000, 1000, 500, 100, 50, 10] };
// More cash than this is a slip of the finger, and would not fit the page.
const RECEIVED_MAX_FEN = 999_999_999;
// Cash so far above the amount due is worth a second look.
const FAR_FACTOR = 100;
const FAR_FEN = 1_000_000;
const FIGURE_STEPS_PX = [34, 28, 24, 20];
const CHECKED_STEPS_PX = [48, 40, 34, 28, 24];
const CHANGE_STEPS_PX = [60, 48, 40, 34, 28, 24];

/** Amounts a guest is likely to hand over: the next round ones above `due_fen`, at most two. */
function likelyFen(due_fen) {
  const found = [];
  for (const step_fen of [500, 1000, 5000, 10000, 20000, 50000]) {
    const next_fen = Math.ceil(due_fen / step_fen) * step_fen;
    if (next_fen > due_fen && !found.includes(next_fen)) found.push(next_fen);
  }
  if (found.length <= 2) return found;
  // One close to the amount, and the note that guests pull out most: whole hundreds, or fifty below it.
  const wide_fen = found.find((fen) => fen > found[0] && fen % (due_fen < 5000 ? 5000 : 10000) === 0);
  return [found[0], wide_fen ?? found[1]];
}

/** Pieces that make up `change_fen`, fewest first, or null where they cannot. */
function pieces(change_fen, currency) {
  const kinds = PIECES_FEN[currency];
  if (!kinds) return null;
  let rest_fen = change_fen;
  const out = [];
  for (const piece_fen of kinds) {
    const n = Math.floor(rest_fen / piece_fen);
    if (n) out.push({ piece_fen, n });
    rest_fen -= n * piece_fen;
  }
  return rest_fen === 0 ? out : null;
}

export class PayPage {
  /** `ways` is the left column and what was taken: keys(), taken(), next(). */
  constructor(root, onLeave, onChange, ways) {
    this.root = root;
    this.onLeave = onLeave;
    this.onChange = onChange;
    this.ways = ways;
    this.due_fen = 0;
    this.text = "";
    this.fresh = true;
    this.full = false;
    this.view = null;
  }

  get received_fen() {
    return parseAmount(this.text);
  }

  /** Open for `due_fen` with nothing received yet, or with `received_fen` of an order that came back. */
  open(due_fen, quick_fen, title, received_fen = null) {
    this.due_fen = due_fen;
    this.title = title;
    this.quick_fen = quick_fen;
    this.text = received_fen === null ? "" : short(received_fen).replaceAll(",", "");
    this.fresh = true;
    this.full = false;
    this.build();
    this.draw();
  }

  /** The due changed under the page: another menu, another way that paid a part. */
  redue(due_fen) {
    if (due_fen !== this.due_fen) {
      this.due_fen = due_fen;
      this.build();
    }
    this.draw();
  }

  /** What was typed as an amount for another way than cash: above zero and below `left_fen`, else all of it. */
  typedFen(left_fen) {
    const fen = this.received_fen;
    return fen > 0 && fen < left_fen ? fen : left_fen;
  }

  key(label, testid, press, className = "key pad") {
    const button = el("button", { class: className, testid, onclick: press });
    button.append(label);
    return button;
  }

  /** What is the same at every payment is made once: the numpad, the band, the places for what was taken and what is given back. */
  frame() {
    if (this.view && this.language === getLanguage()) return;
    this.language = getLanguage();
    const digits = ["7", "8", "9", "4", "5", "6", "1", "2", "3", "0", "00", "000"];
    const pad = digits.map((digit) => this.key(digit, "pad-" + digit, () => this.type(digit)));
    const erase = this.key(icon("delete"), "pad-delete", () => this.erase(), "key pad well");
    erase.setAttribute("aria-label", t("pay.delete"));
    this.repeat(erase);
    const clear = this.key(t("pay.clear"), "pad-clear", () => this.set(""), "key pad well");
    const next = this.key(t("pay.next"), "pad-next", () => this.ways.next(), "key pad well");
    const point = this.key(".", "pad-point", () => this.type("."), "key pad well");
    this.view = {
      due: el("strong", { testid: "pay-due" }),
      received: el("strong", { testid: "received" }),
      change: el("strong", { testid: "pay-change" }),
      changeWord: el("span"),
      check: el("em", { class: "pay-check", role: "status", testid: "pay-check" }),
      back: el("div", { class: "panel give-back", testid: "give-back" }),
      taken: el("div", { class: "panel taken", testid: "taken" }),
      note: el("p", { role: "status", testid: "pay-note" }),
      title: el("h2"),
      ways: el("div", { class: "ways", role: "group", "aria-label": t("pay.ways") }),
      notes: el("div", { class: "notes", role: "group", "aria-label": t("pay.quick") }),
    };
    const { view } = this;
    this.root.replaceChildren(
      el("header", { class: "pay-head" },
        el("button", { class: "key back", testid: "pay-back", onclick: this.onLeave }, icon("back"), el("span", { text: t("pay.back") }), ...kbd("Esc")),
        view.title, view.note),
      el("div", { class: "band" },
        el("p", {}, el("span", { text: t("pay.due") }), view.due),
        el("p", {}, el("span", { text: t("pay.received") }), view.received),
        el("p", { class: "band-change" }, el("span", { class: "change-row" }, view.changeWord, view.check), view.change)),
      el("div", { class: "pay-keys" }, view.ways, view.notes,
        el("div", { class: "numpad", role: "group", "aria-label": t("pay.numpad") },
          ...pad.slice(0, 3), erase, ...pad.slice(3, 6), clear, ...pad.slice(6, 9), point, ...pad.slice(9, 12), next),
        view.back, view.taken));
  }

  /** What belongs to this bill: its title, the ways it may be paid, the notes that are likely for it. */
  build() {
    this.frame();
    const { view } = this;
    const likely = likelyFen(this.due_fen);
    this.presets = [
      [this.key(t("pay.exact", { amount: short(this.due_fen) }), "pad-exact", () => this.setFen(this.due_fen), "key note exact"), this.due_fen],
      ...likely.map((fen, i) => [this.key(short(fen), "pad-likely-" + (i + 1), () => this.setFen(fen), "key note"), fen]),
    ];
    const adds = this.quick_fen.slice(0, 4).map((fen) => this.key("+" + short(fen), "pad-add-" + fen, () => this.addFen(fen), "key note well"));
    setText(view.title, this.title);
    setText(view.note, this.ways.note || t("pay.hint"));
    view.note.toggleAttribute("data-note", Boolean(this.ways.note));
    const keys = this.ways.keys();
    if (keys[0].parentNode !== view.ways) view.ways.replaceChildren(...keys);
    view.notes.replaceChildren(...this.presets.map(([key]) => key), ...adds);
  }

  /** A long press on delete goes on deleting. */
  repeat(button) {
    let timer = 0;
    const stop = () => clearInterval(timer);
    button.addEventListener("pointerdown", () => {
      stop();
      timer = setInterval(() => this.erase(), 350);
    });
    for (const end of ["pointerup", "pointerleave", "pointercancel"]) button.addEventListener(end, stop);
  }

  type(text) {
    const next = (this.fresh ? "" : this.text) + text;
    const clean = next.startsWith(".") ? "0" + next : next.replace(/^0+(?=\d)/, "");
    const fen = parseAmount(clean);
    if (Number.isNaN(fen) || this.overfull(fen)) return;
    this.fresh = false;
    this.set(clean);
  }

  /** Whether `fen` is more than the page takes; it then says so and keeps what stands there. */
  overfull(fen) {
    if (fen <= RECEIVED_MAX_FEN) return false;
    this.full = true;
    this.draw();
    return true;
  }

  erase() {
    this.fresh = false;
    this.set(this.text.slice(0, -1));
  }

  setFen(fen) {
    if (this.overfull(fen)) return;
    this.fresh = true;
    this.set(short(fen).replaceAll(",", ""));
  }

  addFen(fen) {
    this.setFen(this.received_fen + fen);
  }

  set(text) {
    this.text = text;
    this.full = false;
    this.draw();
  }

  /** A plain line beside the change where the cash is far above the due amount, or above what the page takes; else "". */
  checkText() {
    const { received_fen, due_fen } = this;
    if (this.full) return t("pay.received_max", { amount: amount(RECEIVED_MAX_FEN) });
    const far = received_fen > due_fen + FAR_FEN || received_fen > due_fen * FAR_FACTOR;
    return far ? t("pay.far_over", { amount: amount(received_fen - due_fen) }) : "";
  }

  draw() {
    const { view, received_fen, due_fen } = this;
    const missing_fen = Math.max(0, due_fen - received_fen);
    setText(view.changeWord, t(missing_fen ? "pay.missing" : "pay.change"));
    const check = this.checkText();
    setText(view.check, check);
    setHidden(view.check, !check);
    const place = view.change.parentNode;
    place.classList.toggle("short", missing_fen > 0);
    place.classList.toggle("checked", check !== "");
    fit(view.due, amount(due_fen), FIGURE_STEPS_PX);
    fit(view.received, this.text.endsWith(".") ? this.text : amount(received_fen), FIGURE_STEPS_PX);
    fit(view.change, amount(missing_fen || received_fen - due_fen), missing_fen ? FIGURE_STEPS_PX : check ? CHECKED_STEPS_PX : CHANGE_STEPS_PX);
    for (const [key, fen] of this.presets) key.setAttribute("aria-pressed", fen === received_fen ? "true" : "false");
    this.drawBack(missing_fen ? null : received_fen - due_fen);
    view.taken.replaceChildren(...this.ways.taken(received_fen, missing_fen));
    this.onChange(missing_fen);
  }

  drawBack(change_fen) {
    const { back } = this.view;
    const out = change_fen === null ? null : pieces(change_fen, currencyCode());
    back.replaceChildren(el("h3", { text: t("pay.give_back") }));
    if (change_fen === 0) back.append(el("p", { class: "quiet", text: t("pay.nothing_back") }));
    for (const { piece_fen, n } of out || []) {
      back.append(el("p", {}, el("span", { text: t("pay.note", { amount: piece_fen % 100 ? amount(piece_fen) : short(piece_fen) }) }),
        el("b", { text: t("pay.pieces", { n }) })));
    }
  }
}

/** The finish key says what it will do, or what is still missing. */
export function drawFinish(missing_fen, change_fen, blocked, undecided = false, over_fen = 0) {
  const finish = byId("finish");
  const text = undecided ? t("pay.finish_undecided") : over_fen > 0 ? t("pay.finish_over", { amount: amount(over_fen) }) : missing_fen > 0 ? t("pay.finish_short", { amount: amount(missing_fen) })
    : blocked === "slip.blocked_away" ? t("pay.finish_away") : t("pay.finish", { amount: amount(change_fen) });
  setText(byId("finish-word"), text);
  const open = missing_fen > 0 || over_fen > 0 || undecided;
  setDisabled(finish, open || Boolean(blocked));
  setHidden(finish.querySelector("svg"), open);
}
