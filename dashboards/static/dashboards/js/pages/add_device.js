// Proposes a uid from the name while the person has not written one.

const name = document.getElementById("id_name");
const uid = document.getElementById("id_uid");
let own = uid.value !== "";

/** `Gewächshaus Nord (2)` as `gewachshaus-nord-2`. */
function proposal(text) {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
  return plain
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
}

uid.addEventListener("input", () => {
  own = uid.value !== "";
});
name.addEventListener("input", () => {
  if (!own) uid.value = proposal(name.value);
});
