// Paying: the request is on the browser's disk before it is sent, and is sent under the same sale id until it is answered.

import { ask, Refused } from "./api.js";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
const ANSWER_MS = 5000;

/** Refusals that say "not now"; anything else that the node answers is final. */
function isPassing(error) {
  return !(error instanceof Refused) || error.status >= 500 || error.status === 429 || error.status === 408;
}

/**
 * Sends one sale until the node answers. `on` has saved(sale, pending), refused(error, pending), unsigned(), waiting(pending).
 * Nothing here makes a second request for the same order: `pending` is set before the first await.
 */
export class Submitter {
  constructor(on) {
    this.on = on;
    this.pending = null;
    this.running = false;
    this.wake = null;
  }

  /** Go on with a sale that a reload, a power cut or a sign-in interrupted; does nothing while one is under way. */
  resume(pending) {
    this.pending = pending;
    return this.run();
  }

  /** Try now instead of waiting for the next turn. */
  hurry() {
    this.wake?.();
  }

  async run() {
    if (this.running || !this.pending) return;
    this.running = true;
    let wait_ms = FIRST_WAIT_MS;
    try {
      while (this.pending) {
        const pending = this.pending;
        const result = await this.once(pending);
        if (result.kind === "waiting") {
          this.on.waiting(pending, result.error);
          await this.pause(wait_ms);
          wait_ms = Math.min(wait_ms * 2, LONGEST_WAIT_MS);
        } else if (result.kind === "unsigned") {
          this.on.unsigned();
          return;
        } else {
          this.pending = null;
          if (result.kind === "saved") await this.on.saved(result.sale, pending);
          else await this.on.refused(result.error, pending);
        }
      }
    } finally {
      this.running = false;
    }
  }

  async once(pending) {
    try {
      const { body } = await ask("POST", pending.path ?? "/sales", { body: pending.body, timeout_ms: ANSWER_MS });
      return { kind: "saved", sale: body };
    } catch (error) {
      if (isPassing(error)) return { kind: "waiting", error };
      return error.status === 401 ? { kind: "unsigned" } : { kind: "refused", error };
    }
  }

  pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
