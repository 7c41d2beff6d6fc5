// The state bar: what each state is called, its shape, and which of them are shown (the worst replace the calmest).

import { el, setText } from "./dom.js";
import { t } from "./words.js";
import { clockOf, dayOf } from "../wall_clock.js";

const PRINTER_FAULTS = ["paper_out", "cover_open", "not_answering", "error", "held"];
const PRINTER_CALM = ["ready", "busy", "unknown", "none"];
const SHOWN_MAX = 3;

/** The fault of a printer, or null; a word that nobody taught this page is no answer, and never "ready". */
export function faultOf(state) {
  if (PRINTER_FAULTS.includes(state)) return state;
  return PRINTER_CALM.includes(state) ? null : "not_answering";
}

/** The part of a word key that says why the hub keeps no session with this node. */
export function refusalWord(reason) {
  return ["rewind", "fork", "revoked", "upgrade"].includes(reason) ? reason : "other";
}

/** The part of a word key that says `state`; a state of the hub that nobody taught this page is no connection. */
export function hubWord(state) {
  return ["connected", "never"].includes(state) ? state : "away";
}

function hubState(status) {
  if (!status) return { id: "hub", shape: "unknown", text: t("state.hub_unknown"), rank: 2 };
  const { state, waiting, refusal } = status.hub;
  if (refusal) return { id: "hub", shape: "fault", text: t("state.hub_refused"), rank: 2.8 };
  if (state === "connected") return { id: "hub", shape: "ok", text: t("state.hub_connected"), rank: 0 };
  const waits = waiting.trade + waiting.operations;
  const text = t("state.hub_" + hubWord(state)) + (waits ? "\u00b7" + waits : "");
  return { id: "hub", shape: "ring", text, rank: 1 };
}

function printerState(status, node_away) {
  if (!status || node_away) return { id: "printer", shape: "unknown", text: t("state.printer_unknown"), rank: 2 };
  const { state, waiting, parked } = status.printer;
  const fault = faultOf(state);
  if (fault) {
    const waits = waiting + parked;
    return { id: "printer", shape: "fault", text: t("state.printer_" + fault) + (waits ? "\u00b7" + waits : ""), rank: 3 };
  }
  if (parked) return { id: "printer", shape: "fault", text: parked === 1 ? t("state.printer_parked_one") : t("state.printer_parked", { n: parked }), rank: 3 };
  if (state === "unknown") return { id: "printer", shape: "unknown", text: t("state.printer_unknown"), rank: 2 };
  if (state === "none") return { id: "printer", shape: "unknown", text: t("state.printer_none"), rank: 1 };
  return { id: "printer", shape: "ok", text: t("state.printer_" + state) + (waiting ? "\u00b7" + waiting : ""), rank: 0 };
}

/** How many devices need a look beside the printer, which has a state of its own; and whether a row of the settings is wrong. */
function devicesState(status) {
  const { down, problems } = status.devices ?? { down: 0, problems: 0 };
  const others = down - (faultOf(status.printer.state) || status.printer.state === "unknown" ? 1 : 0);
  if (others > 0) return { id: "devices", shape: "fault", text: others === 1 ? t("state.devices_down_one") : t("state.devices_down", { n: others }), rank: 2.5 };
  return problems ? { id: "devices", shape: "fault", text: t("state.devices_rows"), rank: 1.5 } : null;
}

/** Why a node that was enrolled sells nothing until it is brought back from the hub, or null; training is something else. */
export function recoveryOf(status) {
  const word = status?.node.recovery;
  if (!word) return null;
  return word === "restored" ? "restored" : "replacing";
}

/** The room on the disk of the node, while a person should know of it. */
function diskState(status) {
  const room = status.disk?.room;
  if (room === "red") return { id: "disk", shape: "fault", text: t("state.disk_red"), rank: 3.5 };
  return room === "low" ? { id: "disk", shape: "fault", text: t("state.disk_low"), rank: 1.2 } : null;
}

/** The clock of the node, while a person should know of it: a wrong one puts sales on a wrong day. */
function clockState(status) {
  const state = status.clock?.state;
  return state === "wrong" || state === "stepped" ? { id: "clock", shape: "fault", text: t("state.clock_" + state), rank: state === "wrong" ? 2.7 : 1.1 } : null;
}

/** What the node's clock says, in whole minutes. */
export function clockText(status) {
  return `${dayOf(status.now_ms)} ${clockOf(status.now_ms)}`;
}

/** The states to show, in their fixed order, `more` of them last; `node_away` makes all the rest unknown. */
export function statesOf(status, node_away, more = []) {
  const states = [];
  const recovery = recoveryOf(status);
  if (recovery) states.push({ id: "recovery", shape: "fault", text: t("state.recovery_" + recovery), rank: 3.8 });
  else if (status?.node.training) states.push({ id: "training", shape: "fault", text: t("state.training"), rank: 3 });
  if (status?.node.fenced) states.push({ id: "fenced", shape: "fault", text: t("state.fenced"), rank: 3.8 });
  else if (status?.node.revoked) states.push({ id: "revoked", shape: "fault", text: t("state.revoked"), rank: 3.8 });
  if (node_away) states.push({ id: "node", shape: "node", text: t("state.node_away"), rank: 4 });
  else states.push(hubState(status));
  states.push(printerState(status, node_away));
  const devices = status && !node_away ? devicesState(status) : null;
  if (devices) states.push(devices);
  const disk = status && !node_away ? diskState(status) : null;
  if (disk) states.push(disk);
  const clock = status && !node_away ? clockState(status) : null;
  if (clock) states.push(clock);
  states.push(...more);
  while (states.length > SHOWN_MAX) {
    const calmest = states.reduce((least, each) => (each.rank < least.rank ? each : least));
    states.splice(states.indexOf(calmest), 1);
  }
  return states;
}

export class StateBar {
  constructor(root, onPress) {
    this.root = root;
    this.buttons = new Map();
    this.onPress = onPress;
  }

  show(states) {
    const ids = states.map((state) => state.id);
    for (const [id, button] of this.buttons) {
      if (ids.includes(id)) continue;
      button.node.remove();
      this.buttons.delete(id);
    }
    states.forEach((state, place) => {
      let button = this.buttons.get(state.id);
      if (!button) {
        const parts = { shape: el("span", { "aria-hidden": "true" }), word: el("span") };
        const node = el("button", { class: "state", testid: "state-" + state.id, onclick: () => this.onPress(state.id) }, parts.shape, parts.word);
        button = { node, ...parts };
        this.buttons.set(state.id, button);
      }
      button.shape.className = "dot " + state.shape;
      button.node.dataset.shape = state.shape;
      setText(button.word, state.text);
      if (this.root.children[place] !== button.node) this.root.insertBefore(button.node, this.root.children[place] || null);
    });
  }
}

/** The notice that the state of things asks for, or null; the worst one wins. */
export function noticeOf(status, node_away) {
  if (node_away) {
    return { kind: "node", tone: "ochre", icon: "computer", title: t("notice.node_away"), sub: t("notice.node_away_sub"), code: "NODE-AWAY", button: t("notice.more"), sheet: "node" };
  }
  if (!status) return null;
  if (status.disk?.room === "red") {
    return { kind: "disk", tone: "fault", icon: "alert", title: t("notice.disk_red"), sub: t("notice.disk_red_sub"), code: "DISK-FULL", button: t("notice.go_on"), sheet: null };
  }
  const { state, waiting, parked } = status.printer;
  const base = { kind: "printer", tone: "fault", icon: "printer", button: t("notice.show_slips"), sheet: "printer" };
  const fault = faultOf(state);
  if (fault) {
    // Only what waits prints by itself; what is parked needs a person, and the sentence says so.
    const waits = waiting === 0 ? t("notice.printer_sub_none") : waiting === 1 ? t("notice.printer_sub_one") : t("notice.printer_sub", { n: waiting });
    const needs = parked === 0 ? "" : parked === 1 ? t("notice.parked_too_one") : t("notice.parked_too", { n: parked });
    return { ...base, title: t("fault." + fault), sub: [waits, needs].filter(Boolean).join(" "), code: "PRN-" + fault.toUpperCase().replaceAll("_", "-") };
  }
  if (status.clock?.state === "wrong") {
    const held = status.clock.held_day;
    return { kind: "clock", tone: "fault", icon: "alert", title: t("notice.clock", { time: clockText(status) }), sub: held ? t("notice.clock_held", { day: held }) : t("notice.clock_sub"), code: "CLOCK", button: t("notice.more"), sheet: "clock" };
  }
  if (parked) {
    return { ...base, title: parked === 1 ? t("notice.parked_one") : t("notice.parked", { n: parked }), sub: t("notice.parked_sub"), code: "PRN-PARKED" };
  }
  return null;
}
