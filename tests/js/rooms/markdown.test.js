import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isIntricate, render, toHtml } from "../../../dashboards/static/dashboards/js/rooms/markdown.js";

const XSS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<a href='javascript:alert(1)'>x</a>",
  "<math><mtext></p><style><img src=x onerror=alert(1)></style>",
  "<form><input name=attributes></form>",
  "[x](javascript:alert(1))",
  "[x](  JaVaScRiPt:alert(1))",
  "[x](java&#x73;cript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "![x](javascript:alert(1))",
  '!["onerror=alert(1) x="](x)',
  '[x](https://a.b/"onclick=alert(1)//)',
  '<https://a.b/"onclick=alert(1)>',
  "<javascript:alert(1)>",
  "[x][y]\n\n[y]: javascript:alert(1)",
  "`<img src=x onerror=alert(1)>`",
  "```\n</code></pre><script>alert(1)</script>\n```",
  '```html"><script>alert(1)</script>\nx\n```',
  "# <img src=x onerror=alert(1)>",
  "|<img src=x onerror=alert(1)>|\n|-|\n|<script>alert(1)</script>|",
];

/** Repeated, they make parser or browser slow. */
const HARD = [
  ">",
  "[",
  "*a ",
  "`",
  "- ",
  "> ",
  "1. ",
  "**a _",
  "[a](",
  "![",
  "<",
  "_a*",
  "~~a",
  "a**b*",
  "\\",
  "||",
  "[a]: b\n>",
  "*_",
];

/** The longest repetition that is still rendered. @param {string} sign */
function longestRendered(sign) {
  let text = sign;
  while (text.length < 2_000 && !isIntricate(text + sign)) text += sign;
  return text;
}

const TAG = /<\/?([a-z0-9]+)((?:\s+[a-z-]+="[^"<>]*")*)\s*\/?>/g;
const TAGS = "p br hr strong em del code pre blockquote ul ol li a table thead tbody tr th td".split(" ");

describe("markup from text", () => {
  for (const text of XSS) {
    it(`holds nothing that runs: ${text.slice(0, 40)}`, () => {
      const html = toHtml(text);
      const rest = html.replace(TAG, (_, tag, attributes) => {
        assert.ok(TAGS.includes(tag), `${tag} in ${html}`);
        for (const [, name, value] of attributes.matchAll(/([a-z-]+)="([^"]*)"/g)) {
          assert.ok(
            name === "start" || (name === "href" && /^(https?:|mailto:)/i.test(value)),
            `${name}="${value}" in ${html}`,
          );
        }
        return "";
      });
      assert.doesNotMatch(rest, /[<>]/);
    });
  }

  it("is what people expect from Markdown", () => {
    assert.equal(
      toHtml("**a** _b_ ~~c~~ `d`\ne"),
      "<p><strong>a</strong> <em>b</em> <del>c</del> <code>d</code><br>e</p>\n",
    );
    assert.equal(
      toHtml("see https://a.b/c?d=1&e=2"),
      '<p>see <a href="https://a.b/c?d=1&amp;e=2">https://a.b/c?d=1&amp;e=2</a></p>\n',
    );
    assert.equal(toHtml("7. x"), '<ol start="7">\n<li>x</li>\n</ol>\n');
  });

  it("fetches nothing: a picture is a link", () => {
    assert.equal(toHtml("![plan](https://a.b/c.png)"), '<p><a href="https://a.b/c.png">plan</a></p>\n');
  });

  it("leaves names unchanged that look like addresses or emphasis", () => {
    assert.equal(toHtml("@bob@example.org @pump_1.phase_l1"), "<p>@bob@example.org @pump_1.phase_l1</p>\n");
  });

  it("is not made of malicious text, and quickly of what is nearly as bad", () => {
    for (const sign of HARD) assert.ok(isIntricate(sign.repeat(Math.floor(2_000 / sign.length))), sign);
    const began = performance.now();
    for (const sign of HARD) {
      const most = longestRendered(sign);
      for (let i = 0; i < 50; i++) toHtml(most);
    }
    const perText = (performance.now() - began) / (50 * HARD.length);
    assert.ok(perText < 20, `${perText} ms`);
  });

  it("is made of long texts that people write", () => {
    const table = `|a|b|c|\n|-|-|-|\n${"|1.5|_x_|`y`|\n".repeat(20)}`;
    const list = "- **one**: [link](https://a.b/c_d) and `code`\n".repeat(25);
    const quote = "> > > quoted\n".repeat(40);
    const code = `\`\`\`\n${'{"a": [1, 2], "b": "*"}\n'.repeat(40)}\`\`\``;
    for (const text of [table, list, quote, code]) assert.ok(!isIntricate(text), text);
  });

  it("is not produced in a browser that DOMPurify does not support", () => {
    assert.throws(() => render("hi"), /trusted/);
  });
});
