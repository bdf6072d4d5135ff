// Markdown of messages. The result of `render` is the only markup on the page that is made from a person's text: marked
// builds it with all raw HTML taken as text, and DOMPurify then restricts it to a list of tags.

import DOMPurify from "dompurify";
import { Marked } from "marked";

const TAGS = "p br hr strong em del code pre blockquote ul ol li a table thead tbody tr th td".split(" ");
const ADDRESS = /^(?:https?:|mailto:)/i;
const LIMITS = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "start"],
  ALLOWED_URI_REGEXP: ADDRESS,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: /** @type {const} */ (true),
};

/** @type {Record<string, string>} */
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"']/g, (character) => ENTITIES[character]);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    // A heading in a message would appear among the page's own.
    heading({ tokens }) {
      return `<p><strong>${this.parser.parseInline(tokens)}</strong></p>`;
    },
    // Reading a message must not fetch anything from other servers.
    image: ({ href, text }) => link(href, escaped(text || href)),
    link({ href, tokens }) {
      return link(href, this.parser.parseInline(tokens));
    },
    code: ({ text }) => `<pre><code>${escaped(text)}</code></pre>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    tablecell({ tokens, header }) {
      const tag = header ? "th" : "td";
      return `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`;
    },
  },
  tokenizer: {
    // `bob@example.org` within a reference would become a mail address.
    url: (text) => (/^(https?:\/\/|www\.)/i.test(text) ? false : undefined),
  },
});

/** Safe on its own too: a link with another scheme is not even made. @param {string} href @param {string} label */
function link(href, label) {
  return ADDRESS.test(href) ? `<a href="${escaped(href)}">${label}</a>` : label;
}

DOMPurify.addHook?.("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** Levels of quotes and lists in one line. */
const MAX_LEVELS = 12;
/** Characters of a text that may be part of markup. */
const MAX_SIGNS = 400;
const LEVELS = new RegExp(`^(?:[ \\t]*(?:>|[-+*](?=[ \\t])|\\d{1,9}[.)](?=[ \\t]))){${MAX_LEVELS + 1}}`, "m");
const SIGNS = /[*_~[\]()<>`!|#\\]/g;

/**
 * Whether the text is shown as it was typed. Nobody writes like this, but the time that parser and browser take grows
 * with the square of such signs: a few messages of 2,000 brackets or quotes would stop the page for everybody.
 *
 * @param {string} text
 */
export function isIntricate(text) {
  return LEVELS.test(text) || (text.match(SIGNS)?.length ?? 0) > MAX_SIGNS;
}

/** The HTML of a text before DOMPurify; for `render`, and for tests without a browser. @param {string} text */
export function toHtml(text) {
  return marked.parse(text, { async: false });
}

/** The text as nodes for the page. @param {string} text */
export function render(text) {
  // DOMPurify passes everything through where it is not supported.
  if (!DOMPurify.isSupported) throw new Error("This browser can’t be trusted with markup.");
  return DOMPurify.sanitize(toHtml(text), LIMITS);
}
