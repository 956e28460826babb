// What is drawn and what the table has by steps of time, as exact decimals.
import { amount, decimal, exact } from "./amounts.js";
import { bucketName, plain, weekdayName, weekdayOf } from "./dates.js";
import { matrix } from "./groups.js";
import { addsUp, isSum } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {(string|null)[]} Cells as `amount` gives them, null where nothing was used; the last is of the whole range */
/** @typedef {{name?: string, values?: any[], other?: number, cells: Cells, was?: Cells}} Line `was` is the window before */
/** @typedef {{heads: {key: string, label: string, title?: string}[], lines: Line[], total: Line}} Steps */

/** @param {View} view @param {any[]} answers groups over time, and all together where they do not add up @returns {Steps} */
export function steps(view, [answer, together]) {
  const { buckets, period } = answer;
  const years = new Set(buckets.map(({ from }) => from.slice(0, 4)));
  const heads = buckets.map(({ from }) => {
    // When summer time ends an hour comes twice.
    const offset = period === "hour" && from.slice(19) !== buckets[0].from.slice(19) ? ` ${from.slice(19)}` : "";
    return { key: period === "hour" ? from : plain(from), label: bucketName(from, period, years.size > 1) + offset, title: bucketName(from, period, true) };
  });
  const whole = (cells, amounts) => [...(view.style === "running" && isSum(view) ? running(cells) : cells), amounts ? amount(amounts, view.metric, view.stat) : null];
  const [lines, total] = [answer.groups.map((group) => ({ ...group })), {}];
  const add = (member, rows, amounts) => {
    const cells = matrix(answer, answer[rows], view, amount);
    lines.forEach((line, index) => { line[member] = whole(cells[index], line[amounts]); });
    const all = addsUp(view) ? sums(cells) : together ? matrix(together, together[rows], view, amount)[0] : buckets.map(() => null);
    total[member] = whole(all, answer[amounts]);
  };
  add("cells", "rows", "total");
  if (view.compare !== "none") add("was", "previousRows", "previous");
  return { heads, lines, total };
}

/** By step. @param {Cells[]} rows @returns {Cells} */
export const sums = (rows) => rows[0].map((_, at) => sum(rows.map((row) => row[at])));

/** @param {Cells} cells */
function sum(cells) {
  const used = cells.filter((text) => text !== null);
  return used.length ? decimal(used.reduce((all, text) => all + exact(text), 0n)) : null;
}

/** @param {Cells} cells @returns {Cells} each with all before it */
function running(cells) {
  let all = 0n;
  return cells.map((text) => decimal(all += exact(text ?? 0)));
}

/** @param {View} view @param {any} answer by the hour @returns {Cells[]} what each hour of each weekday, Monday first, adds up to */
export function weekByHour(view, { buckets, rows }) {
  const cells = Array.from({ length: 7 }, () => new Array(24).fill("0"));
  for (const row of rows) {
    const { from } = buckets[row.bucket];
    const [day, hour] = [cells[weekdayOf(from)], Number(from.slice(11, 13))];
    day[hour] = sum([day[hour], amount(row, view.metric, "sum")]);
  }
  return cells;
}

/** A session that runs on is in several hours, so that sessions have no total. @param {View} view @param {any} answer @returns {Steps} */
export function week(view, answer) {
  const days = weekByHour(view, answer);
  const whole = (cells) => ({ values: [], cells: [...cells, view.metric === "sessions" ? null : sum(cells)] });
  return {
    heads: days[0].map((_, hour) => ({ key: `${hour}:00`, label: `${hour}:00` })),
    lines: days.map((cells, day) => ({ name: weekdayName(day), ...whole(cells) })), total: whole(sums(days)),
  };
}
