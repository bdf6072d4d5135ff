// The avatar of a person: a letter in their colour, the same in lists as in a room.

import { hueOfAuthor } from "./colours.js";
import { make, selectAll, setText } from "./dom.js";

/**
 * The letter in the avatar.
 *
 * @param {string} name
 */
export const initialOf = (name) => [...name.replace(/^[^\p{L}\p{N}]+/u, "")][0]?.toUpperCase() ?? "?";

/**
 * Gives every `[data-avatar-of]` below `root` the letter and the colour of the name in it.
 *
 * @param {ParentNode} root
 */
export function showAvatars(root) {
  for (const element of selectAll(root, "[data-avatar-of]")) {
    const name = String(element.dataset.avatarOf);
    element.classList.add(`hue-${hueOfAuthor(name)}`);
    setText(element, initialOf(name));
  }
}

/**
 * A new avatar.
 *
 * @param {string} name
 */
export function makeAvatar(name) {
  return make("span", `avatar hue-${hueOfAuthor(name)}`, initialOf(name));
}
