// Money, time and counts: exact decimals from the API to what people read. A float appears only where something is drawn.

/** @typedef {"cost"|"runtime"|"sessions"} Metric */
/** @typedef {{sessions: number, cost: Record<string, string>, runtimeMs: Record<string, number|string>}} Amounts */

const SCALE = 18;
const format = (/** @type {Intl.NumberFormatOptions} */ options) => new Intl.NumberFormat("en-US", options);
const DOLLARS = { style: "currency", currency: "USD" };
const COMPACT = { notation: "compact", maximumFractionDigits: 1 };
const number = format({});
const dollars = format(DOLLARS);
const smallDollars = format({ ...DOLLARS, minimumSignificantDigits: 1, maximumSignificantDigits: 3 });
const roundDollars = format({ ...DOLLARS, ...COMPACT });
const oneDigit = format({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
const twoDigits = format({ maximumFractionDigits: 2 });
const compact = format(COMPACT);

/**
 * @param {string|number} text a decimal of at most 18 digits after the point
 * @returns {bigint} in units of 1e-18
 */
export function exact(text) {
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text)) ?? [];
  if (whole === undefined) throw new Error(`not a decimal: ${text}`);
  const units = BigInt(whole + fraction.padEnd(SCALE, "0").slice(0, SCALE));
  return sign ? -units : units;
}

/** @param {bigint} units @returns {string} */
export function decimal(units) {
  const digits = (units < 0n ? -units : units).toString().padStart(SCALE + 1, "0");
  const fraction = digits.slice(-SCALE).replace(/0+$/, "");
  return (units < 0n ? "-" : "") + digits.slice(0, -SCALE) + (fraction && `.${fraction}`);
}

/**
 * An amount of a group, row or total, as the decimal that the API gave.
 *
 * @param {Amounts} amounts @param {Metric} metric @param {string} stat
 * @returns {string} dollars, milliseconds or sessions
 */
export function amount(amounts, metric, stat) {
  if (metric === "sessions") return String(amounts.sessions);
  const found = (metric === "cost" ? amounts.cost : amounts.runtimeMs)[stat];
  return String(found ?? 0);
}

/** Every digit that there is. @param {Metric} metric @param {string} text @returns {string} dollars, seconds or sessions */
export const exactly = (metric, text) => (metric === "runtime" ? decimal(exact(text) / 1000n) : text);

/** For drawing: dollars, hours or sessions. @param {Metric} metric @param {string} text what `amount` gave */
export const inUnits = (metric, text) => Number(text) / (metric === "runtime" ? 3_600_000 : 1);
/** @param {Amounts} amounts @param {Metric} metric @param {string} stat */
export const drawn = (amounts, metric, stat) => inUnits(metric, amount(amounts, metric, stat));

/** @param {Metric} metric @param {string} text what `amount` gave @returns {string} */
export function shown(metric, text) {
  if (metric === "cost") return shownDollars(text);
  if (metric === "runtime") return `${hours(Number(text) / 3_600_000)} h`;
  return number.format(Number(text));
}

/** @param {string} text @returns {string} to the cent, or to three digits below one */
function shownDollars(text) {
  const value = Number(text);
  const isSmall = value !== 0 && Math.abs(value) < 0.01;
  return isSmall ? smallDollars.format(value) : dollars.format(/** @type {any} */ (text));
}

/** @param {number} value @returns {string} */
const hours = (value) => (Math.abs(value) < 10 && value !== 0 ? twoDigits : oneDigit).format(value);

/** For an axis. @param {Metric} metric @param {number} value */
export function onAxis(metric, value) {
  if (metric === "cost") return value < 1 && value > 0 ? `$${value}` : roundDollars.format(value);
  return compact.format(value) + (metric === "runtime" ? " h" : "");
}

/** What a tooltip says of a value that was drawn. @param {Metric} metric @param {number} value */
export const drawnText = (metric, value) => shown(metric, metric === "runtime" ? String(value * 3_600_000) : String(value));

/** @param {string} part @param {string} whole @returns {string} with one digit */
export function share(part, whole) {
  const all = Number(whole);
  return all === 0 ? "–" : `${oneDigit.format((100 * Number(part)) / all)} %`;
}

/**
 * @param {string|number} now @param {string|number|undefined} before
 * @returns {{text: string, ratio: number|null}} the change in per cent
 */
export function change(now, before) {
  if (before === undefined) return { text: "–", ratio: null };
  const [new_, old] = [Number(now), Number(before)];
  if (!(old > 0)) return { text: new_ === 0 ? "±0 %" : "new", ratio: null };
  const ratio = new_ / old - 1;
  const percent = Math.abs(ratio) >= 10 ? number.format(Math.round(100 * ratio)) : oneDigit.format(100 * ratio);
  return { text: `${ratio > 0 ? "+" : ""}${percent} %`.replace("-", "−").replace(/^.0\.0 /, "±0 "), ratio };
}

/** @param {Metric} metric @param {string} text @returns {string} with its sign */
export const signed = (metric, text) => (text === "0" ? "" : text.startsWith("-") ? "−" : "+") + shown(metric, text.replace("-", ""));

/** @param {number} value */
export const count = number.format;

/** @param {number} value @param {string} what one of them is called @returns {string} */
export const counted = (value, what) => `${count(value)} ${what}${value === 1 ? "" : "s"}`;
