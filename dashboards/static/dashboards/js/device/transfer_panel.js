// What export and import have in common: the progress bar, the outcome, and a warning before leaving during a transfer.

import { inNextFrame } from "../shell/animation_frames.js";
import { find, setText } from "../shell/dom.js";
import { messageOf } from "../shell/forms.js";

export class TransferPanel {
  #root;
  /** @type {AbortController | null} */
  #abort = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.find("cancel").addEventListener("click", () => this.#abort?.abort());
    addEventListener("beforeunload", (event) => this.isBusy && event.preventDefault());
  }

  /**
   * @template {Element} [Type=HTMLElement]
   * @param {string} name
   * @param {new () => Type} [type]
   */
  find(name, type) {
    return find(this.#root, name, type);
  }

  get isBusy() {
    return this.#root.dataset.state === "busy";
  }

  /**
   * Shows the bar while `work` runs, then the text that it resolves with, or its error.
   *
   * @param {string} title
   * @param {(signal: AbortSignal) => Promise<string>} work
   * @param {{cancelled: string}} texts
   */
  async run(title, work, { cancelled }) {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#root.dataset.state = "busy";
    setText(this.find("title"), title);
    this.show(0, "");
    this.find("cancel").focus();
    try {
      this.#end("done", await work(signal));
    } catch (error) {
      if (signal.aborted) this.#end("cancelled", cancelled);
      else this.#end("failed", messageOf(error));
    }
    this.find("begin").focus();
  }

  /** @param {number} share  from 0 to 1 @param {string} detail */
  show(share, detail) {
    inNextFrame(() => {
      this.find("bar", HTMLProgressElement).value = share;
      setText(this.find("percent"), `${Math.floor(share * 100)} %`);
      setText(this.find("detail"), detail);
    });
  }

  reset() {
    this.#root.dataset.state = "ready";
  }

  /** @param {string} state @param {string} text */
  #end(state, text) {
    this.#root.dataset.state = state;
    setText(this.find("outcome-text"), text);
  }
}
