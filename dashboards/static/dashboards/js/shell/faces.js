// Each person has a letter and a colour, the same in lists as in a room.

import { hueOfName, initialOf } from "../rooms/words.js";
import { setText } from "./dom.js";

/** Gives every `[data-face-of]` below `root` the letter and the colour of the name there. */
export function showFaces(root) {
  for (const element of root.querySelectorAll("[data-face-of]")) {
    const name = element.dataset.faceOf;
    element.classList.add(`hue-${hueOfName(name)}`);
    setText(element, initialOf(name));
  }
}
