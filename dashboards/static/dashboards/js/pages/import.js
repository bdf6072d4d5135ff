// Import of a device's history: a file, how far it is, and what came of it.

import { save } from "../device/csv_export.js";
import { importFile, Report, refusedCsv } from "../device/csv_import.js";
import { count, size, TransferPanel } from "../device/transfer_panel.js";
import { clone, pageData, setText } from "../shell/dom.js";

const { uid } = pageData();
const panel = new TransferPanel(document.querySelector("[data-transfer]"));
const refusedPanel = document.querySelector("[data-refused-panel]");
const form = panel.find("import");
const input = form.querySelector("#file");
const drop = panel.find("drop");
let report = new Report();

function fileChosen() {
  const file = input.files[0];
  panel.find("begin").disabled = !file;
  if (!file) return;
  setText(panel.find("file-name"), file.name);
  setText(panel.find("file-size"), size(file.size));
  showNothing();
}

function showNothing() {
  panel.reset();
  panel.find("tally").hidden = true;
  refusedPanel.hidden = true;
}

function showReport() {
  setText(panel.find("stored"), count(report.stored));
  setText(panel.find("present"), count(report.present));
  setText(panel.find("refused-count"), count(report.refused));
  panel.find("tally").hidden = false;
  refusedPanel.hidden = !report.refused;
  const find = (name) => refusedPanel.querySelector(`[data-${name}]`);
  setText(
    find("told"),
    report.refused > report.lines.length
      ? `the first ${count(report.lines.length)} of ${count(report.refused)}`
      : count(report.refused),
  );
  find("reasons").replaceChildren(
    ...[...report.reasons].map(([, { meaning, count: number }]) => {
      const row = clone("reason-row");
      setText(row.count, `${count(number)} ×`);
      setText(row.meaning, meaning);
      return row.root;
    }),
  );
  find("lines").replaceChildren(
    ...report.lines.map((line) => {
      const row = clone("refused-line");
      for (const name of ["line", "meaning", "detail", "text"]) setText(row[name], String(line[name]));
      return row.root;
    }),
  );
}

input.addEventListener("change", fileChosen);
for (const name of ["dragenter", "dragover"])
  drop.addEventListener(name, () => {
    drop.dataset.over = "";
  });
for (const name of ["dragleave", "drop", "dragend"])
  drop.addEventListener(name, () => {
    delete drop.dataset.over;
  });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = input.files[0];
  if (!file || panel.busy) return;
  showNothing();
  report = new Report();
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const onReport = () => {
    const soFar = [`${size(report.bytes)} of ${size(file.size)}`, `${count(report.stored)} stored`];
    if (report.present) soFar.push(`${count(report.present)} there already`);
    if (report.refused) soFar.push(`${count(report.refused)} refused`);
    panel.show(file.size ? report.bytes / file.size : 1, soFar.join(" · "));
  };
  await panel.run(
    `Importing ${file.name}`,
    async (signal) => {
      try {
        await importFile(file, uid, { token, signal, onReport, report });
      } catch (error) {
        if (signal.aborted || !report.bytes) throw error;
        throw new Error(
          `It broke off after ${size(report.bytes)}: ${error.message}. What was stored stays; import the file again to go on.`,
        );
      }
      return report.stored || report.present
        ? "The whole file was read."
        : "The whole file was read, and nothing in it could be stored.";
    },
    { cancelled: "Cancelled. What was stored stays; import the file again to go on." },
  );
  if (report.bytes) showReport();
});

refusedPanel.querySelector("[data-save-refused]").addEventListener("click", () => {
  save(new Blob([refusedCsv(report.lines)], { type: "text/csv" }), `${uid}-refused.csv`);
});
fileChosen();
