// Export of a device's history: what to take, and how far it is.

import { chooseTarget, exportTo, exportUrl } from "../device/csv_export.js";
import { count, size, TransferPanel } from "../device/transfer_panel.js";
import { pageData, setText } from "../shell/dom.js";

const { uid } = pageData();
const root = document.querySelector("[data-transfer]");

function begin() {
  const panel = new TransferPanel(root);
  const form = panel.find("export");
  const boxes = [...form.querySelectorAll("[name=metric]")];
  const snippet = document.querySelector("[data-snippet]");

  /** What the form asks for; all metrics are asked for by naming none. */
  const query = () => {
    const wanted = new URLSearchParams();
    if (boxes.some((box) => !box.checked)) for (const box of boxes) if (box.checked) wanted.append("metric", box.value);
    for (const name of ["start", "end"]) {
      const { value } = form.querySelector(`#${name}`);
      if (value) wanted.set(name, new Date(value).toISOString());
    }
    return wanted;
  };

  const fault = () => {
    const wanted = query();
    if (!boxes.some((box) => box.checked)) return "Choose at least one metric.";
    if (wanted.has("start") && wanted.has("end") && wanted.get("start") >= wanted.get("end"))
      return "From must be before To.";
    return "";
  };

  const follow = () => {
    const url = exportUrl(uid, query());
    panel.find("plain").href = url;
    setText(snippet, `curl --fail -H "Authorization: Bearer $TOKEN" -o ${uid}.csv \\\n  '${location.origin}${url}'`);
    setText(panel.find("fault"), fault());
    setText(panel.find("toggle"), boxes.every((box) => box.checked) ? "Select none" : "Select all");
  };

  panel.find("toggle").hidden = boxes.length < 2;
  panel.find("toggle").addEventListener("click", () => {
    const on = !boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = on;
    follow();
  });
  form.addEventListener("input", follow);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (fault() || panel.busy) return;
    const name = `${uid}-${new Date().toISOString().slice(0, 10)}.csv`;
    const target = await chooseTarget(name);
    if (!target) return;
    const onProgress = ({ bytes, position }) => {
      panel.show(
        position.share,
        `${count(position.readings)} readings · ${size(bytes)}${position.metric ? ` · ${position.metric}` : ""}`,
      );
    };
    await panel.run(
      `Exporting to ${name}`,
      async (signal) => {
        const { bytes, position } = await exportTo(target, uid, query(), { signal, onProgress });
        return `${count(position.readings)} readings saved, ${size(bytes)}.`;
      },
      { cancelled: "Cancelled. No file was saved." },
    );
  });
  follow();
}

if (root) begin();
