// The table: the equal of the chart, with every group, and a total that is the API's own. Its columns are totals of the whole
// range, or every step of time.
import { amount, change, count, counted, decimal, exact, exactly, shown, share, signed } from "./amounts.js";
import { $, button, fill, h, link, template } from "./dom.js";
import { colours, groupName, keyOf, valueName } from "./groups.js";
import { steps, sums, week } from "./steps.js";
import { called, grouping, isSum } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {{key: string, label: string, title?: string, metric: import("./amounts.js").Metric, of: (line: any) => string|null, was?: (line: any) => string|null, show?: (text: string, line: any) => string, kind?: string}} Column by `of` it is sorted */
/** @typedef {{columns: Column[], usual: Column, lines: any[], total: any}} Sheet */

// More than this takes a browser seconds, and nobody reads it.
const CELLS_MAX = 50_000;

/** @param {View} view @param {any[]} answers @param {any} drawing @returns {Sheet} every step, and the whole range at the end */
function bySteps(view, answers, drawing) {
  const { heads, lines, total } = view.style === "hours" ? week(view, drawing) : steps(view, answers);
  const all = sums(lines.map((line) => line.cells));
  const isShare = view.style === "share" && isSum(view);
  const columns = [...heads, { key: "all", label: isSum(view) || view.style === "hours" ? "Total" : "Whole range" }].map((one, at) => ({
    ...one, metric: view.metric, of: (line) => line.cells[at], was: (line) => line.was?.[at], ...(isShare && { show: (text) => share(text, all[at]) }),
  }));
  return { columns, usual: columns.at(-1), lines, total };
}

/** @param {View} view @param {any} answer @returns {Sheet} totals of the whole range */
function totals(view, answer) {
  const { metric } = view;
  /** @param {"cost"|"runtime"|"sessions"} one */
  const summed = (one) => ({ key: one, label: called("metric", one), metric: one, of: (group) => amount(group.total, one, "sum") });
  const first = summed(metric);
  const columns = [
    first, ...(isSum(view) ? [] : [{ key: "stat", label: `${called("stat", view.stat)} per session`, metric, of: (group) => amount(group.total, metric, view.stat) }]),
    { ...first, key: "share", label: "Share", show: (text) => share(text, first.of(answer)) }, ...["cost", "runtime", "sessions"].filter((other) => other !== metric).map(summed),
  ];
  const before = (group) => (group.previous ? amount(group.previous, metric, "sum") : "0");
  const grown = (group) => decimal(exact(first.of(group)) - exact(before(group)));
  if (view.compare !== "none") columns.push(
    { key: "before", label: "Before", metric, of: before }, { key: "change", label: "Δ", metric, of: grown, show: (text) => signed(metric, text), kind: "delta" },
    { key: "ratio", label: "Δ %", metric, of: (group) => (change(first.of(group), before(group)).ratio ?? 1e9).toFixed(9), show: (_, group) => change(first.of(group), before(group)).text, kind: "delta" },
  );
  return { columns, usual: first, lines: answer.groups, total: answer };
}

/** @param {View} view @param {any[]} lines @param {Column} [column] none for the names @returns {any[]} the rest stays at the end */
function sorted(view, lines, column) {
  const rank = (line) => (column ? exact(column.of(line) ?? "-1") : groupName(view, line).toLowerCase());
  const ranks = new Map(lines.map((line) => [line, rank(line)]));
  const up = view.sort.startsWith("-") ? -1 : 1;
  const order = (one, other) => (one < other ? -up : one > other ? up : 0);
  return [...lines].sort((one, other) => Number(!one.values) - Number(!other.values) || order(ranks.get(one), ranks.get(other)));
}

/**
 * @param {View} view @param {any[]} answers to the table's questions @param {any} drawing of the chart's @param {string} title
 * @param {{drill: (values: any[]) => void, go: (view: View) => void, more: () => void}} act
 */
export function showTable(view, answers, drawing, title, act) {
  const isWide = view.columns === "steps";
  const { columns, usual, lines, total } = isWide ? bySteps(view, answers, drawing) : totals(view, answers[0]);
  const isWeek = isWide && view.style === "hours";
  const wanted = view.sort.replace(/^-/, "");
  const column = columns.find((one) => one.key === wanted) ?? (wanted === "name" ? undefined : usual);
  const head = ({ key, label, title }) => {
    const isIt = key === (column?.key ?? "name");
    const falls = view.sort.startsWith("-");
    return isWeek ? h("th", { scope: "col", text: label }) : h("th", { scope: "col", title, "data-key": key, "aria-sort": isIt ? (falls ? "descending" : "ascending") : "none" }, button(label, () => act.go({ ...view, sort: isIt && falls ? key : `-${key}` })));
  };
  const cells = (line) => columns.map(({ metric, of, was, show = (text) => shown(metric, text), kind }) => {
    const text = of(line);
    const said = (one) => (one === null ? "–" : show(one, line));
    return h("td", { class: kind && (text.startsWith("-") ? "less" : "more"), title: kind || text === null ? null : exactly(metric, text), text: said(text) }, line.was && h("small", { text: `was ${said(was(line))}` }));
  });
  const labels = view.by.length ? view.by.map((by) => grouping(by).label) : ["All"];
  const names = isWeek ? ["Weekday"] : isWide ? [labels.join(" · ")] : labels;
  const places = colours(drawing);
  const fits = (groups) => groups * columns.length <= CELLS_MAX;
  // Whoever sorts by the keyboard sorts on.
  const focused = document.activeElement.closest("th[data-key]")?.dataset.key;
  fill($("table"), fits(lines.length) ? h("table", { class: isWide && "steps" }, h("caption", { class: "hidden", text: title }),
    h("thead", {}, h("tr", {}, ...names.map((label, index) => (index ? h("th", { scope: "col", text: label }) : head({ key: "name", label }))), ...columns.map(head))),
    h("tbody", {}, ...(isWeek ? lines : sorted(view, lines, column)).map((line) => h("tr", { class: !line.values && "other" }, ...nameCells(view, line, places, act.drill, isWide), ...cells(line)))),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row", colspan: names.length, text: "Total" }), ...cells(total))))
    : template("much-text", { cells: count(lines.length * columns.length) }));
  $("table").querySelector(`[data-key="${focused}"] button`)?.focus();
  const rest = lines.find((line) => line.other)?.other ?? 0;
  fill($("table-note"), !isWeek && counted(lines.length + (rest && rest - 1), "group"), rest > 0 && fits(5 * lines.length) && link("Show more", act.more));
}

/** One cell for each dimension, or for all of them; the first leads deeper. */
function nameCells(view, group, places, drill, isOne) {
  if (!group.values?.length) return [h("th", { scope: "row", colspan: isOne ? 1 : view.by.length || 1, text: group.name ?? groupName(view, group) })];
  const place = places.get(keyOf(group)) ?? places.get("other");
  const texts = isOne ? [groupName(view, group)] : group.values.map((value, index) => valueName(view.by[index], value));
  return texts.map((text, index) => {
    const title = isOne ? group.values.map((value) => value?.id).join(" · ") : group.values[index]?.id;
    if (index > 0) return h("td", { class: "name", title, text });
    return h("th", { scope: "row" }, view.style !== "hours" && h("span", { class: `swatch c${place}` }), link(text, () => drill(group.values), { title }));
  });
}
