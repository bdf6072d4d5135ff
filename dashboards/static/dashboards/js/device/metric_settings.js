// The form by which a manager renames, deletes or ignores a metric, or has its texts read as numbers.

import { find, make, setText } from "../shell/dom.js";
import { fieldValue, messageOf, onSubmit } from "../shell/forms.js";
import { changeMetric, deleteMetric, fetchMetrics } from "./device_api.js";

/** @import { MetricFacts } from "./device_api.js" */

export class MetricSettings {
  #form;
  #uid;
  #select;
  #delete;
  #problem;
  /** @type {MetricFacts[]} */
  #metrics = [];

  /** @param {HTMLFormElement} form @param {string} uid */
  constructor(form, uid) {
    this.#form = form;
    this.#uid = uid;
    this.#select = find(form, "metric-choice", HTMLSelectElement);
    this.#delete = find(form, "delete-metric", HTMLButtonElement);
    this.#problem = find(form, "metric-error");
    this.#select.addEventListener("change", () => this.#fill());
    this.#delete.addEventListener("click", () => this.#confirmDelete());
    // The device may have sent new metrics since.
    form.closest("details")?.addEventListener("toggle", () => this.reload());
    onSubmit(form, this.#problem, () => this.#save());
  }

  /** Whether there is anything to set: also for an ignored metric, which has no values. */
  get hasMetrics() {
    return this.#metrics.length > 0;
  }

  /** Offers these metrics. @param {MetricFacts[]} metrics */
  show(metrics) {
    const chosen = this.#select.value;
    this.#metrics = metrics;
    const options = metrics.map(({ name, ignored }) => {
      const option = make("option", "", ignored ? `${name} (ignored)` : name);
      option.value = name;
      return option;
    });
    this.#select.replaceChildren(...options);
    if (metrics.some(({ name }) => name === chosen)) this.#select.value = chosen;
    this.#fill();
  }

  /** Reads them again. */
  async reload() {
    const metrics = await fetchMetrics(this.#uid).catch(() => null);
    // What somebody is typing stays.
    if (metrics && !this.#form.contains(document.activeElement)) this.show(metrics);
  }

  #fill() {
    const chosen = this.#metrics.find(({ name }) => name === this.#select.value);
    this.#form.classList.toggle("without-metrics", !chosen);
    this.#resetDelete();
    setText(this.#problem, "");
    if (!chosen) return;
    const { name, read_as: readAs, ignored, aliases } = chosen;
    this.#field("name").value = name;
    this.#field("read_as").value = readAs ?? "";
    this.#field("ignored").checked = ignored;
    const sent = aliases.length ? `The device sends it as ${aliases.join(" or ")}.` : "";
    setText(find(this.#form, "metric-aliases"), sent);
  }

  async #save() {
    const ignored = this.#field("ignored").checked;
    const changes = {
      name: fieldValue(this.#form, "name"),
      read_as: fieldValue(this.#form, "read_as") || null,
      ignored,
    };
    const { name } = await changeMetric(this.#uid, this.#select.value, changes);
    await this.#showAgain(name);
  }

  #confirmDelete() {
    if (this.#delete.dataset.sure === undefined) {
      this.#delete.dataset.sure = "";
      setText(find(this.#delete, "delete-label"), "Delete it with its history for good?");
      return;
    }
    this.#remove().catch((error) => setText(this.#problem, messageOf(error)));
  }

  async #remove() {
    await deleteMetric(this.#uid, this.#select.value);
    await this.#showAgain("");
  }

  /** @param {string} chosen */
  async #showAgain(chosen) {
    const metrics = await fetchMetrics(this.#uid);
    this.show(metrics);
    if (metrics.some(({ name }) => name === chosen)) this.#select.value = chosen;
    this.#fill();
  }

  #resetDelete() {
    delete this.#delete.dataset.sure;
    setText(find(this.#delete, "delete-label"), "Delete");
  }

  /** @param {string} name @returns {HTMLInputElement} */
  #field(name) {
    return /** @type {any} */ (this.#form.elements.namedItem(name));
  }
}
