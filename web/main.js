// The explorer. A view is the page's address; every change makes a new address, asks the API anew and draws.
import { amount, counted, shown } from "./amounts.js";
import * as chart from "./chart.js";
import * as controls from "./controls.js";
import { openCopy } from "./copy.js";
import { ago, between, plain, span } from "./dates.js";
import { listenToKeys, openAbout, openExplain, openHelp, openViews } from "./dialogs.js";
import { $, announce, options } from "./dom.js";
import { deeper, learn, showPath } from "./groups.js";
import { openExport } from "./exports.js";
import { openFilter, showChips } from "./filters.js";
import { showHeadline } from "./headline.js";
import { showHints } from "./hints.js";
import * as notice from "./notice.js";
import { answer, chartQuery, get, groupsInTable, sessionsPath, tableQueries } from "./question.js";
import { showSessions } from "./sessions.js";
import { showTable } from "./table.js";
import * as theme from "./theme.js";
import { address, called, grouping, isSum, parse, problem } from "./view.js";

/** @typedef {import("./view.js").View} View */

// Less than this is not worth a word, more is dimmed and can be given up.
const PATIENCE_MS = 200;
const STALE_MS = 6 * 3_600_000;

/** @type {View} */ let view;
/** @type {any[]} */ let farms = [];
/** @type {any} */ let drawn = null;
/** @type {AbortController} */ let asking = new AbortController();
let inTable = 0;

/** @param {string} query of another address, from which Back leads here */
const push = (query) => history.pushState(null, "", `?${query}`);

/** Shows another view, and lets Back lead to this one. @param {View} next */
function go(next) {
  if (address(next) === address(view)) return;
  push(address(next));
  show(next);
}

/** What the page cannot show is said, and nothing else in its place. @param {string} query of an address */
function arrive(query) {
  const next = known(parse(query));
  const wrong = next.farm ? problem(query) : `There is no farm ${parse(query).farm} here, or your key may not see it.`;
  if (!wrong) return show(next);
  const other = known(parse(next.farm ? query : ""));
  view = other;
  controls.showControls(view);
  showCards(false);
  notice.sayFailed({ status: 400, message: wrong }, () => { push(address(other)); show(other); }, "Show what this page can");
  announce("No answer.");
}

/** @param {View} next */
function show(next) {
  if (!inTable || next.by.join() !== view.by.join() || next.columns !== view.columns) inTable = groupsInTable(next);
  view = next;
  controls.showControls(view);
  const showWhere = () => { showChips(next, go); showPath(next, go); };
  showWhere();
  $("farm").value = view.farm;
  learn(view).then((news) => news && view === next && showWhere());
  refresh();
}

/** Asks and draws. What was drawn stays, dimmed, until there is something new. */
async function refresh() {
  asking.abort();
  const mine = (asking = new AbortController());
  const patience = setTimeout(() => waiting(true), PATIENCE_MS);
  const asked = view;
  try {
    const sessions = asked.list === "sessions" ? get(sessionsPath(asked, ""), mine.signal) : null;
    const ask = (query) => answer(asked.farm, query, mine.signal);
    const table = sessions ? null : Promise.all(tableQueries(asked, inTable).map(ask));
    const [drawing, numbers, list] = await Promise.all([ask(chartQuery(asked)), table, sessions]);
    if (asking !== mine) return;
    drawn = drawing;
    paint(asked, drawing, numbers, list);
  } catch (error) {
    if (asking !== mine || mine.signal.aborted) return;
    notice.sayFailed(error, refresh);
    if (!drawn) showCards(false);
    announce("No answer.");
    document.body.classList.add("failed");
  } finally {
    clearTimeout(patience);
    if (asking === mine) waiting(false);
  }
}

/** @param {boolean} are there */
const showCards = (are) => ["headline", "chart-card", "table-card"].forEach((id) => { $(id).hidden = !are; });

/** @param {boolean} is */
function waiting(is) {
  $("busy").hidden = !is;
  document.body.classList.toggle("waiting", is);
}

/** @param {View} asked @param {any} drawing @param {any[]|null} numbers @param {any} list */
function paint(asked, drawing, numbers, list) {
  const { data, total, window, farm } = drawing;
  const [title, range] = [name(asked), span(window.from, window.to)];
  document.body.classList.remove("failed", "first");
  controls.resolved(window);
  notice.clear();
  const isEmpty = total.sessions === 0 && Number(total.cost.sum) === 0;
  showCards(!isEmpty);
  if (isEmpty) data.records ? notice.sayNothing(asked, data, go) : notice.sayNoData(farm.displayName);
  else {
    showHeadline(drawing);
    chart.draw(asked, drawing);
    showHints(asked, drawing, (group, bucket) => go(deeper(between(asked, plain(bucket.from), plain(bucket.to)), group.values)));
    list ? showList(asked, list.sessions, list.nextCursor) : showTable(asked, numbers, drawing, `${title}, ${range}`, { drill, go, more });
  }
  $("zoom").hidden = true;
  $("chart-title").textContent = title;
  $("table-title").textContent = list ? "Sessions" : "Table";
  $("list").textContent = list ? "Show groups" : "Show sessions";
  document.title = `${title} · ${farm.displayName} · farmtally`;
  $("asof").textContent = `· as of ${drawing.explain.asOf.slice(0, 16).replace("T", " ")} UTC`;
  freshness(data, Date.parse(drawing.explain.asOf));
  $("columns").hidden = Boolean(list);
  $("columns").lastChild.textContent = `By ${drawing.period}`;
  const groups = numbers ? (numbers[0] ?? drawing).groups.reduce((sum, group) => sum + (group.other ?? 1), 0) : list.sessions.length;
  announce(`${counted(groups, list ? "session" : "group")}, total ${shown(asked.metric, amount(total, asked.metric, "sum"))}, ${range}`);
}

/** @param {View} asked */
function name(asked) {
  const metric = called("metric", asked.metric);
  const what = isSum(asked) ? metric : `${called("stat", asked.stat)} of ${metric.toLowerCase()} per session`;
  const by = asked.by.map((one) => grouping(one).label.toLowerCase()).join(" and ");
  return asked.style === "hours" ? `${metric} by weekday and hour` : by ? `${what} by ${by}` : what;
}

/** @param {any} data @param {number} now */
function freshness(data, now) {
  const isStale = now - Date.parse(data.lastUsage) > STALE_MS;
  $("fresh").textContent = data.lastUsage ? `${isStale ? "⚠ " : ""}newest usage ${ago(data.lastUsage, now)}` : "";
  $("fresh").classList.toggle("stale", isStale);
}

/** @param {View} asked @param {any[]} sessions @param {string|null} cursor */
function showList(asked, sessions, cursor) {
  showSessions(asked, sessions, Boolean(cursor), async () => {
    const next = await get(sessionsPath(asked, cursor), asking.signal).catch(() => null);
    if (next && view === asked) showList(asked, [...sessions, ...next.sessions], next.nextCursor);
  });
}

/** The name that was pressed goes away; who came by keyboard goes on from the table. @param {any[]} values */
function drill(values) {
  $("table-card").focus({ preventScroll: true });
  go(deeper(view, values));
}

function more() {
  inTable *= 5;
  refresh();
}

/** The chosen part of the chart can become the range. @param {number} from @param {number} to */
function zoomed(from, to) {
  $("zoom").hidden = from === 0 && to === drawn.buckets.length - 1;
  $("zoom").textContent = `Show ${span(drawn.buckets[from].from, drawn.buckets[to].to)}`;
  $("zoom").onclick = () => showBuckets(from, to);
}

/** @param {number} from @param {number} to */
const showBuckets = (from, to) => go({ ...between(view, plain(drawn.buckets[from].from), plain(drawn.buckets[to].to)), period: "auto" });

const otherColumns = () => go({ ...view, columns: view.columns === "totals" ? "steps" : "totals" });
const compare = () => go({ ...view, compare: view.compare === "none" ? "previous" : "none" });
const openers = { views: () => openViews(view, (query) => { $("dialog").close(); push(query); arrive(query); }), copy: () => drawn && openCopy(view), export: () => drawn && openExport(view, drawn), explain: () => drawn && openExplain(view, drawn), help: openHelp, about: openAbout };

function listen() {
  chart.begin({ drill, bucket: (at) => showBuckets(at, at), zoomed });
  controls.begin(go);
  theme.begin(chart.redraw);
  for (const [id, open] of Object.entries(openers)) $(`open-${id}`).onclick = open;
  $("cancel").onclick = cancel;
  $("farm").onchange = () => go({ ...view, farm: $("farm").value, where: [], trail: [], pattern: [], list: "groups" });
  $("list").onclick = () => go({ ...view, list: view.list === "groups" ? "sessions" : "groups" });
  addEventListener("popstate", () => arrive(location.search));
  listenToKeys({
    x: compare, b: otherColumns, t: () => $($("table-card").contains(document.activeElement) ? "chart-card" : "table-card").focus(),
    Backspace: () => history.back(), Escape: cancel,
  });
}

/** Gives the question up; the server stops too. */
function cancel() {
  if ($("busy").hidden) return;
  asking.abort();
  waiting(false);
  announce("Given up.");
}

/** A view of a farm that is there, or of none where another was asked for. @param {View} wanted @returns {View} */
function known(wanted) {
  const named = farms.find((farm) => farm.farmId === wanted.farm || farm.displayName === wanted.farm);
  const farm = named ?? (wanted.farm ? null : farms.find((one) => one.records > 0) ?? farms[0]);
  return { ...wanted, farm: farm?.farmId ?? "" };
}

async function start() {
  document.body.classList.add("first");
  $("app").hidden = false;
  listen();
  try {
    farms = (await get("/api/v1/farms")).farms;
  } catch (error) {
    return notice.sayFailed(error, () => location.reload());
  }
  options($("farm"), farms.map((farm) => [farm.farmId, farm.displayName]), "");
  if (!farms.length) return notice.sayNoData();
  const first = known(parse(location.search));
  if (first.farm && !problem(location.search)) history.replaceState(null, "", `?${address(first)}`);
  arrive(location.search);
}

start();
