// What the till knows of the node: one event stream, with a question every two seconds where the stream fails.

import { ask, Refused } from "./api.js";
import { BASE } from "../base.js";

const POLL_MS = 2000;
const AWAY_AFTER_MS = 2000;
const QUESTION_MS = 1900;
const SILENCE_MS = 5000;
const STREAM_AGAIN_MS = 15000;

/** Calls `onStatus(status, asked_ms)` at each report (asked_ms: when it was asked for, null off the stream) and `onNode(away)` when the node goes or comes. */
export class Link {
  constructor(onStatus, onNode) {
    this.onStatus = onStatus;
    this.onNode = onNode;
    this.away = null;
    this.heard_ms = performance.now();
    this.missing_since_ms = null;
    this.source = null;
    this.asking = false;
    this.away_timer = 0;
    this.listeners = [];
  }

  /** Call `listener(data)` at each event `name` of a device of this till, and at "open" when the stream begins anew. */
  on(name, listener) {
    this.listeners.push([name, listener]);
  }

  start() {
    this.openStream();
    setInterval(() => this.tick(), 500);
    // Closing the stream on the way out frees one of the node's few threads at once.
    addEventListener("pagehide", () => this.source?.close());
    addEventListener("pageshow", (event) => { if (event.persisted) this.openStream(); });
    return this.question();
  }

  openStream() {
    this.source?.close();
    this.stream_tried_ms = performance.now();
    this.source = new EventSource(BASE + "/api/v1/events");
    this.source.addEventListener("status", (event) => this.heard(JSON.parse(event.data), null));
    this.source.addEventListener("error", () => this.question());
    for (const [name, listener] of this.listeners) {
      this.source.addEventListener(name, (event) => listener(name === "open" ? null : JSON.parse(event.data)));
    }
  }

  tick() {
    const now = performance.now();
    const open = this.source.readyState === EventSource.OPEN;
    if (this.source.readyState === EventSource.CLOSED && !this.away && now - this.stream_tried_ms > STREAM_AGAIN_MS) this.openStream();
    const patience_ms = open && this.missing_since_ms === null ? SILENCE_MS : this.missing_since_ms === null ? POLL_MS : 500;
    if (now - this.heard_ms >= patience_ms) this.question();
  }

  heard(status, asked_ms) {
    this.heard_ms = performance.now();
    this.missing_since_ms = null;
    clearTimeout(this.away_timer);
    if (this.away !== false) {
      const returned = this.away === true;
      this.away = false;
      this.onNode(false);
      if (returned && this.source.readyState === EventSource.CLOSED) this.openStream();
    }
    if (status) this.onStatus(status, asked_ms);
  }

  missed() {
    if (this.missing_since_ms !== null) return;
    this.missing_since_ms = performance.now();
    clearTimeout(this.away_timer);
    this.away_timer = setTimeout(() => {
      this.away = true;
      this.onNode(true);
    }, AWAY_AFTER_MS);
  }

  /** Ask for the status now; at most one question is under way. */
  async question() {
    if (this.asking) return;
    this.asking = true;
    const asked_ms = performance.now();
    try {
      const { body } = await ask("GET", "/status", { timeout_ms: QUESTION_MS });
      this.heard(body, asked_ms);
    } catch (error) {
      // A refusal is an answer too: the node is there.
      if (error instanceof Refused) this.heard(null, null);
      else this.missed();
    } finally {
      this.asking = false;
    }
  }
}
