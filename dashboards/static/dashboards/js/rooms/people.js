// Who is in the room, and who writes.

import { clone, setText } from "../shell/dom.js";
import { hueOfName, initialOf, typingText } from "./words.js";

const FACES = 3;

export class People {
  #faces;
  #count;
  #list;
  #typing;
  #holder;

  constructor(element) {
    const find = (name) => element.querySelector(`[data-${name}]`);
    [this.#faces, this.#count, this.#list, this.#typing] = ["faces", "people-count", "people-list", "typing"].map(find);
    this.#holder = find("people");
    this.here([]);
    document.addEventListener("pointerdown", ({ target }) => {
      if (!this.#holder.contains(target)) this.#holder.open = false;
    });
    this.#holder.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape" || !this.#holder.open) return;
      this.#holder.open = false;
      this.#holder.querySelector("summary").focus();
    });
  }

  here(names) {
    const sorted = [...names].sort((a, b) => a.localeCompare(b));
    this.#holder.hidden = !sorted.length;
    setText(this.#count, String(sorted.length));
    this.#holder
      .querySelector("summary")
      .setAttribute("aria-label", `${sorted.length} here: ${sorted.slice(0, FACES).join(", ")}`);
    this.#faces.replaceChildren(...sorted.slice(0, FACES).map(face));
    this.#list.replaceChildren(
      ...sorted.map((name) => {
        const row = clone("room-person");
        row.root.classList.add(`hue-${hueOfName(name)}`);
        setText(row.face, initialOf(name));
        setText(row.name, name);
        return row.root;
      }),
    );
  }

  typing(names) {
    setText(this.#typing, typingText(names));
  }
}

function face(name) {
  const made = document.createElement("span");
  made.className = `face hue-${hueOfName(name)}`;
  made.textContent = initialOf(name);
  return made;
}
