// Deeds beside a sale (a refund, cash in or out, a count, a Z): kept under their id before they are sent, and sent until they are answered.

import { ask, Refused } from "./api.js";
import { showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { errorText, t } from "./words.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;
const PASSING = [408, 429, 500, 502, 503, 504];

export class Deeds {
  constructor(app) {
    this.app = app;
    this.open = {};
    this.wakers = new Set();
  }

  /** Go on with what a reload, a lock or a power cut interrupted; what became of it is said in a toast. */
  async resume() {
    const [kept] = await load([this.app.kept("deeds")]);
    const mine = Object.entries(kept ?? {}).filter(([id]) => !(id in this.open));
    for (const [id, { path, body }] of mine) {
      this.send(path, body, id).then(() => showToast(t("deeds.done")), (error) => {
        if (error.status !== 401) showToast(t("deeds.refused", { why: errorText(error) }));
      });
    }
  }

  /** Try now instead of waiting for the next turn. */
  hurry() {
    for (const wake of this.wakers) wake();
  }

  /** POST `body` and answer {body}; throws Refused when the node said no. A lost answer is asked for again under the same id. */
  async send(path, body, id = body.request_id ?? body.refund_id ?? body.move_id ?? body.deposit_id) {
    const till = this.app.till;
    this.open[id] = { path, body };
    await this.keep();
    for (let wait_ms = FIRST_WAIT_MS; ; wait_ms = Math.min(wait_ms * 2, LONGEST_WAIT_MS)) {
      try {
        const answer = await ask("POST", path, { body });
        await this.settled(id);
        return answer;
      } catch (error) {
        if (error instanceof Refused && !PASSING.includes(error.status)) {
          // Somebody signed out in between: it stays, and goes on for whoever comes to this till.
          if (error.status === 401) delete this.open[id];
          else await this.settled(id);
          throw error;
        }
        await this.pause(wait_ms);
        if (this.app.till && this.app.till !== till) throw error;
      }
    }
  }

  async settled(id) {
    delete this.open[id];
    await this.keep();
  }

  keep() {
    if (!this.app.till) return Promise.resolve();
    return keep({ [this.app.kept("deeds")]: this.open }).catch(() => {});
  }

  pause(ms) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.wakers.add(wake);
    });
  }
}
