// The import of a device's history: a file, the progress, and what became of it.

import { importFile } from "../device/csv_import.js";
import { save } from "../device/download.js";
import { ImportReport, refusedCsv } from "../device/import_report.js";
import { TransferPanel } from "../device/transfer_panel.js";
import { clone, find, pageData, select, setText } from "../shell/dom.js";
import { messageOf } from "../shell/forms.js";
import { formatBytes, formatCount } from "../shell/numbers.js";

const { uid } = pageData();
const panel = new TransferPanel(find(document, "transfer"));
const refusedPanel = find(document, "refused-panel");
const form = panel.find("import");
const input = select(form, "#file", HTMLInputElement);
const drop = panel.find("drop");
let report = new ImportReport();

function handleChoice() {
  const file = input.files?.[0];
  panel.find("begin", HTMLButtonElement).disabled = !file;
  if (!file) return;
  setText(panel.find("file-name"), file.name);
  setText(panel.find("file-size"), formatBytes(file.size));
  hideResult();
}

function hideResult() {
  panel.reset();
  panel.find("tally").hidden = true;
  refusedPanel.hidden = true;
}

function showResult() {
  setText(panel.find("stored"), formatCount(report.stored));
  setText(panel.find("present"), formatCount(report.present));
  setText(panel.find("refused-count"), formatCount(report.refused));
  panel.find("tally").hidden = false;
  refusedPanel.hidden = !report.refused;
  const [shown, all] = [report.lines.length, report.refused];
  const title = all > shown ? `the first ${formatCount(shown)} of ${formatCount(all)}` : formatCount(all);
  setText(find(refusedPanel, "told"), title);
  find(refusedPanel, "reasons").replaceChildren(...[...report.reasons.values()].map(makeReason));
  find(refusedPanel, "lines").replaceChildren(...report.lines.map(makeLine));
}

/** @param {{meaning: string, count: number}} reason @returns {HTMLElement} */
function makeReason({ meaning, count }) {
  const row = clone("reason-row");
  setText(row.count, `${formatCount(count)} ×`);
  setText(row.meaning, meaning);
  return row.root;
}

/** @param {import("../device/import_report.js").RefusedLine} line @returns {HTMLElement} */
function makeLine(line) {
  const row = clone("refused-line");
  for (const name of /** @type {const} */ (["line", "meaning", "detail", "text"]))
    setText(row[name], String(line[name]));
  return row.root;
}

/** @param {File} file */
async function importAll(file) {
  hideResult();
  report = new ImportReport();
  const onReport = () => {
    const parts = [`${formatBytes(report.bytes)} of ${formatBytes(file.size)}`, `${formatCount(report.stored)} stored`];
    if (report.present) parts.push(`${formatCount(report.present)} already stored`);
    if (report.refused) parts.push(`${formatCount(report.refused)} refused`);
    panel.show(file.size ? report.bytes / file.size : 1, parts.join(" · "));
  };
  const work = async (/** @type {AbortSignal} */ signal) => {
    try {
      await importFile(file, uid, { signal, onReport, report });
    } catch (error) {
      if (signal.aborted || !report.bytes) throw error;
      const reason = messageOf(error).replace(/\.$/, "");
      throw new Error(
        `The import stopped after ${formatBytes(report.bytes)}: ${reason}. ` +
          "What was stored stays; import the file again to continue.",
      );
    }
    const isStored = report.stored || report.present;
    return isStored ? "The whole file was read." : "The whole file was read, but nothing in it could be stored.";
  };
  const cancelled = "Cancelled. What was stored stays; import the file again to continue.";
  await panel.run(`Importing ${file.name}`, work, { cancelled });
  if (report.bytes) showResult();
}

input.addEventListener("change", handleChoice);
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, () => {
    drop.dataset.over = "";
  });
}
for (const name of ["dragleave", "drop", "dragend"]) {
  drop.addEventListener(name, () => {
    delete drop.dataset.over;
  });
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = input.files?.[0];
  if (file && !panel.isBusy) importAll(file);
});
find(refusedPanel, "save-refused").addEventListener("click", () => {
  save(new Blob([refusedCsv(report.lines)], { type: "text/csv" }), `${uid}-refused.csv`);
});
handleChoice();
