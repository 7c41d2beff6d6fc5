// What a dish must be asked before it can be ordered: its price of today where it has none, and the choices of a set menu.

import { askFor } from "./ask_sheet.js";
import { el } from "./dom.js";
import { money } from "./money.js";
import { nameOf, t } from "./words.js";

/** Has a set menu anything to choose? What must be taken is taken by itself. */
function choosable(dish) {
  return (dish.parts ?? []).some((group) => group.choices.length > (group.min ?? 1));
}

function startingParts(dish) {
  return dish.parts.flatMap((group) => group.choices.slice(0, group.min ?? 1).map((choice) => ({ group: group.id, dish_id: choice.dish_id })));
}

/** Does pressing the dish open a question? */
export function mustAsk(dish) {
  return (dish.open_price && dish.day_fen === undefined) || choosable(dish);
}

class PartsSheet {
  constructor(app, dish, done) {
    this.app = app;
    this.dish = dish;
    this.done = done;
    this.holds = true;
    this.chosen = startingParts(dish);
  }

  has(group, dish_id) {
    return this.chosen.some((part) => part.group === group.id && part.dish_id === dish_id);
  }

  press(group, dish_id) {
    const mine = this.chosen.filter((part) => part.group === group.id);
    if (this.has(group, dish_id)) {
      if (mine.length > (group.min ?? 1)) this.chosen = this.chosen.filter((part) => part.group !== group.id || part.dish_id !== dish_id);
    } else {
      // A full group gives up what was chosen first.
      const drop = mine.length >= (group.max ?? 1) ? mine[0] : null;
      this.chosen = [...this.chosen.filter((part) => part !== drop), { group: group.id, dish_id }];
    }
    this.draw(this.sheets);
  }

  draw(sheets) {
    this.sheets = sheets;
    const { menu } = this.app;
    sheets.frame(nameOf(this.dish.name), this.dish.parts.flatMap((group) => [
      el("h3", { text: `${nameOf(group.name)} \u00b7 ${t("tables.choose", { n: group.max ?? 1 })}` }),
      el("div", { class: "set-choices", role: "group", "aria-label": nameOf(group.name) }, ...group.choices.map((choice) => el("button", {
        class: "key", testid: `part-${group.id}-${choice.dish_id}`, "aria-pressed": this.has(group, choice.dish_id) ? "true" : "false", onclick: () => this.press(group, choice.dish_id),
      }, el("span", { text: (choice.qty > 1 ? `${choice.qty} \u00d7 ` : "") + nameOf(menu.byId.get(choice.dish_id)?.name ?? { zh: choice.dish_id, en: choice.dish_id }) }), choice.price_fen ? el("small", { text: "+" + money(choice.price_fen) }) : null))),
    ]), [el("button", { class: "key primary", testid: "parts-go", text: t("tables.take"), onclick: () => this.finish() })]);
  }

  key(event) {
    if (event.key !== "Enter" || document.activeElement?.matches(".set-choices button")) return false;
    this.finish();
    return true;
  }

  finish() {
    const { done } = this;
    this.done = null;
    this.sheets.close();
    done?.(this.chosen);
  }

  closed() {
    this.done?.(null);
    this.done = null;
  }
}

/** What the waiter says of the dish: {} for nothing special, {unit_fen, parts}; null when the question was left. */
export async function askDish(app, dish) {
  const more = {};
  if (dish.parts?.length) {
    const parts = choosable(dish) ? await new Promise((resolve) => { app.sheets.show("parts", new PartsSheet(app, dish, resolve)); }) : startingParts(dish);
    if (!parts) return null;
    more.parts = parts;
  }
  if (dish.open_price && dish.day_fen === undefined) {
    const said = await askFor(app, { name: "open-price", title: nameOf(dish.name), says: t("tables.price_today"), primary: t("tables.take"),
      fields: [{ name: "unit_fen", kind: "amount", label: t("tables.price") }] });
    if (!said) return null;
    more.unit_fen = said.unit_fen;
  }
  return more;
}
