// The list before the first sale of the till's day: each line with its state in a word and what to do; looked through once, and kept.

import { BASE } from "../base.js";
import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { amount } from "../till/money.js";
import { hasWord, t } from "../till/words.js";
import { Deed, key, state } from "./parts.js";
import { clockOf } from "../wall_clock.js";

/** Where a line that is not well leads: to a page of the house, or to another of the node. */
const WAYS = { paper: "/devices", no_printer: "/devices", no_menu: "#menu", day_prices: "#prices", bookings: "#bookings" };

export class Opening {
  constructor(house) {
    this.house = house;
    this.deed = new Deed();
    this.seen = null;
  }

  async open() {
    this.seen = (await ask("GET", "/house/opening")).body;
    this.draw();
  }

  draw() {
    const { seen } = this;
    if (!seen) return;
    const wrong = seen.checks.filter((one) => one.how === "wrong").length;
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.opening_title", { till: seen.till }) }), el("span", { class: "spring" }), el("span", { class: "quiet", text: seen.day })),
      el("ul", { class: "checks", testid: "checks" }, ...seen.checks.map((one) => this.line(one))),
      el("div", { class: "foot" },
        el("p", { testid: "opening-says", text: seen.needed ? t(wrong ? "house.opening_wrong" : "house.opening_well", { n: wrong }) : t("house.opening_done", { name: seen.checked_by, time: clockOf(seen.checked_ms) }) }),
        key(t("house.look_again"), "opening-again", () => this.house.attempt(() => this.open())),
        key(t(seen.needed ? "house.opening_go" : "house.to_till"), "opening-go", () => this.done(), { class: "key primary" })));
  }

  line(one) {
    const values = { ...one.values, fen: one.values.fen ? amount(Number(one.values.fen)) : "", left_fen: one.values.left_fen ? amount(Number(one.values.left_fen)) : amount(0) };
    if (one.id === "paper") values.state = this.cause(one);
    const word = "house.check_" + one.id + (hasWord(`house.check_${one.id}_${one.how}`) ? "_" + one.how : "");
    const way = one.how === "ok" && one.id !== "bookings" ? null : WAYS[one.id];
    const away = way && (way.startsWith("#") ? this.reachable(way.slice(1)) : true);
    return el("li", { "data-how": one.how, testid: "check-" + one.id }, state(one.how), el("span", { class: "says", text: t(word, values) }),
      away ? el("a", { class: "key", href: way.startsWith("#") ? way : BASE + way, text: t("house.go_there") }) : null);
  }

  reachable(page) {
    return this.house.pages().some(([id]) => id === page);
  }

  cause(one) {
    const { state: word } = one.values;
    if (word === "ready") return t("house.printer_ready");
    if (word === "low") return t("cause.near_end");
    return hasWord("cause." + word) ? t("cause." + word) : t("house.printer_" + (word === "absent" ? "absent" : "unknown"));
  }

  async done() {
    if (this.seen.needed) {
      const answer = await this.house.attempt(() => this.deed.send("/house/opening", {}));
      if (!answer) return;
    }
    location.assign(BASE + "/till/");
  }
}
