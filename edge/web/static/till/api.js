// The node's JSON API; the page uses nothing else.

import { BASE } from "../base.js";
import { localeTag } from "./words.js";

const API = BASE + "/api/v1";

/** A refusal by the node: it answered, and said no. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.message || "");
    this.status = status;
    this.code = body.code || "http_" + status;
    this.details = body.details || {};
  }
}

/** No answer within the time: whether it was done is unknown. */
export class Unanswered extends Error {}

/** Ask the node; resolves {status, body, etag} for 2xx and 304. Throws Refused or Unanswered. */
export async function ask(method, path, { body, etag, timeout_ms = 5000 } = {}) {
  const headers = { "Accept": "application/json", "Accept-Language": localeTag() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (etag) headers["If-None-Match"] = etag;
  let answer;
  let text;
  try {
    answer = await fetch(API + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeout_ms),
      cache: "no-store",
      credentials: "same-origin",
    });
    text = await answer.text();
  } catch (error) {
    throw new Unanswered(String(error));
  }
  let parsed = {};
  try {
    parsed = text ? JSON.parse(text) : {};
  } catch (error) {
    // A torn or foreign answer (a proxy's page) tells nothing about what the node did.
    throw new Unanswered(String(error));
  }
  if (answer.ok || answer.status === 304) return { status: answer.status, body: parsed, etag: answer.headers.get("ETag") };
  // A browser of the house that is no terminal, or none any more: the page that asks for a pairing code.
  if (parsed.code === "not_paired") location.assign("/pair");
  // Practice ended (with the node, or after a shift): back to the store.
  if (parsed.code === "practice_over") location.assign("/till/");
  throw new Refused(answer.status, parsed);
}
