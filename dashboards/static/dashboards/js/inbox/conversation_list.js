// The list of conversations, newest first, kept up to date from the inbox.

import { showAvatars } from "../shell/avatars.js";
import { clone, find, partsOf, selectAll, setText } from "../shell/dom.js";
import { showTimes } from "../shell/time_elements.js";
import { setBadges } from "./unread_badges.js";

/** @import { Entry } from "../live/protocol.d.ts" */
/** @import { Parts } from "../shell/dom.js" */
/** @import { InboxFeed } from "./inbox_feed.js" */
/** @import { Conversation } from "./inbox_state.js" */

export class ConversationList {
  #element;
  #inbox;
  /** @type {Map<number, Parts>} by id of the conversation */
  #rows = new Map();

  /** @param {HTMLElement} element @param {InboxFeed} inbox */
  constructor(element, inbox) {
    this.#element = element;
    this.#inbox = inbox;
    for (const root of selectAll(element, "[data-conversation]"))
      this.#rows.set(Number(root.dataset.conversation), partsOf(root));
    inbox.onState(({ conversations }) => this.#show(conversations));
  }

  /** @param {Conversation[]} conversations */
  #show(conversations) {
    const list = find(this.#element, "list");
    const focused = document.activeElement;
    const rows = conversations.filter(({ last }) => last).map((conversation) => this.#update(conversation).root);
    for (const [place, root] of rows.entries())
      if (list.children[place] !== root) list.insertBefore(root, list.children[place] ?? null);
    if (focused instanceof HTMLElement && list.contains(focused)) focused.focus();
    showTimes(list);
    find(this.#element, "none").hidden = list.childElementCount > 0;
  }

  /** @param {Conversation} conversation */
  #update(conversation) {
    const row = this.#rows.get(conversation.id) ?? this.#add(conversation);
    row.time.dataset.time = conversation.active_at;
    setText(row.last, excerptOf(conversation.last, this.#inbox.me));
    setBadges(row.badges, { unread: conversation.unread, mentions: 0 });
    row.root.toggleAttribute("data-unread", conversation.unread > 0);
    return row;
  }

  /** @param {Conversation} conversation */
  #add({ id, with: name }) {
    const row = clone("conversation-row");
    row.root.dataset.conversation = id;
    row.link.href = `/inbox/${encodeURIComponent(name)}/`;
    row.link.title = name;
    if (name === this.#element.dataset.shown) row.link.setAttribute("aria-current", "page");
    row.avatar.dataset.avatarOf = name;
    showAvatars(row.root);
    setText(row.name, name);
    this.#rows.set(id, row);
    return row;
  }
}

/** @param {Entry | null} last @param {string} me */
function excerptOf(last, me) {
  if (!last) return "";
  const isRemoved = last.removed_at || last.kind === "removal";
  const text = isRemoved ? "Message deleted" : last.text || last.files?.[0]?.name || "";
  return last.author === me ? `You: ${text}` : text;
}
