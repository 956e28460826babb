// The question, as controls: dates, zone, groups, what is shown.
import { $, dialog, fill, h, options, template } from "./dom.js";
import { addDays, between, rangeOf, step, withRange } from "./dates.js";
import { answer, tableQuery } from "./question.js";
import { valueName } from "./groups.js";
import { shown } from "./amounts.js";
import { DIMENSIONS, grouping, ownZone } from "./view.js";

/** @typedef {import("./view.js").View} View */

const CHOICES = ["metric", "stat", "period", "compare"];
const GROUPS_MAX = 3;
const PATTERN = "pattern";
const PREVIEW = 8;

/** @type {View} */ let view;
/** @type {any} */ let window_ = null;

/** @param {() => View} current @param {(view: View) => void} go */
export function begin(current, go) {
  const zones = new Set(["UTC", ownZone(), ...Intl.supportedValuesOf("timeZone")]);
  fill($("zones"), ...[...zones].map((zone) => h("option", { value: zone })));
  for (const id of CHOICES) $(id).addEventListener("change", () => go({ ...current(), [id]: $(id).value }));
  for (const style of $("style").children) style.addEventListener("click", () => go({ ...current(), style: style.value }));
  $("zone").addEventListener("change", () => $("zone").value && go({ ...current(), timeZone: $("zone").value }));
  $("range").addEventListener("change", () => {
    if ($("range").value !== "custom") return go(withRange(current(), $("range").value));
    if (window_) go(between(current(), window_.from.slice(0, 10), lastMidnight(window_.to)));
    $("from").focus();
  });
  for (const id of ["from", "to"]) $(id).addEventListener("change", () => {
    if ($("from").value && $("to").value && $("from").value <= $("to").value) go(between(current(), $("from").value, addDays($("to").value, 1)));
  });
  $("earlier").addEventListener("click", () => shift(current, go, -1));
  $("later").addEventListener("click", () => shift(current, go, 1));
}

/** @param {() => View} current @param {(view: View) => void} go @param {1|-1} direction */
export function shift(current, go, direction) {
  if (window_) go(step(current(), window_, direction));
}

/** The day after the last one that is in the window. @param {string} to */
const lastMidnight = (to) => (/[1-9]/.test(to.slice(11, 19)) ? addDays(to, 1) : to.slice(0, 10));

/** @param {View} next @param {(view: View) => void} go */
export function showControls(next, go) {
  view = next;
  $("range").value = rangeOf(view);
  $("custom").hidden = !view.from;
  $("from").value = view.from.slice(0, 10);
  $("to").value = view.to && addDays(lastMidnight(view.to), -1);
  $("zone").value = view.timeZone;
  for (const id of CHOICES) $(id).value = view[id];
  $("stat").disabled = view.metric === "sessions";
  $("period").disabled = view.style === "hours";
  for (const style of $("style").children) style.setAttribute("aria-pressed", String(style.value === view.style));
  showGroups(go);
}

/** @param {any} window as the API resolved it */
export function resolved(window) {
  window_ = window;
}

/** @param {(view: View) => void} go */
function showGroups(go) {
  const change = (index, value) => {
    if (value === PATTERN) return openPattern(index, go);
    const by = view.by.map((one, at) => (at === index ? value : one));
    if (index === view.by.length) by.push(value);
    go({ ...view, by: by.filter((one, at) => one && by.indexOf(one) === at), list: "groups", sort: "-amount" });
  };
  const select = (index) => {
    const chosen = view.by[index] ?? "";
    const named = index < view.by.length && grouping(chosen).pattern !== null ? [[chosen, grouping(chosen).label]] : [];
    const element = h("select", { id: `by-${index}`, "aria-label": index === 0 ? "Group by" : `then by, ${index + 1}`, onchange: () => change(index, element.value) });
    options(element, [["", index === 0 ? "nothing" : index < view.by.length ? "– remove –" : "then by…"], ...Object.entries(DIMENSIONS), ...named, [PATTERN, "Part of the job name…"]], chosen);
    return element;
  };
  fill($("by"), h("span", { text: "Group by" }), ...Array.from({ length: Math.min(GROUPS_MAX, view.by.length + 1) }, (_, index) => select(index)));
}

/** Groups by what a pattern finds in job names, with what it would find shown meanwhile. @param {number} index @param {(view: View) => void} go */
function openPattern(index, go) {
  const { label, pattern } = grouping(view.by[index]?.includes(":") ? view.by[index] : "Show:^(\\S+) ");
  dialog("Part of the job name", template("pattern-text"));
  const [name, text] = [$("pattern-name"), $("pattern")];
  [name.value, text.value] = [label, pattern];
  let asked = 0;
  const preview = async () => {
    const mine = ++asked;
    const by = `${name.value.replaceAll(":", "") || "Name"}:${text.value}`;
    const { groups, message } = await answer(view.farm, tableQuery({ ...view, by: [by] }, PREVIEW)).catch((error) => error);
    if (mine !== asked) return;
    fill($("pattern-found"), ...(groups ?? []).map((group) => h("li", { text: `${group.other ? `${group.other} others` : valueName(by, group.values[0])}: ${shown("cost", group.total.cost.sum)}` })), message);
  };
  $("pattern-form").onsubmit = (event) => {
    event.preventDefault();
    $("dialog").close();
    const by = [...view.by];
    by[index] = `${name.value.replaceAll(":", "") || "Name"}:${text.value}`;
    go({ ...view, by, list: "groups", sort: "-amount" });
  };
  name.oninput = text.oninput = preview;
  for (const example of document.querySelectorAll("[data-pattern]")) example.onclick = () => {
    [name.value, text.value] = [example.textContent, example.dataset.pattern];
    preview();
  };
  preview();
}
