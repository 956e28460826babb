// From a view to the questions that the API is asked, and how it is asked.
import { addFilters, addsUp, grouping } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {Record<string, any>} Query a body of `POST /api/v1/farms/{farmId}/query` */

const GROUPS_IN_TABLE = 200;
const GROUPS_BY_STEP = 50;
/** @param {View} view @returns {number} groups of the table at first */
export const groupsInTable = (view) => (view.columns === "totals" ? GROUPS_IN_TABLE : GROUPS_BY_STEP);

/** @param {View} view @returns {Query} its window */
function windowOf(view) {
  const range = view.from ? { from: view.from, to: view.to } : view.in ? { in: view.in } : { last: view.last };
  return { ...range, timeZone: view.timeZone };
}

/** @param {View} view @returns {Query} everything but what differs between chart and table */
function common(view) {
  return {
    ...windowOf(view),
    patterns: view.pattern.map(named),
    filters: view.where.map(({ dimension, not, values }) => ({ dimension, [not ? "exclude" : "include"]: values })),
    statistics: view.stat === "sum" ? ["sum"] : ["sum", view.stat],
  };
}

/** @param {string} by @returns {any} */
function named(by) {
  const { dimension, label, pattern } = grouping(by);
  return pattern === null ? dimension : { jobName: pattern, label };
}

/** @param {View} view @returns {Query} a few groups over time, and the totals with those of the window before */
export function chartQuery(view) {
  const compare = view.compare === "none" ? "previous" : view.compare;
  if (view.style === "hours") return { ...common(view), period: "hour", groupBy: [], compare };
  return { ...exportQuery(view), top: view.top, topBy: view.metric, compare };
}

/** @param {View} view @param {number} top @returns {Query} many groups, over the whole window */
export function tableQuery(view, top = GROUPS_IN_TABLE) {
  return { ...exportQuery(view), period: undefined, top, topBy: view.metric };
}

/** @param {View} view @param {number} top @returns {Query[]} of the table: the groups, and all together by step where they do not add up */
export function tableQueries(view, top) {
  if (view.columns === "totals") return [tableQuery(view, top)];
  if (view.style === "hours") return [];
  const steps = { ...tableQuery(view, top), period: view.period };
  // Grouping by licence leaves licence lines alone, and by usage type it adds storage, which no other question has.
  const licences = view.by.includes("licenseProduct") ? [{ dimension: "usageType", include: ["LICENSE"] }] : [];
  if (addsUp(view) || (view.by.includes("usageType") && !licences.length)) return [steps];
  return [steps, { ...steps, filters: [...steps.filters, ...licences], groupBy: [] }];
}

/** @param {View} view @returns {Query} what a file gets: all groups over time, as the view has them */
export function exportQuery(view) {
  return { ...common(view), period: view.period, groupBy: view.by.map(named), ...(view.compare !== "none" && { compare: view.compare }) };
}

/** @param {View} view @param {string} tool @returns {Query} what a text for a tool asks; the hours of the week stay one range */
export function toolQuery(view, tool) {
  const limits = tool === "report" ? { top: view.top, topBy: view.metric } : {};
  return { ...exportQuery(view), ...(view.style === "hours" && { period: "none" }), ...limits };
}

/** @param {View} view @param {string|null} cursor @param {string} [format] of a file @returns {string} where the sessions behind the view are */
export function sessionsPath(view, cursor, format) {
  const params = new URLSearchParams(windowOf(view));
  addFilters(params, view);
  params.set("limit", format ? (format === "json" ? "1000" : "10000") : "100");
  if (cursor) params.set("cursor", cursor);
  if (format) params.set("format", format);
  return `/api/v1/farms/${view.farm}/sessions?${params}`;
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<Response>} an answer that is one */
export async function send(path, init) {
  // The server takes a `+` for what it is.
  const answer = await fetch(path.replaceAll("+", "%20"), { credentials: "same-origin", ...init });
  if (answer.ok) return answer;
  const { message = `The server answered with ${answer.status}.`, field, hint } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(message), { status: answer.status, field, hint });
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = async (path, signal) => (await send(path, { signal })).json();

/** @param {string} farm @param {Query} query @param {string} format @param {AbortSignal} [signal] */
export function ask(farm, query, format, signal) {
  return send(`/api/v1/farms/${farm}/query?format=${format}`, {
    method: "POST", signal, headers: { "content-type": "application/json" }, body: JSON.stringify(query),
  });
}

/** @param {string} farm @param {Query} query @param {AbortSignal} [signal] @returns {Promise<any>} */
export const answer = async (farm, query, signal) => (await ask(farm, query, "json", signal)).json();
