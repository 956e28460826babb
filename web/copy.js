// "Copy as": the question of the page in other tools' words. The texts are templates beside this file; what AWS's operations
// cannot be asked is said, with the reason.
import { button, dialog, h } from "./dom.js";
import { exportQuery, get, windowOf } from "./question.js";
import { DIMENSIONS, filterText, grouping, isSum } from "./view.js";

/** @typedef {import("./view.js").View} View */

const TOOLS = { boto3: "boto3", aws: "AWS CLI", curl: "curl", report: "farmtally report", sql: "DuckDB SQL" };
const AWS_GROUPS = { queue: "QUEUE_ID", fleet: "FLEET_ID", job: "JOB_ID", user: "USER_ID", usageType: "USAGE_TYPE", instanceType: "INSTANCE_TYPE", licenseProduct: "LICENSE_PRODUCT" };
const AWS_PERIODS = { hour: "HOURLY", day: "DAILY", week: "WEEKLY", month: "MONTHLY", none: "" };
const RESOURCES_MAX = 10;
// What a dimension is called in the files, with the column of its name.
const SQL_COLUMNS = { queue: ["queueId", "queueName"], fleet: ["fleetId", "fleetName"], job: ["jobId", "jobName"], user: ["userId"], worker: ["workerId"] };
const sqlColumns = (dimension) => SQL_COLUMNS[dimension] ?? [dimension];
const FOLDER = "DIR is the data folder of the server.";

/** @param {string} text */
const shell = (text) => (/^[\w.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
/** @param {string} text */
const sql = (text) => `'${text.replaceAll("'", "''")}'`;

/** @param {string} file @param {Record<string, string>} values @returns {Promise<string>} */
async function filled(file, values) {
  const template = await (await fetch(new URL(file, import.meta.url))).text();
  return template.trimEnd().replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
}

/** @param {View} view @param {any} answer of the chart's question */
export function openCopy(view, answer) {
  const text = h("code");
  const note = h("p", { class: "hint", role: "status" });
  const copy = button("Copy", async () => { await navigator.clipboard.writeText(text.textContent).catch(select); note.textContent = "Copied."; }, { id: "copy-text" });
  const select = () => getSelection()?.selectAllChildren(text);
  const show = async (/** @type {string} */ tool) => {
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.tool === tool));
    note.textContent = "";
    const made = await makers[tool](view, answer).catch((error) => ({ note: error.message }));
    if (tabs.some((tab) => tab.ariaPressed === "true" && tab.dataset.tool !== tool)) return;
    text.textContent = made.text ?? "";
    text.parentElement.hidden = copy.hidden = !made.text;
    note.textContent = made.note;
  };
  const tabs = Object.entries(TOOLS).map(([tool, label]) => {
    return button(label, () => show(tool), { "data-tool": tool });
  });
  dialog("Copy as", h("div", { class: "group", role: "group", "aria-label": "Tool" }, ...tabs), h("pre", { id: "copied", tabindex: "0" }, text), note, copy);
  show("boto3");
}

/** @type {Record<string, (view: View, answer: any) => Promise<{text?: string, note: string}>>} */
const makers = {
  boto3: (view, answer) => byAws(view, answer, "copy.py.txt", JSON.stringify, (period) => `\n    period="${period}",`),
  aws: (view, answer) => byAws(view, answer, "copy.sh.txt", (list) => list.join(" "), (period) => ` --period ${period}`),
  curl: async (view) => ({ text: await filled("copy.curl.txt", { farm: view.farm, question: shell(JSON.stringify(exportQuery(view))) }), note: FOLDER }),
  report: async (view) => ({ text: report(view), note: FOLDER }),
  sql: bySql,
};

/** @param {View} view @returns {string} */
function report(view) {
  const flags = { "data-dir": "DIR", farm: view.farm, ...windowOf(view), by: view.by, pattern: view.pattern, where: view.where.map(filterText), period: view.period };
  if (!isSum(view)) flags.stat = `sum,${view.stat}`;
  if (view.compare !== "none") flags.compare = view.compare;
  const words = Object.entries(flags).flatMap(([name, values]) => [values].flat().map((value) => `--${name === "timeZone" ? "time-zone" : name} ${shell(value)}`));
  return `farmtally report ${words.join(" \\\n    ")}`;
}

/**
 * @param {View} view @param {any} answer @param {string} file of the template
 * @param {(list: string[]) => string} listed how a list is written @param {(period: string) => string} periodical how a period is
 */
async function byAws(view, answer, file, listed, periodical) {
  const problems = [];
  const groupBy = view.by.map((by) => AWS_GROUPS[by] ?? problems.push(`it cannot group by ${(DIMENSIONS[by] ?? "part of a job name").toLowerCase()}`));
  if (groupBy.length < 1 || groupBy.length > 2) problems.push("it groups by one or two dimensions");
  const period = view.style === "hours" ? "" : AWS_PERIODS[answer.period];
  if (period === undefined) problems.push(`it has no period of a ${answer.period}`);
  if (view.stat.startsWith("p")) problems.push("it has no percentiles");
  const offset = fixedOffset(answer);
  if (!offset) problems.push("it takes one offset from UTC, in half hours: the clock changes within this range, or has another");
  const resources = await awsResources(view, problems);
  if (problems.length) return { note: `AWS's operation cannot be asked this: ${problems.join("; ")}. curl, farmtally report and SQL can.` };
  const statistics = listed(view.stat === "sum" ? ["SUM"] : ["SUM", view.stat.toUpperCase()]);
  const { from: start, to: end } = answer.window;
  const text = await filled(file, { farm: view.farm, start, end, offset, resources: JSON.stringify(resources), groupBy: listed(groupBy), statistics, period: period && periodical(period) });
  return { text, note: `Answers with ids and every group${view.compare === "none" ? "" : ", of this range alone: it does not compare"}. ${FOLDER}` };
}

/** @param {any} answer @returns {string|null} `UTC+01:00` where that is the clock of the whole range, and of its ends */
function fixedOffset({ window, buckets }) {
  const of = (instant) => (instant.endsWith("Z") ? "+00:00" : instant.slice(-6));
  const offsets = new Set([window.from, window.to, ...buckets.map((bucket) => bucket.from)].map(of));
  const [offset] = offsets;
  const whole = [window.from, window.to].every((instant) => instant.slice(14, 19) === "00:00");
  return offsets.size === 1 && /^[+-]\d\d:(00|30)$/.test(offset) && whole ? `UTC${offset}` : null;
}

/** The queues or fleets to ask for: those of the filter, or all; storage belongs to fleets. @param {View} view @param {string[]} problems */
async function awsResources(view, problems) {
  const [first, ...others] = view.where;
  const fits = !first || (!others.length && !first.not && ["queue", "fleet"].includes(first.dimension) && !first.values.includes(null));
  if (!fits) {
    problems.push("it filters by some queues or by some fleets, and by nothing else");
    return {};
  }
  const dimension = first?.dimension ?? (view.by.includes("usageType") ? "fleet" : "queue");
  const { values } = await get(`/api/v1/farms/${view.farm}/values?dimension=${dimension}&limit=1000`);
  const ids = values.filter(({ id, name }) => !first || first.values.includes(id) || first.values.includes(name)).map(({ id }) => id);
  if (ids.length > RESOURCES_MAX) problems.push(`it takes at most ten ${dimension}s, and these are ${ids.length}`);
  if (!ids.length) problems.push(`it asks for at least one ${dimension}`);
  return { [`${dimension}Ids`]: ids };
}

/** @param {View} view @param {any} answer */
async function bySql(view, answer) {
  const { costScaleFactor: factor } = answer.farm;
  const groups = view.by.map(grouping).map(({ dimension, label, pattern }) => {
    const [key, name] = sqlColumns(dimension);
    const kept = pattern === null ? key : `"${label.replaceAll('"', "")}"`;
    const more = name ? `, max(${name}) AS ${name}` : "";
    return [pattern === null ? key + more : `${found(pattern)} AS ${kept}`, kept + more];
  });
  const conditions = view.where.map((filter) => condition(filter, view.pattern));
  if (view.by.concat(view.where.map((filter) => filter.dimension)).includes("licenseProduct")) conditions.push("usageType = 'LICENSE'");
  const [column, unit] = view.metric === "runtime" ? ["runtimeMs / 1000", "runtimeSeconds"] : [`nanos * ${factor} / 1000000000`, "costInUsd"];
  const call = view.stat.startsWith("p") ? `quantile_disc(${column}, ${Number(view.stat.slice(1)) / 100})` : `${view.stat}(${column})`;
  const buckets = view.style === "hours" ? [answer.window] : answer.buckets;
  // Persistent volumes count where these rules of the answer hold, and have no session.
  const storage = view.by.includes("usageType") && view.where.every(({ dimension }) => /^(fleet|usageType)$/.test(dimension));
  const text = await filled("copy.sql.txt", {
    farm: view.farm, factor, records: storage ? "true" : "sessionId IS NOT NULL", statistic: isSum(view) ? "" : `,\n    ${call} AS ${unit}_${view.stat}`, where: conditions.map((one) => `\n        AND ${one}`).join(""),
    buckets: buckets.map(({ from, to }) => `(${Date.parse(from)}, ${Date.parse(to)})`).join(",\n    "), groups: groups.map(([made]) => `${made}, `).join(""), names: groups.map(([, kept]) => `${kept}, `).join(""),
  });
  return { text, note: FOLDER };
}

/** What a pattern finds in a job's name: its first group, or all of it. @param {string} pattern */
const found = (pattern) => `nullif(regexp_extract(jobName, ${sql(pattern)}, ${/\((?!\?[^<P])/.test(pattern) ? 1 : 0}), '')`;

/** @param {import("./view.js").Filter} filter @param {string[]} patterns @returns {string} */
function condition({ dimension, not, values }, patterns) {
  const pattern = patterns.map(grouping).find(({ label }) => label === dimension)?.pattern;
  const columns = pattern ? [found(pattern)] : sqlColumns(dimension);
  const any = values.flatMap((value) => columns.map((column) => {
    if (value === null) return `${columns[0]} IS NULL`;
    if (dimension !== "jobName" || !value.includes("*")) return `${column} = ${sql(value)}`;
    return `jobName ILIKE ${sql(value.replace(/[\\%_]/g, "\\$&").replaceAll("*", "%"))} ESCAPE '\\'`;
  })).join(" OR ");
  return `(${any})${not ? " IS NOT TRUE" : ""}`;
}
