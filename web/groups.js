// The groups of an answer: their names, colours and numbers. And deeper and back: a click on one filters by it and groups by
// the next dimension; the path stands above the chart.
import { drawn } from "./amounts.js";
import { $, fill, h, link, visible } from "./dom.js";
import { get } from "./question.js";
import { DRILL, dimensionName, grouping } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {{id: string, name: string}|null} Value */
/** @typedef {{values: Value[], other?: number, total: any, previous?: any}} Group */

/** Names of what was drilled into, so that the path and the chips have names at once. @type {Map<string, string>} */
const names = new Map();

/** @param {string} dimension @param {string} id @param {string} name */
export const remember = (dimension, id, name) => names.set(`${dimension} ${id}`, name);
/** @param {string} dimension @param {string|null} id @returns {string} */
export const nameOf = (dimension, id) => (id === null ? "none" : visible(shortId(names.get(`${dimension} ${id}`) ?? id)));

/** Asks what the ids in the filters are called, each once. @param {View} view @returns {Promise<boolean>} whether there is something new */
export async function learn(view) {
  const asked = view.where.filter(({ dimension }) => /^(queue|fleet|job|user)$/.test(dimension)).flatMap(({ dimension, values }) => values.filter((id) => id && !names.has(`${dimension} ${id}`)).map((id) => [dimension, id]));
  await Promise.all(asked.map(async ([dimension, prefix]) => {
    remember(dimension, prefix, prefix);
    const query = new URLSearchParams({ dimension, prefix, limit: "30" });
    const { values } = await get(`/api/v1/farms/${view.farm}/values?${query}`).catch(() => ({ values: [] }));
    for (const { id, name } of values) remember(dimension, id, name);
  }));
  return asked.length > 0;
}

/** `queue-0123456789abcdef…` is nothing that anybody reads to its end. @param {string} id */
export const shortId = (id) => (/^[a-z]+-[0-9a-f]{32}$/.test(id) ? `${id.slice(0, id.indexOf("-") + 9)}…` : id);

/** @param {View} view @param {Value[]} values of a group, as `view.by` has them @returns {View} */
export function deeper(view, values) {
  const where = [...view.where];
  const pattern = new Set(view.pattern);
  view.by.forEach((by, index) => {
    const [{ dimension, pattern: isPattern }, value] = [grouping(by), values[index]];
    if (value) remember(dimension, value.id, value.name);
    if (isPattern !== null) pattern.add(by);
    where.push({ dimension, not: false, glob: false, values: [value?.id ?? null] });
  });
  const filtered = new Set(where.filter((filter) => !filter.not).map((filter) => filter.dimension));
  const next = DRILL.find((dimension) => !filtered.has(dimension));
  const atJob = !next || filtered.has("job");
  return {
    ...view, where, pattern: [...pattern], trail: [...view.trail, view.by.join(",")], sort: "-amount",
    by: atJob ? view.by : [next], list: atJob ? "sessions" : "groups",
  };
}

/** What was filtered by at steps of the path. @param {string[]} trail */
const dimensionsOf = (trail) => trail.flatMap((step) => step.split(",")).map((by) => grouping(by).dimension);

/** Where a step of the path leads to. @param {View} view @param {number} index @returns {View} */
function upTo(view, index) {
  // A step added its filters, and filters that came by hand afterwards stay.
  const lost = dimensionsOf(view.trail.slice(index));
  const where = view.where.filter((filter) => {
    const at = filter.not ? -1 : lost.indexOf(filter.dimension);
    if (at >= 0) lost.splice(at, 1);
    return at < 0;
  });
  return { ...view, where, by: view.trail[index].split(","), trail: view.trail.slice(0, index), list: "groups" };
}

/** Without the step that a removed filter belonged to. @param {View} view @param {number} index of the filter @returns {View} */
export function withoutFilter(view, index) {
  const { dimension } = view.where[index];
  const where = view.where.filter((_, at) => at !== index);
  const trail = view.trail.filter((step) => !dimensionsOf([step]).includes(dimension));
  return { ...view, where, trail, list: view.list === "sessions" && dimension === "job" ? "groups" : view.list };
}

/** @param {View} view @param {(view: View) => void} go */
export function showPath(view, go) {
  const drilled = view.where.filter((filter) => !filter.not);
  const end = (steps) => dimensionsOf(view.trail.slice(0, steps)).length;
  const after = (steps) => (steps ? label(drilled.slice(end(steps - 1), end(steps))) : "Whole farm");
  fill($("crumbs"), view.trail.length > 0 && h("ol", {}, ...view.trail.map((_, index) => h("li", {}, link(after(index), () => go(upTo(view, index))))), h("li", { "aria-current": "page", text: after(view.trail.length) })));
}

/** @param {import("./view.js").Filter} filter @returns {string} */
export const valueNames = ({ dimension, values }) => values.map((value) => nameOf(dimension, value)).join(" or ");

/** @param {import("./view.js").Filter[]} filters */
const label = (filters) => filters.map((filter) => `${dimensionName(filter.dimension)} ${valueNames(filter)}`).join(", ");

export const COLOURS = 10;

/** @param {Group} group @returns {string} what tells it from all others, in any answer to the same question */
export const keyOf = (group) => (group.values ? JSON.stringify(group.values.map((value) => value && value.id)) : "other");

/** @param {View} view @param {Group} group @returns {string} */
export function groupName(view, group) {
  if (!group.values) return `Other (${group.other})`;
  if (group.values.length === 0) return "All";
  return group.values.map((value, index) => valueName(view.by[index], value)).join(" · ");
}

/** @param {string} by @param {{id: string, name: string}|null} value @returns {string} */
export function valueName(by, value) {
  const { dimension, pattern } = grouping(by);
  if (!value) return pattern === null ? "(none)" : "(no match)";
  remember(dimension, value.id, value.name);
  return value.name === "" ? "(empty)" : nameOf(dimension, value.id);
}

/** The place of each group of the chart among the colours. @param {any} answer @returns {Map<string, number>} */
export function colours(answer) {
  let next = 0;
  return new Map(answer.groups.map((group) => [keyOf(group), group.values ? next++ % (COLOURS - 1) : COLOURS - 1]));
}

/**
 * @template T
 * @param {any} answer @param {any[]} rows @param {View} view @param {(amounts: any, metric: any, stat: string) => T} [of]
 * @returns {(T|null)[][]} by group and bucket
 */
export function matrix(answer, rows, view, of = drawn) {
  const cells = answer.groups.map(() => new Array(answer.buckets.length).fill(null));
  for (const row of rows) {
    if (cells[row.group] && row.bucket < answer.buckets.length) cells[row.group][row.bucket] = of(row, view.metric, view.stat);
  }
  return cells;
}
