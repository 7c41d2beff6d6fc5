// The way to the node: what is to be cooked comes by server-sent events, by asking now and then where no seat is free.
// A deed keeps its request id until it is answered, so that a lost answer is asked for again and nothing is done twice.
import { BASE } from "../base.js";
import { uuid7 } from "../till/ids.js";

const POLL_MS = 3000;
const AGAIN_MS = 15000;
const SILENCE_MS = 40000;
const RETRY_MS = 1000;
const REFUSED = 400;
const BROKEN = 500;

export function follow(station, { show, beat, away }) {
  const query = "?station=" + encodeURIComponent(station);
  let polling = 0;
  let silence = 0;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(away, SILENCE_MS);
  }

  async function poll() {
    try {
      const answer = await fetch(BASE + "/api/v1/kitchen" + query);
      if (answer.ok) {
        show(await answer.json());
        heard();
      } else away();
    } catch {
      away();
    }
  }

  function stopPolling() {
    clearInterval(polling);
    polling = 0;
  }

  function open() {
    const source = new EventSource(BASE + "/api/v1/kitchen/events" + query);
    source.addEventListener("tickets", (event) => {
      stopPolling();
      heard();
      show(JSON.parse(event.data));
    });
    source.addEventListener("beat", (event) => {
      heard();
      beat(Number(event.data));
    });
    source.addEventListener("error", () => {
      if (!polling) polling = setInterval(poll, POLL_MS);
      poll();
      // Refused (no seat left) closes it for good; a broken line opens again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
    });
  }
  open();
}

/** Do a deed, again under the same id until it is answered; gives the answer, or null where it was refused. */
export async function deed(path, body) {
  const asked = JSON.stringify({ request_id: uuid7(), ...body });
  for (;;) {
    try {
      const answer = await fetch(BASE + "/api/v1/kitchen/" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: asked });
      if (answer.ok) return await answer.json();
      if (answer.status >= REFUSED && answer.status < BROKEN) return null;
    } catch {
      // The node is away: the same question again.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
