// The three pages of a guest's phone: the menu, one dish, the basket. Text only ever goes in as text.

import { amount, money } from "../till/money.js";

let words = { zh: {}, en: {} };
let language = "zh";

export function speak(catalogue, chosen) {
  words = catalogue;
  language = chosen;
  document.documentElement.lang = chosen === "en" ? "en" : "zh-CN";
}

export function t(key, params = {}) {
  const text = words[language]["scan_order." + key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

export function errorText(code) {
  return words[language]["error." + code] || t("failed");
}

export const nameOf = (name) => name[language] || name.zh || name.en;

export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  if (tag === "button") node.type = "button";
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "testid") node.dataset.testid = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

export function menuPage(table, menu, basket, pick) {
  const chips = menu.categories.map((page) => el("a", { class: "chip", href: "#page-" + page.id, text: nameOf(page.name) }));
  const pages = menu.categories.map((page) =>
    el("section", { "aria-labelledby": "page-" + page.id },
      el("h2", { id: "page-" + page.id, text: nameOf(page.name) }),
      menu.dishes.filter((dish) => dish.category === page.id).map((dish) => dishRow(dish, basket.qtyOf(dish.id), pick))));
  return [el("h1", { text: t("table", { table }) }), el("p", { class: "quiet", text: t("promise") }), el("nav", { "aria-label": t("pages") }, chips), pages];
}

function dishRow(dish, qty, pick) {
  const out = dish.left === 0;
  const notes = [
    out ? t("sold_out") : dish.left > 0 ? t("left", { n: dish.left }) : "",
    dish.allergens ? t("contains", { what: dish.allergens.map((each) => words[language]["allergen." + each]).join(t("comma")) }) : "",
  ].filter(Boolean);
  return el("div", { class: out ? "dish out" : "dish", testid: "dish-" + dish.id },
    el("div", {}, el("b", { text: nameOf(dish.name) }), el("span", { class: "small", text: notes.join(" · ") })),
    el("span", { class: "price", text: money(dish.price_fen) }),
    el("button", { class: "add", disabled: out, "aria-label": t("add", { dish: nameOf(dish.name) }), testid: "add-" + dish.id, onclick: () => pick(dish), text: qty ? String(qty) : "+", "data-qty": qty || null }));
}

/** The choices of a dish; `take` gets {modifiers, parts, note, unit_fen} or is not called while something is missing. */
export function dishPage(dish, menu, take) {
  const groups = [
    ...dish.parts.map((part) => ({ id: part.id, name: part.name, min: part.min, max: part.max, fixed: part.min === part.choices.length, part: true, options: part.choices.map((each) => ({ id: each.dish_id, name: each.name, qty: each.qty, price_fen: each.price_fen })) })),
    ...dish.modifier_groups.map((id) => ({ ...menu.modifier_groups.find((group) => group.id === id), part: false, fixed: false })),
  ];
  const form = el("form", { id: "choices", class: "choices", onsubmit: (event) => { event.preventDefault(); done(); } }, groups.map(groupOf));
  const note = el("input", { id: "note", maxlength: "60", autocomplete: "off" });
  const missing = el("p", { class: "missing", role: "alert" });
  form.append(el("label", { for: "note", text: t("note") }), note, missing);

  function groupOf(group, at) {
    const rule = group.fixed ? t("included") : group.max === 1 ? t(group.min ? "choose_one" : "choose_none_or_one") : t(group.min ? "choose" : "choose_up_to", { min: group.min, max: group.max });
    const alone = (event) => {
      if (group.max !== 1) return;
      for (const input of form.querySelectorAll(`[name="group-${at}"]`)) if (input !== event.target) input.checked = false;
    };
    return el("fieldset", { "data-group": String(at), onchange: alone }, el("legend", {}, el("b", { text: nameOf(group.name) }), " ", el("span", { class: "small", text: rule })),
      group.options.map((option) => el("label", { class: "option" },
        el("input", { type: group.max === 1 && group.min === 1 && !group.fixed ? "radio" : "checkbox", name: "group-" + at, value: option.id, checked: group.fixed, disabled: group.fixed }),
        el("span", { text: (option.qty > 1 ? option.qty + " × " : "") + nameOf(option.name) }), option.price_fen ? el("span", { class: "price", text: "+" + amount(option.price_fen) }) : null)));
  }

  function done() {
    const chosen = groups.map((group, at) => {
      const ticked = new Set([...form.querySelectorAll(`[name="group-${at}"]:checked`)].map((input) => input.value));
      return group.options.filter((option) => ticked.has(option.id));
    });
    const wrong = groups.findIndex((group, at) => !group.fixed && (chosen[at].length < group.min || chosen[at].length > group.max));
    if (wrong >= 0) {
      missing.textContent = t("choose_in", { group: nameOf(groups[wrong].name), min: groups[wrong].min, max: groups[wrong].max });
      form.querySelector(`[data-group="${wrong}"] input`).focus();
      return;
    }
    const extra_fen = groups.reduce((sum, group, at) => sum + chosen[at].reduce((all, option) => all + option.price_fen * (group.part ? option.qty : 1), 0), 0);
    take({
      modifiers: groups.flatMap((group, at) => (group.part ? [] : chosen[at].map((option) => option.id))),
      parts: groups.flatMap((group, at) => (group.part && !group.fixed ? chosen[at].map((option) => ({ group: group.id, dish_id: option.id })) : [])),
      note: note.value.trim(),
      unit_fen: dish.price_fen + extra_fen,
      said: groups.flatMap((group, at) => (group.fixed ? [] : chosen[at].map((option) => option.name))),
    });
  }

  return [el("h1", { text: nameOf(dish.name) }), el("p", { class: "price", text: money(dish.price_fen) }), form];
}

export function basketPage(basket, actions) {
  const lines = basket.lines.map((line) => el("div", { class: "line", testid: "line-" + line.dish_id },
    el("div", {}, el("b", { text: nameOf(line.name) }), el("span", { class: "small", text: [...(line.said || []).map(nameOf), line.note].filter(Boolean).join(" · ") })),
    el("span", { class: "price", text: amount(line.qty * line.unit_fen) }),
    el("div", { class: "qty" },
      el("button", { class: "add", disabled: basket.pending !== null, "aria-label": t("less", { dish: nameOf(line.name) }), onclick: () => actions.qty(line.line_id, line.qty - 1), text: "−" }),
      el("b", { text: String(line.qty) }),
      el("button", { class: "add", disabled: basket.pending !== null, "aria-label": t("more", { dish: nameOf(line.name) }), onclick: () => actions.qty(line.line_id, line.qty + 1), text: "+" }))));
  const asked = basket.asked.map((line) => el("div", { class: "asked", testid: "asked-" + line.line_id },
    el("span", { class: "dot " + line.state }), el("span", { text: line.qty + " × " + nameOf(line.name) }), el("b", { text: t("state_" + line.state), testid: "state" })));
  return [
    el("h1", { text: t("basket") }),
    lines.length ? null : el("p", { class: "quiet", text: t("empty") }),
    lines,
    lines.length ? el("p", { class: "total" }, el("span", { text: t("total") }), el("b", { text: money(basket.total_fen) })) : null,
    lines.length ? el("p", { class: "quiet", text: t("confirm_note") }) : null,
    asked.length ? el("h2", { text: t("asked") }) : null,
    asked,
  ].filter((each) => each !== null).flat();
}
