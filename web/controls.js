// The question, as controls: dates, zone, groups, what is shown.
import { $, dialog, fill, h, options, template } from "./dom.js";
import { addDays, between, rangeOf, step, withRange } from "./dates.js";
import { answer, tableQuery } from "./question.js";
import { valueName } from "./groups.js";
import { shown } from "./amounts.js";
import { dimensions, grouping, ownZone } from "./view.js";

/** @typedef {import("./view.js").View} View */

const CHOICES = ["metric", "stat", "period", "compare"];
const BUTTONS = ["style", "columns"].flatMap((id) => [...$(id).children].map((one) => [id, one]));
const BY = ["by-0", "by-1", "by-2"].map($);
const PATTERN = "pattern";
const PREVIEW = 8;

/** @type {View} */ let view;
/** @type {any} */ let window_ = null;

/** @param {(view: View) => void} go */
export function begin(go) {
  const zones = new Set(["UTC", ownZone(), ...Intl.supportedValuesOf("timeZone")]);
  fill($("zones"), ...[...zones].map((zone) => h("option", { value: zone })));
  for (const id of CHOICES) $(id).onchange = () => go({ ...view, [id]: $(id).value });
  BY.forEach((select, index) => { select.onchange = () => groupBy(index, select.value, go); });
  for (const [id, one] of BUTTONS) one.onclick = () => go({ ...view, [id]: one.value });
  const [range, zone, from, to] = ["range", "zone", "from", "to"].map($);
  zone.onchange = () => zone.value && go({ ...view, timeZone: zone.value });
  range.onchange = () => {
    if (range.value !== "custom") return go(withRange(view, range.value));
    if (window_) go(between(view, window_.from.slice(0, 10), lastMidnight(window_.to)));
    from.focus();
  };
  from.onchange = to.onchange = () => from.value && to.value && from.value <= to.value && go(between(view, from.value, addDays(to.value, 1)));
  for (const [id, way] of [["earlier", -1], ["later", 1]]) $(id).onclick = () => window_ && go(step(view, window_, way));
}

/** The day after the last one that is in the window. @param {string} to */
const lastMidnight = (to) => (/[1-9]/.test(to.slice(11, 19)) ? addDays(to, 1) : to.slice(0, 10));

/** @param {View} next */
export function showControls(next) {
  view = next;
  $("range").value = rangeOf(view);
  $("custom").hidden = !view.from;
  $("from").value = view.from.slice(0, 10);
  $("to").value = view.to && addDays(lastMidnight(view.to), -1);
  $("zone").value = view.timeZone;
  for (const id of CHOICES) $(id).value = view[id];
  $("stat").disabled = view.metric === "sessions" || view.style === "hours";
  $("period").disabled = view.style === "hours";
  for (const [id, one] of BUTTONS) one.ariaPressed = String(one.value === view[id]);
  showGroups();
}

/** @param {any} window as the API resolved it */
export function resolved(window) {
  window_ = window;
}

/** @param {number} index @param {string} value @param {(view: View) => void} go */
function groupBy(index, value, go) {
  if (value === PATTERN) return openPattern(index, go);
  const by = [...view.by];
  by[index] = value;
  go({ ...view, by: by.filter((one, at) => one && by.indexOf(one) === at), list: "groups", sort: "-amount" });
}

/** One more than there are groups. */
function showGroups() {
  BY.forEach((select, index) => {
    const by = view.by[index] ?? "";
    select.hidden = index > view.by.length;
    const named = grouping(by).pattern === null ? [] : [[by, grouping(by).label]];
    options(select, [["", index === 0 ? "nothing" : by ? "– remove –" : "then by…"], ...dimensions(), ...named, [PATTERN, "Part of the job name…"]], by);
  });
}

/** Groups by what a pattern finds in job names, with what it would find shown meanwhile. @param {number} index @param {(view: View) => void} go */
function openPattern(index, go) {
  const { label, pattern } = grouping(view.by[index]?.includes(":") ? view.by[index] : "Show:^(\\S+) ");
  dialog("Part of the job name", template("pattern-text"));
  $("dialog").onclose = showGroups;
  const [name, text] = [$("pattern-name"), $("pattern")];
  [name.value, text.value] = [label, pattern];
  let asked = 0;
  const written = () => `${name.value.replaceAll(":", "") || "Name"}:${text.value}`;
  const preview = async () => {
    const [mine, by] = [++asked, written()];
    const { groups, message } = await answer(view.farm, tableQuery({ ...view, by: [by] }, PREVIEW)).catch((error) => error);
    if (mine !== asked) return;
    fill($("pattern-found"), ...(groups ?? []).map((group) => h("li", { text: `${group.other ? `${group.other} others` : valueName(by, group.values[0])}: ${shown("cost", group.total.cost.sum)}` })), message);
  };
  $("pattern-form").onsubmit = (event) => {
    event.preventDefault();
    $("dialog").close();
    groupBy(index, written(), go);
  };
  name.oninput = text.oninput = preview;
  for (const example of document.querySelectorAll("[data-pattern]")) example.onclick = () => {
    [name.value, text.value] = [example.textContent, example.dataset.pattern];
    preview();
  };
  preview();
}
