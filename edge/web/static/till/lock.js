// The till locks itself when nobody is at it; the cart is kept, and a PIN or a badge opens it again.

import { ask, Refused } from "./api.js";

const IDLE_MS = 300_000;
const SEEN_EVERY_MS = 60_000;
const TICK_MS = 5_000;

export class Lock {
  constructor(app) {
    this.app = app;
    this.touched_ms = performance.now();
    this.seen_ms = performance.now();
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, () => { this.touched_ms = performance.now(); }, { capture: true, passive: true });
    setInterval(() => this.tick(), TICK_MS);
  }

  tick() {
    const { app } = this;
    if (!app.session || app.node_away) return;
    const now_ms = performance.now();
    if (now_ms - this.touched_ms >= IDLE_MS) {
      // A sale on its way is answered first: whose it was must not change under it.
      if (!app.submitter.pending) this.now();
    } else if (this.touched_ms > this.seen_ms && now_ms - this.seen_ms >= SEEN_EVERY_MS) {
      this.seen_ms = now_ms;
      ask("POST", "/session/seen", { body: {} }).catch((error) => {
        if (error instanceof Refused && error.status === 401) app.who.signedOut("sign_in.locked_till");
      });
    }
  }

  /** Lock now: by hand, or because nobody was here. Where the node does not answer the page locks all the same. */
  async now() {
    const { app } = this;
    if (!app.session || app.submitter.pending) return;
    // The node may still take the old session for a moment; this page does not.
    app.who.locked = true;
    app.who.signedOut("sign_in.locked_till");
    try {
      await ask("POST", "/session/lock", { body: {} });
    } catch {
      // The node locks by itself after the same time.
    }
  }
}
