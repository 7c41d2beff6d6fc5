// One ticket as a card: table and waiting time, the allergy strip, dishes with what was added, voided or waits, the key that settles it.

import { icon } from "../till/dom.js";
import { clockOf } from "../wall_clock.js";

export function el(tag, attrs, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) if (value !== null && value !== false) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function nameOf(name, lang) {
  return name[lang] || name.zh || name.en;
}

/** 754000 -> "12:34"; an hour and more as "1:02:03" */
export function waited(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return (hours ? hours + ":" + two(Math.floor(seconds / 60) % 60) : two(Math.floor(seconds / 60))) + ":" + two(seconds % 60);
}

export function keyOf(ticket) {
  return ticket.order_id + " " + ticket.station;
}

function small(item, say) {
  const said = (item.choices ?? []).map((choice) => nameOf(choice, say.lang));
  if (item.of) said.unshift(nameOf(item.of, say.lang));
  if (item.per_g) said.push(item.weight_g / 1000 + " kg");
  if (item.seat) said.push(say("kitchen.seat", { seat: item.seat }));
  if (item.note) said.push(item.note);
  return said;
}

function marks(item, say) {
  const marked = [];
  if (item.held) marked.push(el("b", { class: "waits" }, say("kitchen.held")));
  else if (item.added) marked.push(el("b", { class: "plus" }, say("kitchen.added")), " " + clockOf(item.sent_ms));
  else if (item.fired_ms > item.sent_ms) marked.push(el("b", { class: "plus" }, say("kitchen.fired")), " " + clockOf(item.fired_ms));
  if (item.chased_ms) marked.push(marked.length ? "·" : "", el("b", { class: "minus" }, say("kitchen.chased")), " " + clockOf(item.chased_ms));
  return marked;
}

function dish(item, say) {
  const rows = [];
  const left = item.qty - (item.void_qty ?? 0);
  const name = nameOf(item.name, say.lang);
  if (left > 0) {
    const said = small(item, say);
    const marked = marks(item, say);
    const edge = item.held ? "waits" : item.chased_ms ? "chased" : item.added ? "added" : "";
    rows.push(el("li", { class: edge, "data-testid": "dish" }, el("b", { class: "qty" }, String(left)), el("div", {}, el("span", { class: "dish" }, name),
      said.length ? el("small", {}, said.join("·")) : null, marked.length ? el("small", {}, ...marked) : null)));
  }
  if (item.void_qty) {
    rows.push(el("li", { class: "void", "data-testid": "void" }, el("b", { class: "qty" }, String(item.void_qty)), el("div", {}, el("s", { class: "dish" }, name),
      el("small", {}, el("b", {}, say("kitchen.void")), " " + clockOf(item.void_ms) + "·" + say("kitchen.do_not")))));
  }
  return rows;
}

export function card(ticket, digit, say, press) {
  const guests = ticket.covers ? say("kitchen.covers", { covers: ticket.covers }) : say("kitchen." + ticket.service);
  const done = el("button", { type: "button", "data-testid": "done" }, el("span", {}, icon("check"), " ", say("kitchen.done")), digit ? el("kbd", {}, String(digit)) : null);
  done.addEventListener("click", () => press(ticket));
  return el("article", { "data-key": keyOf(ticket), "data-testid": "ticket" },
    el("header", {}, el("h2", {}, ticket.called), el("time", { "data-since": ticket.since_ms }, ticket.since_ms ? "" : say("kitchen.held"))),
    el("p", { class: "facts" }, el("span", {}, [guests, ticket.station].join("·")), el("span", {}, ticket.number)),
    ticket.allergies ? el("p", { class: "avoid", "data-testid": "avoid" }, icon("alert"), " ", say("kitchen.avoids", { allergies: ticket.allergies })) : null,
    ticket.note ? el("p", { class: "note" }, ticket.note) : null,
    el("ul", {}, ...ticket.items.flatMap((item) => dish(item, say))),
    done);
}
