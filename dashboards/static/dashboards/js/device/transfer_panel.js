// What export and import show alike: the bar, the outcome, and a guard against leaving in the middle.

import { setText } from "../shell/dom.js";
import { inNextFrame } from "../shell/frame.js";

export class TransferPanel {
  #root;
  #abort = null;

  constructor(root) {
    this.#root = root;
    this.find("cancel").addEventListener("click", () => this.#abort?.abort());
    addEventListener("beforeunload", (event) => this.busy && event.preventDefault());
  }

  find(name) {
    return this.#root.querySelector(`[data-${name}]`);
  }

  get busy() {
    return this.#root.dataset.state === "busy";
  }

  /** Shows the bar while `work(signal)` runs, then its outcome: the text that `work` resolves to, or what went wrong. */
  async run(title, work, { cancelled }) {
    this.#abort = new AbortController();
    this.#root.dataset.state = "busy";
    setText(this.find("title"), title);
    this.show(0, "");
    this.find("cancel").focus();
    try {
      this.#end("done", await work(this.#abort.signal));
    } catch (error) {
      if (this.#abort.signal.aborted) this.#end("cancelled", cancelled);
      else this.#end("failed", error.message);
    }
    this.find("begin").focus();
  }

  /** `share` from 0 to 1. */
  show(share, detail) {
    inNextFrame(() => {
      this.find("bar").value = share;
      setText(this.find("percent"), `${Math.floor(share * 100)} %`);
      setText(this.find("detail"), detail);
    });
  }

  reset() {
    this.#root.dataset.state = "ready";
  }

  #end(state, text) {
    this.#root.dataset.state = state;
    setText(this.find("outcome-text"), text);
  }
}

const COUNT = new Intl.NumberFormat("en-GB");
const UNITS = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

export const count = (number) => COUNT.format(number);

/** `1.2 MB` */
export function size(bytes) {
  const [unit, name] = UNITS.find(([least]) => bytes >= least) ?? [1, "bytes"];
  return `${COUNT.format(Number((bytes / unit).toFixed(bytes / unit < 10 && unit > 1 ? 1 : 0)))} ${name}`;
}
