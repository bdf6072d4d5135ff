// Unread counts in the menu and in the page's title.

import { setText } from "../shell/dom.js";

/** Of what is on screen, the page tells at once that it has been read: no badge lights up for so short a time. */
const SETTLE_MS = 250;
const MOST = 99;

const title = document.title;

/** A count as a badge has room for it. */
const shown = (count) => (count > MOST ? `${MOST}+` : String(count));

/** Shows how much is unread in the `[data-badges]` of a menu entry or a row. */
export function setBadges(element, { unread, mentions }) {
  for (const [name, count] of [
    ["unread", unread],
    ["mention", mentions],
  ]) {
    const badge = element.querySelector(`[data-${name}-count]`);
    badge.hidden = !count;
    setText(badge.querySelector("[data-number]"), count ? shown(count) : "");
  }
}

/** Keeps menu and title as the inbox says. */
export function showBadges(inbox) {
  const [rooms, people] = ["rooms", "inbox"].map((name) => document.querySelector(`[data-menu-badges=${name}]`));
  const dot = document.querySelector("[data-menu-dot]");
  let timer = null;
  let state;

  const show = () => {
    timer = null;
    const { unread, mentions, direct } = state;
    setBadges(rooms, { unread, mentions });
    setBadges(people, { unread: direct, mentions: 0 });
    dot.hidden = !(mentions || direct);
    const total = unread + direct;
    document.title = total ? `(${shown(total)}) ${title}` : title;
  };
  inbox.on((next) => {
    state = next;
    timer ??= setTimeout(show, SETTLE_MS);
  });
}
