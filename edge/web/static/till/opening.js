// Who signs in first on a business day is led to the opening list; nothing waits for it, and the first sale ends the reminder.

import { BASE } from "../base.js";
import { ask } from "./api.js";
import { t } from "./words.js";

export async function tellOpening(app) {
  if (!app.may("open_till")) return;
  try {
    const { body } = await ask("GET", "/house/opening");
    if (!body.needed || app.special || !app.session) return;
    app.special = { tone: "fault", icon: "check", title: t("notice.opening"), sub: t("notice.opening_sub"), code: "OPENING", button: t("notice.opening_go"), sheet: null,
      yields: true, go: () => location.assign(BASE + "/house#opening") };
    app.screen.drawStates();
  } catch {
    // The list stands in the house as well; the till does not wait for it.
  }
}
