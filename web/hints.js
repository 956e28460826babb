// Unusual days: a group far from its own median of the same weekday. A hint, said in one line each, and no more than that.
import { change, drawnText } from "./amounts.js";
import { $, fill, h, link } from "./dom.js";
import { bucketName, weekdayName, weekdayOf } from "./dates.js";
import { groupName, matrix } from "./groups.js";
import { isSum } from "./view.js";

/** @typedef {import("./view.js").View} View */

const HINTS = 3;
const WEEKDAYS_MIN = 3;
// Deviations from the median, in units of the median deviation that a normal spread would have.
const UNUSUAL = 6;
const SPREAD = 1.4826;
// Less than this of the group's usual day, or of an average day of the whole, is nothing to look at. A group that usually has nothing
// has to have more than some days of the whole, because jobs come and go.
const RATIO_MIN = 0.5;
const SHARE_MIN = 0.01;

/** @param {number[]} values */
function median(values) {
  const ordered = [...values].sort((one, other) => one - other);
  const middle = ordered.length >> 1;
  return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

/** @param {View} view @param {any} answer @returns {{group: any, bucket: any, value: number, usual: number}[]} the largest first */
export function unusual(view, answer) {
  if (answer.period !== "day" || !isSum(view)) return [];
  const cells = matrix(answer, answer.rows, view);
  const daily = cells.flat().reduce((sum, value) => sum + (value ?? 0), 0) / cells[0]?.length;
  const weekdays = answer.buckets.map((bucket) => weekdayOf(bucket.from));
  const found = answer.groups.flatMap((group, index) => answer.buckets.map((bucket, at) => {
    const same = cells[index].map((value) => value ?? 0).filter((_, other) => other !== at && weekdays[other] === weekdays[at]);
    const [value, usual] = [cells[index][at] ?? 0, median(same)];
    const spread = SPREAD * median(same.map((one) => Math.abs(one - usual))) || 0.05 * usual;
    const isIt = group.values && same.length >= WEEKDAYS_MIN && value - usual > Math.max(UNUSUAL * spread, RATIO_MIN * usual, (usual ? SHARE_MIN : UNUSUAL) * daily);
    return isIt && { group, bucket, value, usual };
  }));
  return found.filter(Boolean).sort((one, other) => other.value - other.usual - one.value + one.usual).slice(0, HINTS);
}

/** @param {View} view @param {any} answer @param {(group: any, bucket: any) => void} look */
export function showHints(view, answer, look) {
  fill($("hints"), ...unusual(view, answer).map(({ group, bucket, value, usual }) => {
    return h("li", {}, link(`${groupName(view, group)} ${change(value, usual).text} on ${bucketName(bucket.from, "day", true)}`, () => look(group, bucket)),
      ` ${drawnText(view.metric, value)} against ${drawnText(view.metric, usual)} on its usual ${weekdayName(weekdayOf(bucket.from))}`);
  }));
}
