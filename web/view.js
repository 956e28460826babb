// What is on the page, as a value, and as the query of the page's address: the same words as the API's query string, and a
// few of the page's own (farm, metric, style, columns, sort, list, trail).
import { $ } from "./dom.js";

/** @typedef {{dimension: string, not: boolean, glob: boolean, values: (string|null)[]}} Filter */
/**
 * @typedef {object} View
 * @property {string} farm
 * @property {string} last
 * @property {string} in
 * @property {string} from
 * @property {string} to
 * @property {string} timeZone
 * @property {string[]} by dimensions, or `label:pattern`
 * @property {string[]} pattern `label:pattern`, which filters name by the label
 * @property {Filter[]} where
 * @property {"cost"|"runtime"|"sessions"} metric
 * @property {string} stat
 * @property {string} period
 * @property {string} compare
 * @property {number} top groups in the chart; the table has more
 * @property {string} style
 * @property {string} sort a column of the table, with `-` before it for descending
 * @property {string} list groups, or the sessions themselves
 * @property {"totals"|"steps"} columns of the table of groups: the whole range, or every step of time
 * @property {string[]} trail what was grouped by at each step of the drill, `queue,user`
 */

/** Those that a session may have no value of. */
export const OPTIONAL = ["instanceType", "licenseProduct", "worker", "outcome"];
/** @param {string} dimension or the label of a pattern @returns {string} */
export const dimensionName = (dimension) => called("dimensions", dimension);
/** Values and labels of all. @returns {[string, string][]} */
export const dimensions = () => choices("dimensions").map((one) => [one, dimensionName(one)]);
/** The order in which a click goes deeper. After it come the sessions. */
export const DRILL = ["queue", "user", "job"];
export const GROUPS_IN_CHART = 9;

/** The options of a select or of a row of buttons in index.html. @param {string} id */
const choices = (id) => [...$(id).children].map((choice) => choice.value);
/** What a select of index.html calls a value. @param {string} id @param {string} value @returns {string} */
export const called = (id, value) => [...$(id).children].find((choice) => choice.value === value)?.textContent ?? value;

/** @returns {string} the zone of this browser */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

// Members that are one of the values of a select or a row of buttons, with the usual one.
const CHOICES = { metric: "cost", stat: "sum", period: "auto", compare: "none", style: "bars", columns: "totals" };
// Members that are any text.
const TEXTS = { farm: "", last: "", in: "", from: "", to: "", timeZone: "", sort: "-amount", list: "groups" };

/** @param {string} query of an address @returns {View} with the usual for whatever is not said or makes no sense */
export function parse(query) {
  const params = new URLSearchParams(query);
  const view = /** @type {any} */ ({});
  for (const [name, usual] of Object.entries(TEXTS)) view[name] = params.get(name) ?? usual;
  for (const [name, usual] of Object.entries(CHOICES)) view[name] = choices(name).includes(params.get(name)) ? params.get(name) : usual;
  view.timeZone ||= ownZone();
  view.by = params.has("by") ? splitBy(params.getAll("by")) : ["queue"];
  view.pattern = params.getAll("pattern");
  view.where = params.getAll("where").map(parseFilter).filter(Boolean);
  view.top = Math.min(50, Math.max(1, Number(params.get("top")) || GROUPS_IN_CHART));
  view.trail = (params.get("trail") ?? "").split(";").filter(Boolean);
  if (!view.from || !view.to) view.from = view.to = "";
  if (view.in || view.from) view.last = "";
  else view.last ||= "30d";
  return view;
}

const MANY = ["by", "pattern", "where"];

/** @param {string} query of an address @returns {string|undefined} what of it this page cannot show, so that it answers no other question */
export function problem(query) {
  const params = new URLSearchParams(query);
  const has = (name) => params.get(name);
  for (const [name, value] of params) {
    const said = `“${name}=${value}”`;
    if (!(name in TEXTS || name in CHOICES || MANY.includes(name) || /^t(op|rail|oken)$/.test(name))) return `“${name}” is no word of this page's address.`;
    if (!MANY.includes(name) && params.getAll(name).length > 1) return `“${name}” is there twice.`;
    if (name in CHOICES && !choices(name).includes(value) && said !== "“period=none”") return `${said}: this page has ${choices(name).join(", ")}.`;
    if (name === "where" && !parseFilter(value)) return `${said} is no comparison, such as queue=lighting or user!=alice.`;
    if (name === "top" && !(value >= 1 && value <= 50)) return `${said}: this page has 1 to 50 groups in the chart.`;
  }
  if ([has("last"), has("in"), has("from") || has("to")].filter(Boolean).length > 1) return "The range is given in two ways: take one of last, in, and from with to.";
  if (!has("from") !== !has("to")) return "A range has a beginning and an end: from and to.";
}

/** @param {View} view @returns {string} the query of its address, without what is usual */
export function address(view) {
  const params = new URLSearchParams();
  const usual = { ...TEXTS, ...CHOICES, trail: "", top: GROUPS_IN_CHART };
  const plain = { ...view, trail: view.trail.join(";") };
  for (const [name, value] of Object.entries(usual)) if (plain[name] !== value) params.set(name, plain[name]);
  for (const by of view.by.length ? view.by : [""]) params.append("by", by);
  addFilters(params, view);
  return params.toString();
}

/** @param {URLSearchParams} params @param {View} view */
export function addFilters(params, view) {
  for (const pattern of view.pattern) params.append("pattern", pattern);
  for (const filter of view.where) params.append("where", filterText(filter));
}

/** A pattern may have commas in it; dimensions are separated by them. @param {string[]} values */
const splitBy = (values) => values.flatMap((value) => (value.includes(":") ? [value] : value.split(","))).filter(Boolean);

/** @param {string} text `dim=value`, `dim!=a|b`, `jobName~glob` @returns {Filter|null} */
export function parseFilter(text) {
  const [, dimension, not, kind, rest] = /^([^=~!]+)(!?)([=~])(.*)$/s.exec(text) ?? [];
  if (!dimension) return null;
  const values = rest.split(/(?<=(?:^|[^\\])(?:\\\\)*)\|/).map((value) => (value === "" ? null : value.replace(/\\([\\|])/g, "$1")));
  return { dimension, not: not === "!", glob: kind === "~", values };
}

/** @param {Filter} filter @returns {string} */
export function filterText(filter) {
  const values = filter.values.map((value) => (value ?? "").replace(/[\\|]/g, "\\$&"));
  return filter.dimension + (filter.not ? "!" : "") + (filter.glob ? "~" : "=") + values.join("|");
}

/** @param {string} by @returns {{dimension: string, label: string, pattern: string|null}} the dimension of a pattern is its label */
export function grouping(by) {
  const at = by.indexOf(":");
  if (at < 0) return { dimension: by, label: dimensionName(by), pattern: null };
  return { dimension: by.slice(0, at), label: by.slice(0, at), pattern: by.slice(at + 1) };
}

/** Whether what is shown adds up. @param {View} view */
export const isSum = (view) => view.metric === "sessions" || view.stat === "sum";
const inLines = (by) => by === "usageType" || by === "licenseProduct";
/** Whether groups add up to everything: a session is in each of its usage types and licences, and once in everything. @param {View} view */
export const addsUp = (view) => isSum(view) && (view.metric === "cost" || !view.by.some(inLines));
