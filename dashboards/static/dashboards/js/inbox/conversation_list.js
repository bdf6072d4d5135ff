// The conversations beside one of them, newest first, drawn from the inbox.

import { clone, setText } from "../shell/dom.js";
import { showFaces } from "../shell/faces.js";
import { showTimes } from "../shell/short_times.js";
import { setBadges } from "./badges.js";

export class ConversationList {
  #element;
  #inbox;
  #rows = new Map(); // id -> {root, link, face, name, time, last, badges}

  constructor(element, inbox) {
    this.#element = element;
    this.#inbox = inbox;
    for (const root of element.querySelectorAll("[data-conversation]")) {
      this.#rows.set(Number(root.dataset.conversation), partsOf(root));
    }
    inbox.on(({ conversations }) => this.#show(conversations));
  }

  #show(conversations) {
    const spoken = conversations.filter(({ last }) => last);
    const list = this.#element.querySelector("[data-list]");
    const focused = document.activeElement;
    spoken.forEach((conversation, place) => {
      const { root } = this.#fill(conversation);
      if (list.children[place] !== root) list.insertBefore(root, list.children[place] ?? null);
    });
    if (list.contains(focused)) focused.focus();
    showTimes(list);
    this.#element.querySelector("[data-none]").hidden = list.childElementCount > 0;
  }

  #fill(conversation) {
    const row = this.#rows.get(conversation.id) ?? this.#make(conversation);
    row.time.dataset.time = conversation.active_at;
    setText(row.last, wordsOf(conversation.last, this.#inbox.me));
    setBadges(row.badges, { unread: conversation.unread, mentions: 0 });
    row.root.toggleAttribute("data-unread", conversation.unread > 0);
    return row;
  }

  #make({ id, with: name }) {
    const row = clone("conversation-row");
    row.root.dataset.conversation = id;
    row.link.href = `/inbox/${encodeURIComponent(name)}/`;
    row.link.title = name;
    if (name === this.#element.dataset.shown) row.link.setAttribute("aria-current", "page");
    row.face.dataset.faceOf = name;
    showFaces(row.root);
    setText(row.name, name);
    this.#rows.set(id, row);
    return row;
  }
}

function partsOf(root) {
  const named = [...root.querySelectorAll("[data-part]")].map((element) => [element.dataset.part, element]);
  return { root, ...Object.fromEntries(named) };
}

function wordsOf(last, me) {
  const words =
    last.removed_at || last.kind === "removal" ? "Message removed" : last.text || last.files?.[0]?.name || "";
  return last.author === me ? `You: ${words}` : words;
}
