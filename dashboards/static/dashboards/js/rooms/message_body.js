// The body of a message: its text with people and values in it, its files, its chart.

import { clone, make, setText } from "../shell/dom.js";
import { formatBytes } from "../shell/numbers.js";
import { whileVisible } from "../shell/visibility.js";
import { makeChart } from "./chart_entry.js";
import { isOnlyEmoji, isSlashCommand } from "./entry_texts.js";
import { isIntricate, render } from "./markdown.js";
import { MAX_PIXELS, PictureMemory } from "./picture_memory.js";
import { makeReadingLink } from "./reading_link.js";
import { piecesOf } from "./references.js";

/** @import { Entry, FileInfo } from "../live/protocol.d.ts" */
/** @import { LiveContext } from "./live_element.js" */
/** @import { Piece, References } from "./references.js" */
/** @import { Pending } from "./timeline.js" */

/** @typedef {LiveContext & {username: string, fileUrl: (file: FileInfo) => string}} BodyContext */

/** The largest size of a picture in pixels; smaller ones keep their size. */
const PICTURE = { width: 360, height: 260 };
const pictures = new PictureMemory();

/**
 * The elements of a message's body.
 *
 * @param {Entry} entry
 * @param {BodyContext} context
 */
export function makeBody(entry, context) {
  /** @type {HTMLElement[]} */
  const elements = [];
  if (entry.text) elements.push(makeText(entry, context));
  if (entry.kind === "chart" && entry.data) elements.push(makeChart(entry.data, context));
  for (const file of entry.files ?? []) elements.push(makeFile(file, context));
  return elements;
}

/**
 * The text of a message.
 *
 * @param {Pick<Entry, "kind" | "text" | "data">} entry
 * @param {BodyContext} context
 */
export function makeText({ kind, text, data }, context) {
  if (kind === "chart" || (kind === "chat" && isSlashCommand(text))) return makeTyped(text);
  const fragment = makeProse(text);
  insertReferences(fragment, data ?? {}, context);
  const holder = make("div", isOnlyEmoji(text) ? "prose jumbo" : "prose");
  holder.append(fragment);
  return holder;
}

/**
 * Replaces the names of people and values, except in code and links.
 *
 * @param {DocumentFragment} fragment
 * @param {References} data
 * @param {BodyContext} context
 */
function insertReferences(fragment, data, context) {
  if (!data.mentions && !data.values) return;
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */
  const texts = [];
  while (walker.nextNode()) {
    const node = /** @type {Text} */ (walker.currentNode);
    if (!node.parentElement?.closest("code, a")) texts.push(node);
  }
  for (const node of texts) {
    const pieces = piecesOf(node.data, data);
    if (pieces.some((piece) => typeof piece !== "string"))
      node.replaceWith(...pieces.map((piece) => makePiece(piece, data, context)));
  }
}

/** @param {Piece} piece @param {References} data @param {BodyContext} context */
function makePiece(piece, { values = {} }, context) {
  if (typeof piece === "string") return piece;
  if ("value" in piece) return makeReadingLink(piece.value, values[piece.value], context);
  return make("span", piece.mention === context.username ? "mention mention-me" : "mention", `@${piece.mention}`);
}

/** @param {string} text */
function makeProse(text) {
  try {
    if (!isIntricate(text)) return render(text);
  } catch {
    // Nested deeper than the parser can go.
  }
  const fragment = document.createDocumentFragment();
  fragment.append(text);
  return fragment;
}

/** @param {string} text */
function makeTyped(text) {
  const paragraph = document.createElement("p");
  paragraph.append(make("code", "typed", text));
  return paragraph;
}

/** @param {FileInfo} file @param {BodyContext} context @returns {HTMLElement} */
function makeFile(file, { fileUrl, ends }) {
  const { width, height } = file;
  const isShown = width && height && width * height <= MAX_PIXELS;
  const { link, image, name, size } = clone(isShown ? "room-image" : "room-file");
  link.href = fileUrl(file);
  link.title = `${file.name}, ${formatBytes(file.size)}`;
  if (isShown) showPicture(image, { ...file, width, height }, link.href, ends);
  else {
    setText(name, file.name);
    setText(size, width && height ? `${width} × ${height}, ${formatBytes(file.size)}` : formatBytes(file.size));
  }
  return link;
}

/**
 * Loads a picture while it is near the screen. Its space is reserved, so that nothing moves when it arrives.
 *
 * @param {HTMLImageElement} image
 * @param {FileInfo & {width: number, height: number}} file
 * @param {string} url
 * @param {(() => void)[]} ends
 */
function showPicture(image, { name, width, height }, url, ends) {
  const scale = Math.min(1, PICTURE.width / width, PICTURE.height / height);
  const scaled = (/** @type {number} */ length) => Math.max(1, Math.round(length * scale));
  const size = { width: scaled(width), height: scaled(height) };
  Object.assign(image, { ...size, alt: name });
  // Without a picture of this shape, the image would not keep its space.
  const empty = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}"/>`;
  const show = (/** @type {string} */ source) => () => {
    image.src = source;
  };
  const picture = {
    pixels: width * height,
    load: show(url),
    unload: show(`data:image/svg+xml,${encodeURIComponent(empty)}`),
  };
  picture.unload();
  const endVisibility = whileVisible(image, (isVisible) => pictures.see(picture, isVisible));
  ends.push(() => {
    endVisibility();
    pictures.forget(picture);
  });
}

/** The progress of a file that is being sent. @param {Pending & {file: File}} pending @returns {HTMLElement} */
export function makeUpload({ file, progress = 0, state }) {
  const { root, name, size } = clone("room-sending");
  setText(name, file.name || "image");
  setText(size, formatBytes(file.size));
  const bar = root.querySelector("progress");
  bar.value = progress;
  bar.hidden = state === "failed";
  return root;
}
