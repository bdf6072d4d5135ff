// The facts that a device reports about itself, such as its model.

import { clone, find, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { factsOf } from "./attributes.js";

/** @import { Attributes } from "../live/protocol.d.ts" */

/**
 * @param {ParentNode} root
 * @param {Attributes} attributes
 */
export function showFacts(root, attributes) {
  const rows = factsOf(attributes).map(([name, value]) => {
    const row = clone("fact-row");
    setText(row.name, titleOf(name));
    setText(row.value, String(value));
    return row.root;
  });
  find(root, "facts").replaceChildren(...rows);
  find(root, "facts").hidden = !rows.length;
  find(root, "no-facts").hidden = rows.length > 0;
}
