// The clock on the shop's wall: every time and day is the store's, whatever zone the device in the hand thinks it is in.

const PARTS = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

function reader(zone) {
  try {
    return new Intl.DateTimeFormat("en-GB", { ...PARTS, timeZone: zone });
  } catch {
    // A browser older than the zone's name: its own zone is the best it knows.
    return new Intl.DateTimeFormat("en-GB", PARTS);
  }
}

const inStore = reader(document.documentElement.dataset.zone);

function at(ms) {
  return Object.fromEntries(inStore.formatToParts(ms).map(({ type, value }) => [type, value]));
}

/** "20:05" */
export function clockOf(ms) {
  const { hour, minute } = at(ms);
  return `${hour}:${minute}`;
}

/** "20:05:09" */
export function secondOf(ms) {
  return `${clockOf(ms)}:${at(ms).second}`;
}

/** "2026-11-24", by midnight and not by the end of business. */
export function dayOf(ms) {
  const { year, month, day } = at(ms);
  return `${year}-${month}-${day}`;
}

/** "11-24 20:05" */
export function stampOf(ms) {
  return `${dayOf(ms).slice(5)} ${clockOf(ms)}`;
}

/** 0 to 23 */
export function hourOf(ms) {
  return Number(at(ms).hour);
}
