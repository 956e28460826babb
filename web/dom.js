// Elements, made and found. Texts become text nodes and never markup: names are chosen by strangers.

/**
 * @param {string} id
 * @returns {any} the element, which index.html is known to have
 */
export const $ = (id) => document.getElementById(id);

/**
 * Makes an element. Members that begin with `on` are listeners, `text` is its text, and all others are attributes; `null`,
 * `undefined` and `false` leave an attribute out.
 *
 * @param {string} name
 * @param {Record<string, any>} [members]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function h(name, members = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(members)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "text") element.textContent = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter(Boolean));
  return element;
}

/**
 * @param {string} text @param {(event: any) => any} onclick @param {Record<string, any>} [members]
 * @returns {any} a button that sends no form
 */
export const button = (text, onclick, members = {}) => h("button", { type: "button", ...members, onclick, text });

/** One that looks like a link. @type {typeof button} */
export const link = (text, onclick, members = {}) => button(text, onclick, { class: "link", ...members });

/**
 * @param {string} id of a template in index.html @param {Record<string, string>} [texts] for its members with `data-text`
 * @returns {any} what is in it
 */
export function template(id, texts = {}) {
  const content = $(id).content.cloneNode(true);
  for (const [name, text] of Object.entries(texts)) content.querySelector(`[data-text=${name}]`).textContent = text;
  return content;
}

/** @param {Element} parent @param {...any} children */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter(Boolean));
}

/**
 * Fills a `<select>` with pairs of value and label, and chooses one.
 *
 * @param {HTMLSelectElement} select
 * @param {[string, string][]} options
 * @param {string} chosen
 */
export function options(select, options, chosen) {
  fill(select, ...options.map(([value, label]) => h("option", { value, text: label })));
  select.value = chosen;
}

// Controls, and marks that turn the direction of text around, could make a line read as another.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** @param {string} text @returns {string} the text with what cannot be seen made visible */
export const visible = (text) => text.replace(HIDDEN, "\ufffd");

/** Opens the one dialog that there is. @param {string} title @param {...Node} content */
export function dialog(title, ...content) {
  $("dialog-title").textContent = title;
  fill($("dialog-body"), ...content);
  if (!$("dialog").open) $("dialog").showModal();
}

/** Says something to those who do not see the page. @param {string} text */
export function announce(text) {
  $("live").textContent = text;
}

/** Gives the browser a file. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
