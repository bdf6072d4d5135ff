// The export of a device's history: which readings, and the progress.

import { exportTo, exportUrl } from "../device/csv_export.js";
import { chooseTarget } from "../device/download.js";
import { TransferPanel } from "../device/transfer_panel.js";
import { find, pageData, select, selectAll, setText } from "../shell/dom.js";
import { formatBytes, formatCount } from "../shell/numbers.js";

/** @import { Exported } from "../device/csv_export.js" */

const { uid } = pageData();

/** @param {HTMLElement} root */
function init(root) {
  const panel = new TransferPanel(root);
  const form = panel.find("export", HTMLFormElement);
  const boxes = selectAll(form, "[name=metric]", HTMLInputElement);
  const areAllChosen = () => boxes.every((box) => box.checked);

  /** The query of the form. A query that names no metric asks for all of them. */
  const query = () => {
    const wanted = new URLSearchParams();
    if (!areAllChosen()) for (const box of boxes) if (box.checked) wanted.append("metric", box.value);
    for (const name of ["start", "end"]) {
      const { value } = select(form, `#${name}`, HTMLInputElement);
      if (value) wanted.set(name, new Date(value).toISOString());
    }
    return wanted;
  };

  const problem = () => {
    if (!boxes.some((box) => box.checked)) return "Choose at least one metric.";
    const wanted = query();
    const [start, end] = [wanted.get("start"), wanted.get("end")];
    return start && end && start >= end ? "From must be before To." : "";
  };

  const update = () => {
    const url = exportUrl(uid, query());
    panel.find("plain", HTMLAnchorElement).href = url;
    const command = `curl --fail -H "Authorization: Bearer $TOKEN" -o ${uid}.csv \\\n  '${location.origin}${url}'`;
    setText(find(document, "snippet"), command);
    setText(panel.find("fault"), problem());
    setText(panel.find("toggle"), areAllChosen() ? "Select none" : "Select all");
  };

  const exportAll = async () => {
    const name = `${uid}-${new Date().toISOString().slice(0, 10)}.csv`;
    const target = await chooseTarget(name);
    if (!target) return;
    const onProgress = (/** @type {Exported} */ { bytes, progress }) => {
      const metric = progress.metric ? ` · ${progress.metric}` : "";
      panel.show(progress.share, `${formatCount(progress.readings)} readings · ${formatBytes(bytes)}${metric}`);
    };
    const work = async (/** @type {AbortSignal} */ signal) => {
      const { bytes, progress } = await exportTo(target, uid, query(), { signal, onProgress });
      return `${formatCount(progress.readings)} readings saved, ${formatBytes(bytes)}.`;
    };
    await panel.run(`Exporting to ${name}`, work, { cancelled: "Cancelled. No file was saved." });
  };

  panel.find("toggle").hidden = boxes.length < 2;
  panel.find("toggle").addEventListener("click", () => {
    const isChosen = !areAllChosen();
    for (const box of boxes) box.checked = isChosen;
    update();
  });
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!problem() && !panel.isBusy) exportAll();
  });
  update();
}

const [root] = selectAll(document, "[data-transfer]"); // missing while there is nothing to export
if (root) init(root);
