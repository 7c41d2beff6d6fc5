// The code that a guest scans to ask for an invoice; it stands on the receipt too.

import { ask, Refused } from "./api.js";
import { el } from "./dom.js";
import { qrPicture } from "./qr.js";
import { showToast } from "./toast.js";
import { errorText, t } from "./words.js";

export async function showFapiao(app, sale_id) {
  try {
    const { body } = await ask("GET", `/sales/${sale_id}/e-receipt`);
    if (!body.fapiao_url) {
      showToast(t("fapiao.none"));
      return;
    }
    app.sheets.show("fapiao", { draw: (sheets) => sheets.frame(t("fapiao.title"), [el("div", { class: "e-receipt" }, qrPicture(body.fapiao_qr, t("fapiao.title")),
      el("div", {}, el("p", { class: "says", text: t("fapiao.says") }), el("p", { class: "address", text: body.fapiao_url })))], []) });
  } catch (error) {
    showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
  }
}
