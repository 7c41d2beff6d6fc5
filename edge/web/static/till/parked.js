// The slips that are not on paper: print again, on another printer, on the guest's phone, or not at all.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { qrPicture } from "./qr.js";
import { errorText, hasWord, t } from "./words.js";
import { clockOf } from "../wall_clock.js";

const PARKED = ["held", "unknown"];
const REASONS = ["guest_left", "already_printed", "test"];
const STALE = "stale";

function titleOf(job) {
  const key = "devices.slip_" + job.kind;
  return job.kind !== "receipt" && hasWord(key) ? t(key, { number: job.receipt_no }) : t("sheet.slip_number", { number: job.receipt_no });
}

/** Why a slip waits; a code that this page has no word for says no more than "fault". */
function reasonOf(job) {
  if (!job.reason) return "";
  for (const key of ["job.reason_" + job.reason, "cause." + job.reason]) if (hasWord(key)) return t(key);
  return t("job.reason_error");
}

export class ParkedSlips {
  /** `redraw` draws the sheet anew, `hub_away` says whether HQ is out of reach. */
  constructor(redraw, hub_away) {
    this.redraw = redraw;
    this.hub_away = hub_away;
    this.jobs = undefined;
    this.printers = [];
    this.message = "";
    this.opened = null;
    this.qr = null;
  }

  rows() {
    if (this.message) return [el("p", { class: "sheet-error", role: "alert", text: this.message })];
    if (this.jobs === undefined) return [el("p", { class: "quiet", text: t("sheet.fetching") })];
    if (this.jobs === null) return [el("p", { class: "quiet", text: t("sheet.unread") })];
    if (!this.jobs.length) return [el("p", { class: "quiet", testid: "slips-none", text: t("sheet.slips_none") })];
    return [el("ul", { class: "slips" }, ...this.stale(), ...this.jobs.map((job) => this.row(job)))];
  }

  // --- one slip ---

  row(job) {
    const copy = job.copy > 0 ? t("job.copy", { n: job.copy }) : "";
    const at = this.printers.length > 1 ? t("sheet.slip_at", { printer: this.nameOf(job.printer) }) : "";
    const facts = [clockOf(job.created_ms), t("job." + job.state), reasonOf(job), at, copy].filter(Boolean).join("\u00b7");
    const parked = PARKED.includes(job.state);
    const others = parked ? job.others ?? [] : [];
    const keys = parked ? [
      el("button", { class: "key", testid: "retry-" + job.id, text: t(job.state === "unknown" ? "sheet.retry" : "sheet.retry_held"), onclick: () => this.act(job.id, "retry") }),
      others.length ? this.opener(job, "other", "sheet.other_printer") : null,
      job.kind === "receipt" ? this.opener(job, "phone", "sheet.e_receipt") : null,
      this.opener(job, "discard", "sheet.discard", "key danger"),
    ].filter(Boolean) : [];
    return el("li", { testid: "slip-" + job.id, "data-state": job.state },
      el("p", {}, el("span", { class: "dot " + (parked ? "fault" : "ring"), "aria-hidden": "true" }),
        el("b", { text: titleOf(job) }), el("span", { text: facts })),
      el("div", { class: "slip-keys-row" }, ...keys), parked ? this.more(job, others) : null);
  }

  nameOf(printer_id) {
    return this.printers.find((each) => each.id === printer_id)?.name ?? printer_id;
  }

  opener(job, what, word, kind = "key") {
    const open = this.opened === what + job.id;
    return el("button", { class: kind, testid: what + "-" + job.id, text: t(word), "aria-expanded": open ? "true" : "false",
      onclick: () => this.open(open ? null : what + job.id, open || what !== "phone" ? null : job) });
  }

  /** Open one thing below one slip; `phone` is the slip whose QR code is wanted. */
  async open(what, phone = null) {
    this.opened = what;
    this.qr = null;
    this.redraw();
    if (!phone) return;
    try {
      const { body } = await ask("GET", `/sales/${encodeURIComponent(phone.sale_id)}/e-receipt`);
      if (this.opened === what) this.qr = body;
    } catch (error) {
      this.message = error.code ? errorText(error) : t("sheet.unread");
    }
    this.redraw();
  }

  more(job, others) {
    if (this.opened === "discard" + job.id) {
      return this.group("sheet.discard_why", ...REASONS.map((reason) => el("button", { class: "key danger", testid: "discard-why-" + reason, text: t("discard." + reason),
        onclick: () => this.act(job.id, "discard", { reason: t("discard." + reason) }) })));
    }
    if (this.opened === "other" + job.id) {
      return this.group("sheet.other_printer_which", ...others.map((printer) => el("button", { class: "key", testid: `to-${printer.id}-${job.id}`, text: printer.name,
        onclick: () => this.act(job.id, "redirect", { printer: printer.id }) })));
    }
    if (this.opened === "phone" + job.id) return this.phone(job);
    return null;
  }

  group(word, ...keys) {
    return el("div", { class: "why", role: "group", "aria-label": t(word) }, el("span", { text: t(word) }), ...keys);
  }

  phone(job) {
    if (!this.qr) return el("p", { class: "quiet", text: t("sheet.fetching") });
    // HQ's page has the receipt once the sale is there; until then the shop's own network has it.
    const here = this.qr.here_url && this.hub_away();
    return el("div", { class: "e-receipt", testid: "e-receipt-" + job.id },
      qrPicture(here ? this.qr.here_qr : this.qr.qr, t("sheet.e_receipt_label")),
      el("div", {}, el("p", { text: t(here ? "sheet.e_receipt_here" : "sheet.e_receipt_say") }),
        el("p", { class: "quiet address", text: here ? this.qr.here_url : this.qr.url }),
        el("button", { class: "key", testid: "e-receipt-done-" + job.id, text: t("sheet.e_receipt_done"), onclick: () => this.act(job.id, "discard", { reason: t("sheet.e_receipt_done") }) })));
  }

  // --- all that waited for long ---

  stale() {
    const counts = new Map();
    for (const job of this.jobs) if (job.asks && job.reason === STALE) counts.set(job.printer, (counts.get(job.printer) ?? 0) + 1);
    return [...counts].map(([printer, n]) => {
      const sure = this.opened === "stale" + printer;
      return el("li", { testid: "stale-" + printer },
        el("p", {}, el("span", { class: "dot fault", "aria-hidden": "true" }), el("b", { text: t("sheet.stale_at", { printer: this.nameOf(printer), n }) })),
        el("div", { class: "slip-keys-row" },
          el("button", { class: "key", testid: "stale-print-" + printer, text: t("sheet.stale_print"), onclick: () => this.answer(printer, "print") }),
          el("button", { class: "key danger", testid: "stale-discard-" + printer, text: t("sheet.stale_discard"), "aria-expanded": sure ? "true" : "false", onclick: () => this.open(sure ? null : "stale" + printer) })),
        sure ? this.group("sheet.stale_discard", el("button", { class: "key danger", testid: "stale-sure-" + printer, text: t("sheet.stale_sure"), onclick: () => this.answer(printer, "discard") })) : null);
    });
  }

  // --- the node ---

  async fetch() {
    if (this.fetching) return;
    this.fetching = true;
    try {
      const { body } = await ask("GET", "/print-jobs?open=1");
      this.jobs = body.jobs;
      this.printers = body.printers ?? [];
      this.message = "";
    } catch {
      this.jobs = null;
    } finally {
      this.fetching = false;
    }
    this.redraw();
  }

  act(id, verb, body = {}) {
    return this.post(`/print-jobs/${encodeURIComponent(id)}/${verb}`, body);
  }

  answer(printer, answer) {
    return this.post(`/printers/${encodeURIComponent(printer)}/stale`, { answer });
  }

  async post(path, body) {
    try {
      await ask("POST", path, { body });
      this.message = "";
      this.opened = null;
      this.qr = null;
    } catch (error) {
      this.message = error.code ? errorText(error) : t("sheet.unread");
      this.redraw();
      return;
    }
    await this.fetch();
  }
}
