// Access to the elements of a page. Data gets into the page as text only, never as markup.

/** The elements of a template by the name in their `data-part`, and its `root`. @typedef {Record<string, any>} Parts */

/**
 * The element `[data-<name>]` below `root`. Throws if there is none: then template and script don't belong together.
 *
 * @template {Element} [Type=HTMLElement]
 * @param {ParentNode} root
 * @param {string} name
 * @param {new () => Type} [type]
 * @returns {Type}
 */
export function find(root, name, type) {
  return must(root.querySelector(`[data-${name}]`), `[data-${name}]`, type);
}

/**
 * The element for a selector. Throws if there is none.
 *
 * @template {Element} [Type=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Type} [type]
 * @returns {Type}
 */
export function select(root, selector, type) {
  return must(root.querySelector(selector), selector, type);
}

/**
 * All elements for a selector.
 *
 * @template {Element} [Type=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Type} [_type]
 * @returns {Type[]}
 */
export function selectAll(root, selector, _type) {
  return /** @type {Type[]} */ ([...root.querySelectorAll(selector)]);
}

/**
 * @template {Element} Type
 * @param {Element | null} element
 * @param {string} selector
 * @param {(new () => Type) | undefined} type
 */
function must(element, selector, type) {
  if (!element || (type && !(element instanceof type))) throw new Error(`This page has no ${selector}.`);
  return /** @type {Type} */ (element);
}

/**
 * The target of an event as an element.
 *
 * @param {Event} event
 */
export function targetOf(event) {
  return /** @type {HTMLElement} */ (event.target);
}

/**
 * A copy of `<template id>`.
 *
 * @param {string} id
 * @returns {Parts}
 */
export function clone(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return partsOf(/** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true)));
}

/**
 * The parts of an element that was made from a template.
 *
 * @param {HTMLElement} root
 */
export function partsOf(root) {
  /** @type {Parts} */
  const parts = { root };
  if (root.dataset.part) parts[root.dataset.part] = root;
  for (const element of selectAll(root, "[data-part]")) parts[String(element.dataset.part)] = element;
  return parts;
}

/**
 * Sets the text if it differs: an unchanged node costs no layout.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * An element with a class and a text.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * A button that calls `pressed`.
 *
 * @param {string} className
 * @param {string} label
 * @param {() => void} pressed
 */
export function makeButton(className, label, pressed) {
  const button = make("button", className, label);
  button.type = "button";
  button.addEventListener("click", pressed);
  return button;
}

/** The data that the server put into the page as JSON. @param {string} [id] @returns {any} */
export function pageData(id = "page") {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}

/** @type {WeakMap<Element, number>} */
const flashedAt = new WeakMap();
const FLASH_PAUSE_MS = 600;

/**
 * Highlights a value for a moment because it has changed. A value that changes all the time doesn't flicker.
 *
 * @param {Element} element
 */
export function flash(element) {
  const now = performance.now();
  const isRecent = now - (flashedAt.get(element) ?? -Infinity) < FLASH_PAUSE_MS;
  flashedAt.set(element, now);
  if (isRecent || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.animate([{ color: "var(--flash)" }, {}], { duration: 800, easing: "ease-out" });
}
