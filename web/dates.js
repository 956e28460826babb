// Ranges of days: the ready ones, the step to the one before, and how buckets and windows are written.
import { called } from "./view.js";

/** @typedef {import("./view.js").View} View */

const WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split(" ");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAY_MS = 86_400_000;

/** The civil part of an instant with an offset, as if it were UTC. @param {string} instant */
const civil = (instant) => new Date(`${(instant.length > 10 ? instant : `${instant}T00:00:00`).slice(0, 19)}Z`);
/** @param {Date} date */
const isoDay = (date) => date.toISOString().slice(0, 10);
/** @param {string} day @param {number} days */
export const addDays = (day, days) => isoDay(new Date(Date.parse(`${day.slice(0, 10)}T00:00:00Z`) + days * DAY_MS));

/** @param {View} view @returns {string} the value of the range's select */
export const rangeOf = (view) => {
  const text = view.in ? `in=${view.in}` : view.from ? "custom" : `last=${view.last}`;
  return called("range", text) === text ? "custom" : text;
};

/** @param {View} view @param {string} text a value of that select @returns {View} */
export function withRange(view, text) {
  const [kind, value] = text.split("=");
  return { ...view, last: "", in: "", from: "", to: "", [kind]: value };
}

/** @param {View} view @param {string} from @param {string} to exclusive @returns {View} */
export const between = (view, from, to) => ({ ...view, last: "", in: "", from, to });

/**
 * The window of equal length before or after; whole months stay whole months.
 *
 * @param {View} view @param {{from: string, to: string}} window as the API resolved it @param {1|-1} direction
 * @returns {View}
 */
export function step(view, window, direction) {
  const [from, to] = [civil(window.from), civil(window.to)];
  const months = wholeMonths(from, to);
  if (months) {
    const moved = (date) => isoDay(new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + direction * months, 1)));
    return between(view, moved(from), moved(to));
  }
  const length = direction * (to.getTime() - from.getTime());
  const wholeDays = length % DAY_MS === 0 && window.from.slice(11, 19) === "00:00:00";
  const text = (date) => (wholeDays ? isoDay(date) : date.toISOString().slice(0, 19));
  return between(view, text(new Date(from.getTime() + length)), text(new Date(to.getTime() + length)));
}

/** @param {Date} from @param {Date} to @returns {number} 0 when they are no whole months */
function wholeMonths(from, to) {
  const begins = [from, to].every((date) => date.getUTCDate() === 1 && date.getTime() % DAY_MS === 0);
  const month = (date) => 12 * date.getUTCFullYear() + date.getUTCMonth();
  return begins ? month(to) - month(from) : 0;
}

/** @param {string} instant @returns {string} `3 Nov 2026`, and the time where it is not midnight */
export function day(instant) {
  const date = civil(instant);
  const time = instant.slice(11, 16);
  const text = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return time && time !== "00:00" ? `${text} ${time}` : text;
}

/** @param {string} instant @returns {string} its day */
export const date = (instant) => day(instant.slice(0, 10));

/** @param {string} from @param {string} to exclusive @returns {string} `1 – 30 Nov 2026` */
export function span(from, to) {
  const wholeDays = [from, to].every((instant) => instant.slice(11, 16) === "00:00");
  const [first, last] = [day(from), day(wholeDays ? addDays(to, -1) : to)];
  if (first === last) return first;
  const [one, other] = [first, last].map((text) => text.split(" "));
  const same = wholeDays && one[2] === other[2] ? (one[1] === other[1] ? 1 : 2) : 4;
  return `${one.slice(0, same).join(" ")} – ${last}`;
}

/**
 * @param {string} instant where a bucket begins @param {string} period @param {boolean} long for a tooltip
 * @returns {string}
 */
export function bucketName(instant, period, long = false) {
  const [dayOf, month, year] = date(instant).split(" ");
  if (period === "year") return year;
  if (period === "quarter") return `Q${1 + Math.floor(civil(instant).getUTCMonth() / 3)} ${year}`;
  if (period === "month") return `${month} ${year}`;
  const time = period === "hour" ? ` ${instant.slice(11, 16)}` : "";
  if (!long) return `${dayOf} ${month}${time}`;
  return `${period === "week" ? "Week of" : weekdayName(weekdayOf(instant))} ${dayOf} ${month} ${year}${time}`;
}

/** Midnights are days, and all else is local time. @param {string} instant */
export const plain = (instant) => instant.slice(0, instant.slice(11, 19) === "00:00:00" ? 10 : 19);

/** Monday is 0. @param {string} instant */
export const weekdayOf = (instant) => (civil(instant).getUTCDay() + 6) % 7;
/** @param {number} weekday Monday is 0 */
export const weekdayName = (weekday) => WEEKDAYS[weekday];

/** How long ago, in one unit. @param {string} instant @param {number} now */
export function ago(instant, now) {
  const minutes = Math.max(0, Math.round((now - Date.parse(instant)) / 60_000));
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1440)} days ago`;
}
