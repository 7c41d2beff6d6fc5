// An order as it will be once the node has answered: its lines with the steps laid over them that are still on their way (pure).

import { unitFen } from "./menu.js";
import { weighedFen } from "./weights.js";

/** A line of GET /orders/<id> as the slip needs it. */
function fromNode({ line, left_qty, open_qty, unsent_qty, free_qty, amount_fen }) {
  return {
    key: line.line_id, dish_id: line.dish_id, name: line.name, qty: open_qty, left_qty, unsent: unsent_qty, free: free_qty, amount_fen,
    modifiers: (line.modifiers ?? []).map((one) => one.id), modifier_names: (line.modifiers ?? []).map((one) => one.name),
    parts: line.parts ?? [], note: line.note ?? "", seat: line.seat ?? 0, course: line.course ?? 0, unit_fen: line.unit_fen, per_g: line.per_g ?? 0, weight_g: line.weight_g ?? 0,
    waits: Boolean(line.waits), declined: Boolean(line.declined), gift: Boolean(line.gift), rate_bp: line.rate_bp ?? 0, discount_fen: line.discount_fen ?? 0,
    held: line.held_qty ?? 0, chased: Boolean(line.chases), done: Boolean(line.done_ms), voided: line.voided_qty ?? 0, paid: line.paid_qty ?? 0, moved: Boolean(line.into), guest: line.source === "guest", pending: false,
  };
}

/** What `qty` of a line come to before any discount, as the node counts it. */
export function lineAmount(line, menu, qty) {
  const options = new Map();
  const dish = menu?.byId.get(line.dish_id);
  for (const group of dish?.groups ?? []) for (const option of group.options) options.set(option.id, option.price_fen);
  const more_fen = line.modifiers.reduce((sum, id) => sum + (options.get(id) ?? 0), 0) + line.parts.reduce((sum, part) => sum + (part.price_fen ?? 0) * (part.qty ?? 1), 0);
  if (line.per_g) return qty ? weighedFen(line.unit_fen, line.weight_g, line.per_g) + more_fen : 0;
  return (line.unit_fen + more_fen) * qty;
}

/** The set menu's dishes as they were asked for, with what the menu says of them. */
export function partsOf(dish, asked) {
  return (asked ?? []).flatMap(({ group, dish_id }) => {
    const choice = dish?.parts?.find((each) => each.id === group)?.choices.find((each) => each.dish_id === dish_id);
    return choice ? [{ dish_id, qty: choice.qty ?? 1, price_fen: choice.price_fen ?? 0 }] : [];
  });
}

function added(menu, step) {
  const dish = menu?.byId.get(step.dish_id);
  const line = {
    key: step.line_id, dish_id: step.dish_id, name: dish?.name ?? { zh: step.dish_id, en: step.dish_id }, qty: step.qty, left_qty: step.qty, unsent: step.qty, free: step.qty,
    modifiers: step.modifiers ?? [], modifier_names: (step.modifiers ?? []).map((id) => menu?.options.get(id)?.name).filter(Boolean), parts: partsOf(dish, step.parts),
    note: step.note ?? "", seat: step.seat ?? 0, course: step.course ?? dish?.course ?? 0, per_g: dish?.per_g ?? 0, weight_g: step.weight_g ?? 0, unit_fen: step.unit_fen >= 0 ? step.unit_fen : dish ? unitFen(menu, { dish_id: dish.id, modifiers: [] }) : 0,
    waits: false, declined: false, gift: false, rate_bp: 0, discount_fen: 0, held: 0, chased: false, done: false, voided: 0, paid: 0, moved: false, guest: false, pending: true,
  };
  line.amount_fen = lineAmount(line, menu, line.qty);
  return line;
}

function requantified(menu, line, delta, by = {}) {
  const change = delta < 0 ? Math.max(delta, -line.free) : delta;
  const next = { ...line, ...by, pending: true, qty: line.qty + change, left_qty: line.left_qty + change, unsent: Math.max(0, line.unsent + change), free: line.free + change };
  return { ...next, amount_fen: lineAmount(next, menu, next.left_qty) };
}

function changed(menu, line, step) {
  const said = {};
  for (const name of ["note", "seat", "course", "weight_g"]) if (step[name] !== undefined) said[name] = step[name];
  if (step.modifiers) Object.assign(said, { modifiers: step.modifiers, modifier_names: step.modifiers.map((id) => menu?.options.get(id)?.name).filter(Boolean) });
  return requantified(menu, line, step.qty_delta ?? 0, said);
}

function overLine(menu, line, step) {
  const named = step.line_id === line.key;
  const among = !step.line_ids?.length || step.line_ids.includes(line.key);
  switch (step.do) {
    case "change": return named ? changed(menu, line, step) : line;
    case "void": {
      if (!named) return line;
      const qty = Math.min(step.qty || line.qty, line.qty);
      const next = { ...line, qty: line.qty - qty, left_qty: line.left_qty - qty, free: Math.max(0, line.free - qty), unsent: Math.max(0, line.unsent - qty), voided: line.voided + qty, pending: true };
      return { ...next, amount_fen: lineAmount(next, menu, next.left_qty) };
    }
    case "send": return among && line.unsent ? { ...line, unsent: 0, free: 0, sending: true, pending: true } : line;
    case "fire": return among && line.held ? { ...line, held: 0, pending: true } : line;
    case "chase": return among && !line.done && line.qty > line.unsent ? { ...line, chasing: true, pending: true } : line;
    case "confirm": return among && line.waits ? { ...line, waits: false, declined: !step.accepted, qty: step.accepted ? line.qty : 0, left_qty: step.accepted ? line.qty : 0, unsent: step.accepted ? line.qty : 0, pending: true } : line;
    default: return line;
  }
}

/** {head, lines, total_fen, exact, adjustments}: `exact` says that the total is the node's and not only added up here. */
export function foldSteps(menu, view, jobs) {
  let lines = (view?.lines ?? []).map(fromNode);
  let head = view?.head ?? {};
  const before_fen = lines.reduce((sum, line) => sum + line.amount_fen, 0);
  for (const job of jobs) {
    if (job.path === "/orders") head = { ...job.body, ...head };
    for (const step of job.body.steps ?? []) {
      if (step.do === "add" && !lines.some((line) => line.key === step.line_id)) lines = [...lines, added(menu, step)];
      else if (step.do === "edit") head = { ...head, ...step };
      else lines = lines.map((line) => overLine(menu, line, step));
    }
  }
  const now_fen = lines.reduce((sum, line) => sum + line.amount_fen, 0);
  return { head, lines, total_fen: (view?.bill.total_fen ?? 0) + now_fen - before_fen, exact: now_fen === before_fen, adjustments: view?.bill.adjustments ?? [] };
}
