// The row above the tiles: the search field, or a notice in its place with the search as a key beside it.

import { byId, el, icon, setHidden, setText } from "./dom.js";
import { search } from "./menu.js";
import { QTY_MAX } from "./order.js";
import { nameOf, t } from "./words.js";

const FOUND_MAX = 20;
const QTY_KEYS = /^(\d{1,9})[*\u00d7\uff0a]$/;

export class Finder {
  /** `on` has found(dishes|null, more), pick(dish, qty), quantity(qty), tooMany(), primary(). */
  constructor(on) {
    this.on = on;
    this.field = byId("search");
    this.armed = null;
    this.found = null;
    this.notice = null;
    this.drawnNotice = "";
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("focus", () => this.layout());
    this.field.addEventListener("blur", () => this.layout());
    byId("search-key").addEventListener("click", () => this.focus(true));
  }

  /** How many the next dish is added with; it holds for one dish. */
  takeQty() {
    const qty = this.armed ?? 1;
    this.arm(null);
    return qty;
  }

  arm(qty) {
    this.armed = qty;
    setHidden(byId("armed"), qty === null);
    setText(byId("armed"), qty === null ? "" : "\u00d7" + qty);
    this.hint();
  }

  hint() {
    const chosen = this.on.chosenName();
    const text = this.armed === null ? t("search.placeholder")
      : chosen ? t("search.armed", { n: this.armed, dish: chosen }) : t("search.armed_next", { n: this.armed });
    if (this.field.placeholder !== text) this.field.placeholder = text;
  }

  typed() {
    const quantity = QTY_KEYS.exec(this.field.value.trim());
    if (quantity) {
      this.field.value = "";
      const qty = Number(quantity[1]);
      if (qty > QTY_MAX) this.on.tooMany();
      this.arm(qty > 0 && qty <= QTY_MAX ? qty : null);
    }
    this.update();
  }

  update() {
    const text = this.field.value.trim();
    const menu = this.on.menu();
    if (!text || !menu) {
      if (this.found) this.on.found(null, 0, "");
      this.found = null;
    } else {
      const { found, more } = search(menu, text, FOUND_MAX);
      this.found = found;
      this.on.found(found, more, text);
    }
    this.layout();
  }

  /** Enter: add the first match, or give the typed quantity to the chosen line, or press the main key. */
  enter() {
    if (this.field.value.trim()) {
      if (this.found?.length) this.on.pick(this.found[0]);
      return;
    }
    if (this.armed !== null) {
      const qty = this.armed;
      this.arm(null);
      this.on.quantity(qty);
      return;
    }
    this.on.primary();
  }

  /** Returns whether there was anything to clear. */
  clear() {
    const had = this.field.value !== "" || this.armed !== null;
    this.field.value = "";
    this.arm(null);
    this.giveWay();
    this.update();
    return had;
  }

  /** An empty field that merely kept the cursor lets the notice show; typing anywhere takes the field back. */
  giveWay() {
    if (this.notice && !this.field.value && this.armed === null && document.activeElement === this.field) this.field.blur();
  }

  /** Put the cursor into the field; `select` marks what stands there, so that typing replaces it. */
  focus(select) {
    setHidden(byId("search-box"), false);
    this.field.focus();
    if (select) this.field.select();
  }

  /** The notice takes the row while nobody searches; the tiles below never move. */
  showNotice(notice, onButton) {
    this.notice = notice;
    const key = notice ? JSON.stringify(notice) : "";
    if (key !== this.drawnNotice) {
      this.drawnNotice = key;
      const root = byId("notice");
      root.className = notice ? "tone-" + notice.tone : "";
      if (notice) {
        root.replaceChildren(icon(notice.icon),
          el("p", {}, el("b", { text: notice.title }), el("span", { text: notice.sub })),
          el("small", { text: notice.code }),
          el("button", { class: "key", testid: "notice-key", text: notice.button, onclick: onButton }));
      } else root.replaceChildren();
      this.giveWay();
    }
    this.layout();
  }

  layout() {
    const searching = document.activeElement === this.field || this.field.value !== "" || this.armed !== null;
    const showNotice = Boolean(this.notice) && !searching;
    setHidden(byId("notice"), !showNotice);
    setHidden(byId("search-key"), !showNotice);
    setHidden(byId("search-box"), showNotice);
  }

  relabel() {
    this.drawnNotice = "";
    this.hint();
  }
}

export function nameOfChosen(order) {
  const line = order.chosenLine();
  return line ? nameOf(line.name) : "";
}
