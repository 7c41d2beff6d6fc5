// The menu as the till needs it: by id, by category, by code and initials. Prices come from here and are the node's.

import { weighedFen } from "./weights.js";

/** Index the answer of GET /menu once, so that a keystroke only compares strings. */
export function indexMenu(body) {
  const groups = new Map(body.modifier_groups.map((group) => [group.id, group]));
  const options = new Map();
  for (const group of body.modifier_groups) {
    for (const option of group.options) options.set(option.id, { ...option, group_id: group.id });
  }
  const dishes = body.dishes.map((dish) => ({
    ...dish,
    groups: (dish.modifier_groups || []).map((id) => groups.get(id)).filter(Boolean),
    find_code: String(dish.code).toLowerCase(),
    find_initials: String(dish.initials || "").toLowerCase(),
    find_zh: String(dish.name.zh || "").toLowerCase(),
    find_en: String(dish.name.en || "").toLowerCase(),
  }));
  const byCategory = new Map(body.categories.map((category) => [category.id, []]));
  for (const dish of dishes) byCategory.get(dish.category)?.push(dish);
  return {
    version: body.version,
    currency: body.currency,
    categories: body.categories,
    dishes,
    byId: new Map(dishes.map((dish) => [dish.id, dish])),
    byCategory,
    options,
  };
}

/** How well `dish` matches `text` (lower case): 0 exact code, then code, initials, words; -1 not at all. */
function rank(dish, text) {
  if (dish.find_code === text) return 0;
  if (dish.find_initials === text) return 1;
  if (dish.find_code.startsWith(text)) return 2;
  if (dish.find_initials.startsWith(text)) return 3;
  if (dish.find_zh.startsWith(text) || dish.find_en.startsWith(text)) return 4;
  if (dish.find_en.includes(" " + text)) return 5;
  if (dish.find_zh.includes(text) || (text.length > 1 && dish.find_initials.includes(text))) return 6;
  return text.length > 2 && dish.find_en.includes(text) ? 7 : -1;
}

/** Dishes that match, best first, in menu order within a rank: {found: at most `limit`, more: how many else}. */
export function search(menu, text, limit) {
  const wanted = text.trim().toLowerCase();
  const ranks = Array.from({ length: 8 }, () => []);
  if (wanted) {
    for (const dish of menu.dishes) {
      const place = rank(dish, wanted);
      if (place >= 0) ranks[place].push(dish);
    }
  }
  const all = ranks.flat();
  return { found: all.slice(0, limit), more: Math.max(0, all.length - limit) };
}

/** The options a fresh line starts with: the first ones of each group that demands some. */
export function startingOptions(dish) {
  return dish.groups.flatMap((group) => group.options.slice(0, group.min).map((option) => option.id));
}

/** Chosen options after a press on `option`: one of a group of one replaces; a full group takes no more. */
export function toggleOption(dish, chosen, option_id) {
  const group = dish.groups.find((each) => each.options.some((option) => option.id === option_id));
  if (!group) return chosen;
  const ofGroup = new Set(group.options.map((option) => option.id));
  const mine = chosen.filter((id) => ofGroup.has(id));
  if (mine.includes(option_id)) {
    return mine.length > group.min || group.max > 1 ? chosen.filter((id) => id !== option_id) : chosen;
  }
  if (group.max === 1) return [...chosen.filter((id) => !ofGroup.has(id)), option_id];
  return mine.length < group.max ? [...chosen, option_id] : chosen;
}

/** The first group of `dish` that still lacks an option, or null. */
export function lackingGroup(dish, chosen) {
  return dish.groups.find((group) => group.options.filter((option) => chosen.includes(option.id)).length < group.min) || null;
}

/** Does the weight of `line` fit `dish`: one where it is sold by weight, none where it is not? */
export function weightFits(dish, line) {
  return Boolean(dish.per_g) === Boolean(line.weight_g);
}

/** Price of a line in fen, by the piece or by weight (surcharges are for the line then); null when it cannot be sold as it is. */
export function lineFen(menu, line) {
  const unit = unitFen(menu, line);
  const dish = menu.byId.get(line.dish_id);
  if (unit === null || !weightFits(dish, line)) return null;
  if (!dish.per_g) return unit * line.qty;
  return weighedFen(dish.price_fen, line.weight_g, dish.per_g) + unit - dish.price_fen;
}

/** Price of one portion in fen, or of `per_g` grams, with its options; null when dish or option is off the menu. */
export function unitFen(menu, line) {
  const dish = menu.byId.get(line.dish_id);
  if (!dish) return null;
  let fen = line.unit_fen ?? dish.price_fen;
  for (const { group, dish_id } of line.parts ?? []) {
    const choice = dish.parts?.find((each) => each.id === group)?.choices.find((each) => each.dish_id === dish_id);
    if (!choice) return null;
    fen += (choice.price_fen ?? 0) * (choice.qty ?? 1);
  }
  for (const id of line.modifiers) {
    const option = dish.groups.flatMap((group) => group.options).find((each) => each.id === id);
    if (!option) return null;
    fen += option.price_fen;
  }
  return fen;
}
