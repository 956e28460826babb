// The chart, by Apache ECharts. Two rules keep it within the page's policy: the canvas renderer, and tooltips as rich text,
// because ECharts' usual tooltip is HTML with styles of its own.
import { drawnText, inUnits, onAxis } from "./amounts.js";
import { $, fill, h } from "./dom.js";
import { bucketName, weekdayName } from "./dates.js";
import { COLOURS, colours, groupName, keyOf } from "./groups.js";
import { steps, sums, weekByHour } from "./steps.js";
import { colour } from "./theme.js";
import { addsUp, called, filterText, isSum } from "./view.js";

/** @typedef {import("./view.js").View} View */

const echarts = /** @type {any} */ (globalThis).echarts;
const SLIDER_BUCKETS = 8;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** @type {any} */ let chart;
/** @type {{view: View, answer: any, hidden: Set<string>, places: Map<string, number>}|null} */ let drawing = null;
/** @type {{drill: (values: any[]) => void, bucket: (index: number) => void, zoomed: (from: number, to: number) => void}} */ let act;

/** @param {typeof act} actions what a click and a drag lead to */
export function begin(actions) {
  act = actions;
  chart = echarts.init($("chart"), null, { renderer: "canvas" });
  new ResizeObserver(() => chart.resize()).observe($("chart"));
  chart.on("click", (event) => {
    if (!drawing) return;
    if (event.componentType === "xAxis") return act.bucket(event.dataIndex);
    const group = drawing.answer.groups[Number(String(event.seriesId).slice(1))];
    if (event.seriesType !== "heatmap" && group?.values?.length) act.drill(group.values);
  });
  chart.on("datazoom", () => {
    const { startValue, endValue } = chart.getOption().dataZoom[0];
    act.zoomed(startValue, endValue);
  });
}

/** @param {View} view @param {any} answer */
export function draw(view, answer) {
  const same = drawing && drawing.view.by.join() === view.by.join();
  drawing = { view, answer, hidden: same ? drawing.hidden : new Set(), places: colours(answer) };
  redraw();
}

/** The name of a group's colour. @param {any} group */
const place = (group) => `c${drawing.places.get(keyOf(group))}`;
const groupColour = (group) => colour(place(group));

/** Again, with other colours. */
export function redraw() {
  if (!drawing) return;
  chart.setOption(option(), { notMerge: true });
  const { view, answer } = drawing;
  $("chart").setAttribute("aria-label", `${called("style", view.style)}: ${called("metric", view.metric)} in ${answer.buckets.length} steps of time, ${answer.groups.length} groups`);
  legend(view, answer);
}

const strong = () => ({ color: colour("ink"), fontSize: 12 });
const soft = () => ({ color: colour("ink-soft") });
/** What surrounds every drawing. */
const frame = () => ({
  animation: !calm.matches, animationDuration: 250, animationDurationUpdate: 200,
  textStyle: { ...soft(), fontFamily: "system-ui, sans-serif" },
  aria: { enabled: true, label: { enabled: false }, decal: { show: true, decals: decals() } },
});

// Patterns, so that a group is told by more than its colour: plain, then lines of four directions and marks of four shapes, and
// close lines for the rest. The swatches of app.css have the same.
const DIRECTIONS = [-1, 1, 0, 2, 0];
const SHAPES = ["circle", "rect", "triangle", "diamond"];
const decals = () => Array.from({ length: COLOURS }, (_, at) => {
  const color = colour("decal");
  if (at === 0) return { symbol: "none" };
  if (at % 2) return { color, dashArrayX: [1, 0], dashArrayY: at === COLOURS - 1 ? [1, 3] : [2, 6], rotation: (DIRECTIONS[at >> 1] * Math.PI) / 4 };
  return { color, symbol: SHAPES[(at >> 1) - 1], dashArrayX: [[8, 8], [0, 8, 8, 0]], dashArrayY: [8, 0], symbolSize: 0.7 };
});

/** @returns {any} of what is to be drawn */
const option = () => (drawing.view.style === "hours" ? week(drawing) : overTime(drawing));

/** @param {{view: View, answer: any, hidden: Set<string>}} drawing */
function overTime({ view, answer, hidden }) {
  const { period } = answer;
  const share = view.style === "share" && isSum(view);
  const stacked = isSum(view) && view.style !== "lines";
  const asBars = stacked && view.style !== "running";
  const { lines, total } = steps(view, [{ ...answer, rows: answer.rows.filter((row) => !hidden.has(keyOf(answer.groups[row.group]))) }]);
  const whole = share && numbers(view, sums(lines.map((line) => line.cells)));
  const many = answer.buckets.length > SLIDER_BUCKETS;
  const series = lines.map((line, index) => ({
    id: `g${index}`, name: plain(groupName(view, line)), type: asBars ? "bar" : "line",
    data: numbers(view, line.cells).map((value, at) => (share && value !== null ? (100 * value) / whole[at] : value)),
    stack: stacked ? "all" : undefined, areaStyle: stacked && !asBars ? { opacity: 0.75 } : undefined,
    color: groupColour(line), barMaxWidth: 56, barCategoryGap: "18%", showSymbol: answer.buckets.length < 40, symbolSize: 6,
    symbol: SHAPES[index % 4], lineStyle: { width: stacked ? 1 : 2 },
    itemStyle: asBars && { borderColor: colour("card"), borderWidth: 0.5 }, emphasis: { focus: "series" }, cursor: line.values ? "pointer" : "default",
  }));
  // Drawn nowhere, and in every tooltip.
  if (stacked && addsUp(view) && !share && lines.length > 1) series.push({ id: "total", name: "Total", type: "line", data: numbers(view, total.cells), symbol: "none", silent: true, color: "transparent", lineStyle: { opacity: 0 } });
  const line = { lineStyle: { color: colour("line") } };
  if (view.compare !== "none" && !share) series.push(...before(view, answer, lines, total));
  return {
    ...frame(), series,
    grid: { left: 8, right: 16, top: 16, bottom: many ? 56 : 8, containLabel: true },
    xAxis: {
      type: "category", triggerEvent: true, data: answer.buckets.map((bucket) => bucketName(bucket.from, period)),
      axisLine: line, axisTick: { show: false }, axisLabel: { ...soft(), hideOverlap: true },
      axisPointer: { label: { formatter: ({ seriesData: [{ dataIndex }] }) => bucketName(answer.buckets[dataIndex].from, period, true) } },
    },
    yAxis: {
      type: "value", max: share ? 100 : undefined, splitLine: line,
      axisLabel: { ...soft(), formatter: (value) => (share ? `${value} %` : onAxis(view.metric, value)) },
    },
    dataZoom: many ? sliders() : [],
    tooltip: { ...tooltipLook(), trigger: "axis", order: "valueDesc", axisPointer: { type: asBars ? "shadow" : "line" }, valueFormatter: (value) => (share ? `${(value ?? 0).toFixed(1)} %` : value ? drawnText(view.metric, value) : "–") },
  };
}

/** @param {View} view @param {import("./steps.js").Cells} cells @returns {(number|null)[]} without that of the whole range */
const numbers = (view, cells) => cells.slice(0, -1).map((text) => text && inUnits(view.metric, text));

/** The window before, dashed: the sum of all groups where there is one, or each group. */
function before(view, answer, lines, total) {
  const dashed = (name, cells, color, index = 0) => ({ id: `p${index}`, name, type: "line", data: numbers(view, cells).slice(0, answer.previousBuckets.length), symbol: "none", z: 5, silent: true, color, lineStyle: { type: "dashed", width: 2 } });
  if (addsUp(view)) return [dashed("Before, all groups", total.was.map((text) => text ?? "0"), colour("ink"))];
  return isSum(view) ? [] : lines.map((line, index) => dashed(`Before: ${plain(groupName(view, line))}`, line.was, groupColour(line), index));
}

const sliders = () => [
  {
    type: "slider", height: 22, bottom: 8, brushSelect: true, showDetail: false, showDataShadow: false, borderColor: colour("line"), fillerColor: colour("zoom"),
    handleStyle: { color: colour("card"), borderColor: colour("ink-soft") }, moveHandleStyle: { ...soft(), opacity: 0.4 },
  },
  { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: false },
];

/** @param {{view: View, answer: any}} drawing */
function week({ view, answer }) {
  const data = weekByHour(view, answer).flatMap((cells, weekday) => cells.map((text, hour) => [hour, weekday, inUnits(view.metric, text)]));
  const most = Math.max(1e-9, ...data.map((cell) => cell[2]));
  const axis = { type: "category", axisLine: { show: false }, axisTick: { show: false }, axisLabel: soft() };
  return {
    ...frame(), aria: {},
    grid: { left: 8, right: 16, top: 8, bottom: 48, containLabel: true },
    xAxis: { ...axis, data: [...Array(24).keys()] },
    yAxis: { ...axis, inverse: true, data: [...Array(7).keys()].map(weekdayName) },
    visualMap: {
      max: most, orient: "horizontal", left: "center", bottom: 0, itemHeight: 160, itemWidth: 12, text: [onAxis(view.metric, most), onAxis(view.metric, 0)],
      inRange: { color: [colour("heat0"), colour("heat1"), colour("heat2")] }, textStyle: soft(),
    },
    series: [{ type: "heatmap", data, itemStyle: { borderColor: colour("card"), borderWidth: 2 } }],
    tooltip: { ...tooltipLook(), formatter: ({ data: [hour, weekday, value] }) => `${weekdayName(weekday)} ${hour}:00 to ${hour + 1}:00\n${drawnText(view.metric, value)}` },
  };
}

/** `renderMode` is a rule and no taste: see the head of this file. */
const tooltipLook = () => ({ renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: colour("line"), padding: 10, textStyle: strong() });

/** Names must not be taken for the marks of rich text. @param {string} name */
const plain = (name, most = 34) => {
  const text = name.replace(/[{}|\n]/g, (mark) => ({ "{": "❴", "}": "❵", "|": "❘", "\n": " " })[mark]);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
};

/** As buttons, for fingers and keyboards; a press hides the group or shows it again. @param {View} view @param {any} answer */
function legend(view, answer) {
  const groups = view.style === "hours" || answer.groups.length < 2 ? [] : answer.groups;
  fill($("legend"), ...groups.map((group, index) => {
    const [key, name] = [keyOf(group), groupName(view, group)];
    const toggle = () => {
      drawing.hidden.delete(key) || drawing.hidden.add(key);
      redraw();
      /** @type {any} */ ($("legend").children[index]).focus();
    };
    return h("button", { type: "button", "aria-pressed": String(!drawing.hidden.has(key)), title: name, onclick: toggle }, h("span", { class: `swatch ${place(group)}` }), h("span", { class: "name", text: name }));
  }));
}

/** What a picture says by itself: whose chart it is, of when, and who is who. @param {number} width */
function pictured(width) {
  const { view, answer, hidden } = drawing;
  const { from, to } = answer.window;
  const at = (instant) => instant.slice(0, 16).replace("T", " ");
  const groups = view.style === "hours" ? [] : answer.groups.filter((group) => !hidden.has(keyOf(group)));
  const names = groups.map((group) => plain(groupName(view, group)));
  // About as wide as the letters and marks are.
  const lines = Math.ceil(names.reduce((sum, name) => sum + 7 * name.length + 45, 0) / (width - 32));
  const asked = option();
  const look = { textStyle: strong(), left: 16 };
  const head = 40 + 24 * lines;
  const filters = view.where.map(filterText).join(", ");
  return [head, {
    ...asked, animation: false, backgroundColor: colour("card"), dataZoom: [],
    title: { ...look, top: 12, text: plain(`${answer.farm.displayName}: ${$("chart-title").textContent}`, 90), textStyle: { ...strong(), fontSize: 15 }, subtext: plain(`${at(from)} to ${at(to)}${filters && `, ${filters}`}`, 120), subtextStyle: soft() },
    legend: { ...look, show: names.length > 0, top: 56, right: 16, data: names },
    grid: { ...asked.grid, top: head + 24, bottom: view.style === "hours" ? 48 : 8 },
  }];
}

/** @param {"png"|"svg"} kind @returns {Promise<Blob>} the chart as a picture, on the colour of the page */
export async function picture(kind) {
  const width = chart.getWidth();
  const [head, drawnAlone] = pictured(width);
  const size = { width, height: chart.getHeight() + head };
  const drawer = kind === "svg" ? echarts.init(null, null, { renderer: "svg", ssr: true, ...size }) : echarts.init(document.createElement("div"), null, { renderer: "canvas", ...size });
  drawer.setOption(drawnAlone);
  const made = kind === "svg" ? new Blob([drawer.renderToSVGString()], { type: "image/svg+xml" }) : await new Promise((done) => drawer.renderToCanvas({ pixelRatio: 2 }).toBlob(done));
  drawer.dispose();
  return made;
}
