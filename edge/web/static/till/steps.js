// What the waiter did to orders, in its order: on the browser's disk first, then to the node, each under its own id until it is answered.

import { ask, Refused } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { keep, load } from "./vault.js";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;

/** Refusals that say "not now"; anything else that the node answers is final. */
function isPassing(error) {
  return !(error instanceof Refused) || error.status >= 500 || error.status === 429 || error.status === 408;
}

/**
 * A queue of jobs {id, order_id, path, body, steps, undo}. `on` has answered(job, body), refused(job, error), unsigned(), changed().
 * One job is under way at a time, so that the node hears of everything in the order in which it was done.
 */
export class Steps {
  constructor(app, on) {
    this.app = app;
    this.on = on;
    this.jobs = [];
    this.running = false;
    this.late = false;
    this.wake = null;
    this.waiters = [];
  }

  get key() {
    return this.app.kept("steps");
  }

  /** Go on with what a reload or a power cut left. */
  async restore() {
    const { key } = this;
    const [kept] = await load([key]);
    // Another till's queue takes the place; what this page knows itself is newer than its disk.
    if (this.restored !== key) this.jobs = kept ?? [];
    this.restored = key;
    this.late = false;
    this.run();
  }

  of(order_id) {
    return this.jobs.filter((job) => job.order_id === order_id);
  }

  add(job) {
    this.jobs.push(job);
    this.on.changed();
    this.store().then(() => this.run());
  }

  async store() {
    try {
      await keep({ [this.key]: this.jobs.length ? this.jobs : null });
    } catch {
      // A browser whose storage fails still serves: the queue lives in the page, and the node keeps what it answered.
    }
  }

  /** Resolves true once nothing waits; false where the node does not answer now. */
  settled() {
    if (!this.jobs.length) return Promise.resolve(true);
    if (this.late || this.app.node_away) return Promise.resolve(false);
    return new Promise((resolve) => { this.waiters.push(resolve); });
  }

  done(job) {
    this.jobs = this.jobs.filter((each) => each.id !== job.id);
  }

  tell(done) {
    for (const resolve of this.waiters.splice(0)) resolve(done);
  }

  hurry() {
    this.wake?.();
  }

  async run() {
    if (this.running || !this.jobs.length || !this.app.session) return;
    this.running = true;
    let wait_ms = FIRST_WAIT_MS;
    try {
      while (this.jobs.length && this.app.session) {
        const [job] = this.jobs;
        try {
          const body = await this.send(job);
          this.done(job);
          this.late = false;
          wait_ms = FIRST_WAIT_MS;
          this.on.answered(job, body);
        } catch (error) {
          if (error instanceof Refused && error.status === 401) {
            this.on.unsigned();
            return;
          }
          if (!(error instanceof Declined) && isPassing(error)) {
            this.late = true;
            this.tell(false);
            this.on.changed();
            await this.pause(wait_ms);
            wait_ms = Math.min(wait_ms * 2, LONGEST_WAIT_MS);
            continue;
          }
          this.done(job);
          // What was to follow on an order that was never opened has no place to go.
          if (job.path === "/orders") this.jobs = this.jobs.filter((each) => each.order_id !== job.order_id);
          this.on.refused(job, error);
        }
        await this.store();
      }
      this.tell(true);
    } finally {
      this.running = false;
      this.on.changed();
    }
  }

  /** The word that somebody gave stays with the job, so that a lost answer is asked for with it again. */
  async send(job) {
    const call = async (approval_id) => {
      if (approval_id) {
        job.body = { ...job.body, steps: job.body.steps.map((step) => ({ ...step, approval_id })) };
        await this.store();
      }
      return (await ask("POST", job.path, { body: job.body })).body;
    };
    return job.body.steps?.length === 1 ? withApproval(call) : call("");
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
