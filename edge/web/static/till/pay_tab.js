// What was handed over for one bill so far, and what is still missing (pure; the node does the same sums in edge/domain/payment.py).

const UNIT_FEN = { jiao: 10, yuan: 100 };
const DECIDED = ["taken"];

/** What rounding changes about an amount that cash pays: zero or less, or more than zero for the nearest. */
export function roundOff(fen, rounding) {
  const [unit, way] = (rounding || "none").split("_");
  if (!way || fen <= 0) return 0;
  const over = fen % UNIT_FEN[unit];
  return way === "near" && 2 * over >= UNIT_FEN[unit] ? UNIT_FEN[unit] - over : -over;
}

export class Tab {
  /** `doc` is what is kept over a reload: {sale_id, tip_fen, held_fen, parts}; `held_fen` is cash that was counted before another way. */
  constructor(bill_fen, rounding, doc) {
    this.bill_fen = bill_fen;
    this.rounding = rounding;
    this.doc = doc;
  }

  get parts() {
    return this.doc.parts;
  }

  /** Parts that are money: noted by hand, or decided by the gateway. */
  get counted() {
    return this.parts.filter((part) => !part.state || DECIDED.includes(part.state));
  }

  get undecided() {
    return this.parts.find((part) => part.state === "asking" || part.state === "sent" || part.state === "unknown") ?? null;
  }

  /** What is left for other ways, before cash is rounded. */
  get open_fen() {
    const paid_fen = this.counted.reduce((sum, part) => sum + part.amount_fen, 0);
    return Math.max(0, this.bill_fen + this.doc.tip_fen - paid_fen);
  }

  /** The same without the cash that is held already. */
  get left_fen() {
    return Math.max(0, this.open_fen - this.doc.held_fen);
  }

  /** What cash pays of the bill is rounded, never a tip. */
  get rounding_fen() {
    return roundOff(Math.max(0, this.open_fen - this.doc.tip_fen), this.rounding);
  }

  /** What is due in cash: what is left, rounded. */
  get cash_fen() {
    return Math.max(0, this.open_fen + this.rounding_fen);
  }

  /** Money beyond the bill that no change can be given for (a bill that became smaller). */
  get over_fen() {
    const paid_fen = this.counted.reduce((sum, part) => sum + part.amount_fen, 0);
    return Math.max(0, paid_fen - this.bill_fen - this.doc.tip_fen);
  }

  /** Whether cash is among the ways: it pays what the others leave, or a bill of nothing. */
  get needs_cash() {
    return this.open_fen > 0 || this.counted.length === 0;
  }

  /** The tenders as the node takes them: what was taken before first, a deposit behind the codes, cash last. */
  tenders(received_fen) {
    const named = this.counted.filter((part) => part.payment_id);
    named.sort((one, other) => Number(one.kind === "deposit") - Number(other.kind === "deposit"));
    const noted = this.counted.filter((part) => !part.payment_id);
    return [
      ...named.map(({ kind, payment_id }) => ({ kind, payment_id })),
      ...noted.map(({ kind, amount_fen, reference }) => ({ kind, amount_fen, ...(reference ? { reference } : {}) })),
      ...(this.needs_cash ? [{ kind: "cash", received_fen }] : []),
    ];
  }
}

/** A fresh document for a bill. */
export function emptyDoc(sale_id) {
  return { sale_id, tip_fen: 0, held_fen: 0, parts: [] };
}

/** `total_fen` in `n` equal shares; the odd fen are in the first ones. */
export function sharesOf(total_fen, n) {
  const each = Math.floor(total_fen / n);
  return Array.from({ length: n }, (_, at) => each + (at < total_fen - each * n ? 1 : 0));
}
