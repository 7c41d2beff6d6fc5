// The options of the chosen line, always in the same strip under the tiles.

import { el } from "./dom.js";
import { money } from "./money.js";
import { nameOf, t } from "./words.js";

function chipText(option) {
  if (!option.price_fen) return [el("span", { text: nameOf(option.name) })];
  const more = (option.price_fen > 0 ? "+" : "") + money(option.price_fen);
  return [el("span", { text: nameOf(option.name) }), el("small", { text: more })];
}

export class Chips {
  constructor(root, onPress) {
    this.root = root;
    this.drawnFor = "";
    root.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (chip) onPress(chip.dataset.option);
    });
  }

  forget() {
    this.drawnFor = "";
  }

  /** Show the options of `dish` with those of `line` pressed; rebuilt only for another dish. */
  show(dish, line) {
    const drawnFor = dish ? dish.id : "none";
    if (drawnFor !== this.drawnFor) {
      this.drawnFor = drawnFor;
      this.draw(dish);
    }
    for (const chip of this.root.querySelectorAll(".chip")) {
      chip.setAttribute("aria-pressed", line && line.modifiers.includes(chip.dataset.option) ? "true" : "false");
    }
  }

  draw(dish) {
    if (!dish) {
      this.root.replaceChildren(el("p", { class: "chips-empty", text: t("chips.empty") }));
      return;
    }
    const chips = dish.groups.flatMap((group) => group.options.map((option) =>
      el("button", { class: "chip", testid: "chip-" + option.id, "data-option": option.id, "aria-pressed": "false" }, ...chipText(option))));
    const name = nameOf(dish.name);
    this.root.replaceChildren(
      el("p", { class: "chips-name" }, el("b", { text: name, title: name }),
        el("span", { text: t(chips.length ? "chips.label" : "chips.none") })),
      el("div", { class: "chips-row" }, ...chips));
  }
}
