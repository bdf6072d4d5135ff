// Unread counts in the menu and in the page's title.

import { find, select, setText } from "../shell/dom.js";

/** @import { InboxFeed } from "./inbox_feed.js" */
/** @import { Counts, InboxState } from "./inbox_state.js" */

/** The page reports at once that what is on the screen was read: no badge lights up for so short a time. */
const SETTLE_MS = 250;
const MAX_SHOWN = 99;

/** A count as a badge has room for it. @param {number} count */
const badgeText = (count) => (count > MAX_SHOWN ? `${MAX_SHOWN}+` : String(count));

/**
 * Shows the unread messages and mentions in the badges of a menu entry or a row.
 *
 * @param {Element} element
 * @param {Counts} counts
 */
export function setBadges(element, { unread, mentions }) {
  for (const [name, count] of /** @type {const} */ ([
    ["unread", unread],
    ["mention", mentions],
  ])) {
    const badge = find(element, `${name}-count`);
    badge.hidden = !count;
    setText(find(badge, "number"), count ? badgeText(count) : "");
  }
}

/**
 * Keeps the badges of the menu and the page's title up to date.
 *
 * @param {InboxFeed} inbox
 */
export function showMenuBadges(inbox) {
  const title = document.title;
  const rooms = select(document, "[data-menu-badges=rooms]");
  const people = select(document, "[data-menu-badges=inbox]");
  const dot = find(document, "menu-dot");
  let isScheduled = false;
  /** @type {InboxState} */
  let state;

  const show = () => {
    isScheduled = false;
    const { unread, mentions, direct } = state;
    setBadges(rooms, { unread, mentions });
    setBadges(people, { unread: direct, mentions: 0 });
    dot.hidden = !(mentions || direct);
    const total = unread + direct;
    document.title = total ? `(${badgeText(total)}) ${title}` : title;
  };
  inbox.onState((next) => {
    state = next;
    if (!isScheduled) setTimeout(show, SETTLE_MS);
    isScheduled = true;
  });
}
