// The table: the equal of the chart, with every group, its share, and a total that is the API's own.
import { amount, change, counted, decimal, exact, shown, share, signed } from "./amounts.js";
import { $, button, fill, h, link } from "./dom.js";
import { colours, groupName, keyOf, valueName } from "./groups.js";
import { called, grouping, isSum } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {{key: string, label: string, of: (group: any) => string, show: (text: string, group: any) => string, kind?: string}} Column by `of` it is sorted */

/** @param {View} view @param {any} answer @returns {Column[]} those with numbers */
function columns(view, answer) {
  const { metric } = view;
  const show = (text) => shown(metric, text);
  /** @param {"cost"|"runtime"|"sessions"} one */
  const summed = (one) => ({ key: one, label: called("metric", one), of: (group) => amount(group.total, one, "sum"), show: (text) => shown(one, text) });
  const first = summed(metric);
  const all = [
    first, ...(isSum(view) ? [] : [{ key: "stat", label: `${called("stat", view.stat)} per session`, of: (group) => amount(group.total, metric, view.stat), show }]),
    { key: "share", label: "Share", of: first.of, show: (text) => share(text, first.of(answer)) }, ...["cost", "runtime", "sessions"].filter((other) => other !== metric).map(summed),
  ];
  if (view.compare === "none") return all;
  const before = (group) => (group.previous ? amount(group.previous, metric, "sum") : "0");
  const grown = (group) => decimal(exact(first.of(group)) - exact(before(group)));
  return [
    ...all, { key: "before", label: "Before", of: before, show }, { key: "change", label: "Δ", of: grown, show: (text) => signed(metric, text), kind: "delta" },
    { key: "ratio", label: "Δ %", of: (group) => (change(first.of(group), before(group)).ratio ?? 1e9).toFixed(9), show: (_, group) => change(first.of(group), before(group)).text, kind: "delta" },
  ];
}

/** @param {View} view @param {any[]} groups @param {Column} [column] none for the names @returns {any[]} the rest stays at the end */
function sorted(view, groups, column) {
  const rank = (group) => (column ? exact(column.of(group)) : groupName(view, group).toLowerCase());
  const up = view.sort.startsWith("-") ? -1 : 1;
  const order = (one, other) => (rank(one) < rank(other) ? -up : rank(one) > rank(other) ? up : 0);
  return [...groups].sort((one, other) => Number(!one.values) - Number(!other.values) || order(one, other));
}

/**
 * @param {View} view @param {any} answer of the table's question @param {any} drawing of the chart's
 * @param {{drill: (values: any[]) => void, go: (view: View) => void, more: () => void}} act
 */
export function showTable(view, answer, drawing, act) {
  const all = columns(view, answer);
  const wanted = view.sort.replace("-", "");
  const column = all.find((one) => one.key === wanted) ?? (wanted === "name" ? undefined : all[0]);
  const head = (name, label) => {
    const isIt = name === (column?.key ?? "name");
    const falls = view.sort.startsWith("-");
    return h("th", { scope: "col", "aria-sort": isIt ? (falls ? "descending" : "ascending") : "none" }, button(label, () => act.go({ ...view, sort: isIt && falls ? name : `-${name}` })));
  };
  const cells = (group) => all.map(({ of, show, kind }) => {
    const text = of(group);
    return h("td", { class: kind && (text.startsWith("-") ? "less" : "more"), title: kind ? null : text, text: show(text, group) });
  });
  const names = view.by.length ? view.by.map((by) => grouping(by).label) : ["All"];
  const places = colours(drawing);
  fill($("table"), h("table", {},
    h("thead", {}, h("tr", {}, ...names.map((name, index) => (index ? h("th", { scope: "col", text: name }) : head("name", name))), ...all.map((one) => head(one.key, one.label)))),
    h("tbody", {}, ...sorted(view, answer.groups, column).map((group) => h("tr", { class: !group.values && "other" }, ...nameCells(view, group, places, act.drill), ...cells(group)))),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row", colspan: names.length, text: "Total" }), ...cells(answer)))));
  const rest = answer.groups.find((group) => group.other)?.other ?? 0;
  const number = answer.groups.length + (rest && rest - 1);
  fill($("table-note"), counted(number, "group"), rest > 0 && link("Show more", act.more));
}

/** One cell for each dimension; the first leads deeper. */
function nameCells(view, group, places, drill) {
  if (!group.values || !view.by.length) return [h("th", { scope: "row", colspan: view.by.length || 1, text: groupName(view, group) })];
  return group.values.map((value, index) => {
    const text = valueName(view.by[index], value);
    if (index > 0) return h("td", { class: "name", title: value?.id, text });
    const place = places.get(keyOf(group)) ?? places.get("other");
    return h("th", { scope: "row" }, view.style !== "hours" && h("span", { class: `swatch c${place}` }),
      link(text, () => drill(group.values), { title: value?.id }));
  });
}
