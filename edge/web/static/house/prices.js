// What holds for today: market prices of dishes on the menu, and dishes of the day that the menu lacks.

import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { uuid7 } from "../till/ids.js";
import { amount, parseAmount, short } from "../till/money.js";
import { nameOf, t } from "../till/words.js";
import { Deed, field, key, section, table, texts } from "./parts.js";

const FOUND_MAX = 12;
const SPECIALS = "today-special";

export class Prices {
  constructor(house) {
    this.house = house;
    this.menu = null;
    this.search = "";
    this.fresh();
  }

  fresh(one = null) {
    this.editing = one;
    this.special_id = one?.special_id ?? uuid7();
    this.deed = new Deed();
  }

  async open() {
    const [menu, priced, specials] = await Promise.all([ask("GET", "/menu"), ask("GET", "/dishes/today"), ask("GET", "/specials")]);
    this.menu = menu.body;
    this.priced = new Map(priced.body.dishes.filter((one) => one.price_fen >= 0).map((one) => [one.dish_id, one.price_fen]));
    this.specials = specials.body;
    this.draw();
  }

  sentence(error) {
    if (error.code === "bad_special") return t("house.bad_special", { why: error.details.mistakes.join("; ") });
    return null;
  }

  draw() {
    if (!this.menu) return;
    const find = field({ name: "find", label: t("house.find_dish"), value: this.search, oninput: (event) => { this.search = event.target.value; this.list.replaceWith(this.prices()); } });
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.page_prices") }), el("span", { class: "spring" }), el("span", { class: "quiet", text: this.specials.day })),
      section(t("house.market"), el("p", { class: "quiet", text: t("house.market_says") }), find.row, this.prices()),
      section(t("house.specials"), this.special(), this.form()));
  }

  /** Those that have no fixed price, those that were given one, and what is searched for. */
  shown() {
    const wanted = this.search.trim().toLowerCase();
    if (!wanted) return this.menu.dishes.filter((dish) => dish.open_price || this.priced.has(dish.id));
    return this.menu.dishes.filter((dish) => dish.code.toLowerCase().startsWith(wanted) || dish.initials.startsWith(wanted) || dish.name.zh.includes(wanted) || dish.name.en.toLowerCase().includes(wanted)).slice(0, FOUND_MAX);
  }

  prices() {
    const shown = this.shown();
    this.list = shown.length ? table("prices", [[t("house.code"), ""], [t("house.dish"), ""], [t("house.menu_price"), "right"], [t("house.price_today"), ""]], shown.map((dish) => this.row(dish)))
      : el("p", { class: "quiet", text: t(this.search ? "house.none_found" : "house.no_market") });
    return this.list;
  }

  row(dish) {
    const now = this.priced.get(dish.id);
    const input = el("input", { name: "price", inputmode: "decimal", maxlength: 9, autocomplete: "off", testid: "price-" + dish.code, "aria-label": t("house.price_of", { name: nameOf(dish.name) }) });
    input.value = now === undefined ? "" : short(now).replaceAll(",", "");
    const deed = new Deed();
    const set = (fen) => this.house.attempt(async () => {
      await deed.send(`/dishes/${dish.id}/price`, { price_fen: fen });
      await this.open();
      this.house.say(fen < 0 ? t("house.price_back", { name: nameOf(dish.name) }) : t("house.price_set", { name: nameOf(dish.name), amount: amount(fen) }));
    });
    const go = () => {
      const fen = parseAmount(input.value.trim());
      if (Number.isNaN(fen) || !fen) this.house.say(t("house.no_amount"), true);
      else set(fen);
    };
    return [dish.code, nameOf(dish.name), dish.open_price ? t("house.open_price") : amount(dish.price_fen), el("form", { class: "keys", onsubmit: (event) => { event.preventDefault(); go(); } }, input,
      el("button", { class: "key", type: "submit", testid: "set-" + dish.code, text: t("house.set_price") }),
      ...(now === undefined ? [] : [key(t("house.take_back"), "back-" + dish.code, () => set(-1))]))];
  }

  special() {
    const { specials } = this.specials;
    return specials.length ? table("specials", [[t("house.code"), ""], [t("house.dish"), ""], [t("house.price"), "right"], [t("house.until"), ""], ["", ""]], specials.map((one) => [one.dish.code, nameOf(one.dish.name), amount(one.dish.price_fen), one.until,
      el("div", { class: "keys" }, key(t("house.change"), "special-change-" + one.dish.code, () => { this.fresh(one); this.draw(); this.house.root.querySelector("[name=name_zh]").focus(); }), key(t("house.take_off"), "special-off-" + one.dish.code, () => this.off(one), { class: "key danger" }))]))
      : el("p", { class: "quiet", text: t("house.no_specials") });
  }

  form() {
    const dish = this.editing?.dish;
    const categories = this.menu.categories.filter((one) => one.id !== SPECIALS).map((one) => [one.id, nameOf(one.name)]);
    const stations = [...new Set(this.menu.dishes.map((one) => one.station).filter(Boolean))];
    this.fields = [
      field({ name: "code", label: t("house.code"), value: dish?.code ?? "", maxlength: 12, required: true }),
      field({ name: "name_zh", label: t("house.name_zh"), value: dish?.name.zh ?? "", maxlength: 40 }),
      field({ name: "name_en", label: t("house.name_en"), value: dish?.name.en ?? "", maxlength: 40 }),
      field({ name: "price_fen", label: t("house.price"), value: dish ? short(dish.price_fen).replaceAll(",", "") : "", inputmode: "decimal", maxlength: 9, required: true }),
      field({ name: "category", label: t("house.category"), options: [["", t("house.specials")], ...categories], value: dish && dish.category !== SPECIALS ? dish.category : "" }),
      field({ name: "station", label: t("house.station"), options: [["", t("house.no_station")], ...stations.map((one) => [one, one])], value: dish?.station ?? stations[0] ?? "" }),
      field({ name: "until", label: t("house.until"), type: "date", value: this.editing?.until ?? this.specials.day, min: this.specials.day }),
    ];
    return el("form", { class: "asks", testid: "special-form", onsubmit: (event) => { event.preventDefault(); this.keep(); } }, el("h3", { text: t(this.editing ? "house.special_change" : "house.special_new") }),
      ...this.fields.map((one) => one.row), el("p", { class: "keys end" }, ...(this.editing ? [key(t("house.leave_it"), "special-leave", () => { this.fresh(); this.draw(); })] : []),
        el("button", { class: "key primary", type: "submit", testid: "special-go", text: t("house.special_go") })));
  }

  async keep() {
    const said = texts(this.fields);
    const price_fen = parseAmount(said.price_fen);
    if (Number.isNaN(price_fen) || !price_fen) {
      this.house.say(t("house.no_amount"), true);
      return;
    }
    const done = await this.house.attempt(() => this.deed.send(`/specials/${this.special_id}`, { ...said, price_fen }));
    if (!done) return;
    this.fresh();
    await this.house.attempt(() => this.open());
    this.house.say(t("house.special_kept", { name: nameOf(done.dish.name) }));
  }

  async off(one) {
    const deed = new Deed();
    if (!(await this.house.attempt(() => deed.send(`/specials/${one.special_id}`, { on: false })))) return;
    await this.house.attempt(() => this.open());
    this.house.say(t("house.special_gone", { name: nameOf(one.dish.name) }));
  }
}
