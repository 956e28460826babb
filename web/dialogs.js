// The dialogs of words: how the numbers come about, the keys, what others made, and views with a name. The words are in
// index.html.
import { count } from "./amounts.js";
import { $, button, dialog, fill, h, link, template } from "./dom.js";
import { date } from "./dates.js";
import { chipText } from "./filters.js";
import { address } from "./view.js";

/** @typedef {import("./view.js").View} View */

const VIEWS = "farmtally-views";

/** @param {View} view @param {any} answer */
export function openExplain(view, { farm, window, explain, data }) {
  dialog("How is this computed?", template("explain-text", {
    factor: farm.costScaleFactor, range: `${window.from} to ${window.to}, ${window.timeZone}`,
    filters: view.where.map(chipText).join("; ") || "none",
    rows: count(explain.rowsScanned), blocks: count(explain.blocksRead), skipped: count(explain.blocksSkipped),
    time: `${(explain.elapsedMicros / 1000).toFixed(1)} ms`, instant: explain.asOf,
    records: count(data.records), first: date(data.firstUsage), last: date(data.lastUsage),
  }));
}

export const openAbout = () => dialog("About", template("about-text", { version: /** @type {any} */ (globalThis).echarts.version }));
export const openHelp = () => dialog("Keyboard", template("help-text"), link("About farmtally, and what is in it", openAbout));

/** Keys press the buttons and lead to the controls that name them. @param {Record<string, () => void>} actions by key, for those that do neither */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    // For a frame after a dialog closed this may still be the field in it that had the focus.
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || $("dialog").open || target.matches(":is(input, select):not(dialog *)") || (/^Arrow/.test(event.key) && target.closest(".scroll"))) return;
    const element = /** @type {any} */ (document.querySelector(`[aria-keyshortcuts="${CSS.escape(event.key)}"]`));
    const act = actions[event.key] ?? (element && (() => (element.type === "button" ? element.click() : element.focus())));
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** Kept by this browser, as name and the query of an address. @returns {[string, string][]} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(VIEWS) ?? "[]").filter((one) => one.every((part) => typeof part === "string"));
  } catch {
    return [];
  }
}

/** @param {View} view @param {(query: string) => void} open */
export function openViews(view, open) {
  dialog("Views", template("views-text"));
  const [list, name] = ["kept", "kept-name"].map($);
  const keep = (views) => {
    localStorage.setItem(VIEWS, JSON.stringify(views));
    fill(list, ...views.map(([name, query]) => h("li", {}, button(name, () => open(query)),
      button("×", () => keep(kept().filter(([other]) => other !== name)), { class: "remove", "aria-label": `Forget ${name}` }))));
  };
  $("keep").onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    keep([...kept().filter(([other]) => other !== name.value), [name.value, address(view)]]);
    name.value = "";
  };
  for (const one of $("ready").querySelectorAll("button")) one.onclick = () => open(`${one.value}&farm=${view.farm}`);
  keep(kept());
}
