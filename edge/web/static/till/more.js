// What else there is to do here: a list (data, not code) of which who is signed in sees what the table of roles lets them do or ask for.

import { withApproval, Declined } from "./approve.js";
import { ask, Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { BASE } from "../base.js";
import { openDeposits } from "./deposits.js";
import { el, icon, kbd } from "./dom.js";
import { uuid7 } from "./ids.js";
import { enterPractice, inPractice } from "./practice.js";
import { showToast } from "./toast.js";
import { getLanguage, errorText, t } from "./words.js";
import { theme } from "./settings.js";
import { showDevice } from "./this_device.js";

/** id, icon, key, the action of the role table that it needs ("" = none), and what it opens. */
const ENTRIES = [
  ["shift", "cash", "", "open_till", (app) => app.desk.open("shift")],
  ["refund", "receipt", "", "refund", (app) => app.desk.open("refund")],
  ["drawer", "drawer", "F8", "open_drawer", (app) => openDrawer(app)],
  ["platforms", "receipt", "", "sell", (app) => app.platforms.show()],
  ["deposit", "receipt", "", "sell", (app) => openDeposits(app)],
  ["count", "scale", "", "close_till", (app) => app.desk.open("count")],
  ["house", "tag", "", "open_till", () => location.assign(BASE + "/house")],
  ["bookings", "person", "", "tables", () => location.assign(BASE + "/house#bookings")],
  ["staff", "person", "", "manage_people", () => location.assign(page("/staff"))],
  ["terminals", "computer", "", "pair_terminal", () => location.assign(page("/terminals"))],
  ["devices", "printer", "", "devices", () => location.assign(page("/devices"))],
  ["works", "check", "", "", () => location.assign(page("/works"))],
  ["sync", "computer", "", "", () => location.assign(BASE + "/sync")],
  ["practice", "person", "", "practise", (app) => enterPractice(app)],
  ["lock", "lock", "", "", (app) => app.lock.now()],
  ["device", "display", "", "", (app) => showDevice(app)],
  ["keys", "help", "?", "", (app) => app.help.show()],
];

function page(path) {
  return `${BASE}${path}?lang=${getLanguage()}&theme=${theme()}`;
}

export class More {
  constructor(app) {
    this.app = app;
  }

  entries() {
    const { app } = this;
    return ENTRIES.filter(([id, , , action]) => (!action || app.may(action) || app.asks(action)) && !(id === "practice" && inPractice) && !(id === "platforms" && !app.platforms.view?.platforms.length));
  }

  show() {
    const { app } = this;
    app.sheets.show("more", { draw: (sheets) => sheets.frame(t("more.title"), [
      el("div", { class: "more-keys" }, ...this.entries().map(([id, picture, key, action, open]) =>
        el("button", { class: "key", testid: "more-" + id, onclick: () => { app.sheets.close(); open(app); } },
          icon(picture), el("span", { text: t("more." + id) }), ...(key ? kbd(key) : []), ...(action && !app.may(action) ? [el("small", { text: t("more.asks") })] : []))))], []) });
  }

  allowed(id) {
    return this.entries().some(([each]) => each === id);
  }
}

/** F8: the drawer without a sale, for a reason; a second try under the same id opens it once. */
export async function openDrawer(app) {
  if (app.sheets.extra?.holds || !app.session) return;
  let drawers;
  try {
    const { body } = await ask("GET", "/devices");
    drawers = body.devices.filter((one) => one.kind === "drawer");
  } catch (error) {
    showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    return;
  }
  if (!drawers.length) {
    showToast(t("drawer.none"));
    return;
  }
  const request_id = uuid7();
  const said = await askFor(app, { name: "drawer", title: t("more.drawer"), says: t("drawer.says"), primary: t("drawer.go"),
    fields: [{ name: "reason", kind: "text", label: t("reason.label"), max: 40, chips: [1, 2, 3].map((n) => t("reason.drawer_" + n)) }] });
  if (!said) return;
  try {
    await withApproval((approval_id) => openAny(app, drawers, { reason: said.reason, request_id, approval_id }));
    showToast(t("drawer.opened"));
  } catch (error) {
    if (!(error instanceof Declined)) showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
  }
}

/** A till opens its own drawer; which of them that is the node knows. */
async function openAny(app, drawers, body) {
  for (const [at, one] of drawers.entries()) {
    try {
      return await app.deeds.send(`/drawers/${one.id}/open`, body);
    } catch (error) {
      if (error.code !== "other_till_drawer" || at === drawers.length - 1) throw error;
    }
  }
  return null;
}
