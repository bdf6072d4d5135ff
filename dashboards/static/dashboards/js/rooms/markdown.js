// Markdown of messages. What comes out of `render` is the one markup of the page that was made from somebody's text: it
// is built by marked with everything raw taken as text, and then held to a list of tags by DOMPurify.

import DOMPurify from "dompurify";
import { Marked } from "marked";

const TAGS = [
  "p",
  "br",
  "hr",
  "strong",
  "em",
  "del",
  "code",
  "pre",
  "blockquote",
  "ul",
  "ol",
  "li",
  "a",
  "table",
  "thead",
  "tbody",
  "tr",
  "th",
  "td",
];
const LIMITS = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const escaped = (text) =>
  text.replace(/[&<>"']/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign]);

/** Safe alone, so that a link with another scheme is not even made. */
const isAddress = (href) => LIMITS.ALLOWED_URI_REGEXP.test(href);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    // A heading in a talk would stand among the page's own.
    heading({ tokens }) {
      return `<p><strong>${this.parser.parseInline(tokens)}</strong></p>`;
    },
    // Nothing is fetched from elsewhere by reading.
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
    // `bob@example.org` within a reference would become an address to write to.
    url: (text) => (/^(https?:\/\/|www\.)/i.test(text) ? false : undefined),
  },
});

function link(href, label) {
  return isAddress(href) ? `<a href="${escaped(href)}">${label}</a>` : label;
}

DOMPurify.addHook?.("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** The HTML of a text before it is held to the list; for `render`, and for tests without a browser. */
export function toHtml(text) {
  return marked.parse(text, { async: false });
}

/** The text as nodes to be put into the page. */
export function render(text) {
  if (!DOMPurify.isSupported) throw new Error("a browser that can't be trusted with markup"); // it would pass all of it on
  return DOMPurify.sanitize(toHtml(text), LIMITS);
}
