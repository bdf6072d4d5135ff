// The form for a new device: proposes a uid from the name until the person writes one.

import { select } from "../shell/dom.js";

const name = select(document, "#id_name", HTMLInputElement);
const uid = select(document, "#id_uid", HTMLInputElement);
let isOwn = uid.value !== "";

/** `Gewächshaus Nord (2)` as `gewachshaus-nord-2`. @param {string} text */
function proposedUid(text) {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
  return plain
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
}

function propose() {
  if (!isOwn) uid.value = proposedUid(name.value);
}

uid.addEventListener("input", () => {
  isOwn = uid.value !== "";
});
name.addEventListener("input", propose);
propose(); // the person may have typed before this script ran
