// What is on the page, as files. The numbers come from the API in the wanted form; the pictures are the chart itself.
import { $, dialog, download, template } from "./dom.js";
import { picture } from "./chart.js";
import { addDays } from "./dates.js";
import { filterText, isSum } from "./view.js";
import { ask, exportQuery, send, sessionsPath } from "./question.js";

/** @typedef {import("./view.js").View} View */

/** @param {string} text */
const slug = (text) => text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40);

/** Farm, first and last day, grouping and filters. @param {View} view @param {any} answer @param {string} extension */
export function fileName(view, answer, extension) {
  const { from, to } = answer.window;
  const last = addDays(to, to.slice(11, 16) === "00:00" ? -1 : 0);
  const parts = [slug(answer.farm.displayName), from.slice(0, 10), last, `by-${slug(view.by.join("-")) || "nothing"}`, ...view.where.map((filter) => slug(filterText(filter).replace("!", "-not-")))];
  return `${parts.filter(Boolean).join("_").slice(0, 200)}.${extension}`;
}

/** As the server writes it: what a spreadsheet would take for a formula is text. @param {string} text */
const field = (text) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;

const UNITS = { cost: "usd", runtime: "seconds", sessions: "sessions" };

/** What its cells are. @param {View} view @param {any} answer */
const wideExtension = (view, { period }) => `each-${period}-${UNITS[view.metric]}-${isSum(view) && view.style === "running" ? "running" : view.stat}.csv`;

/** The table as it is, in its order, with the exact amounts that its cells have as titles and the ids that its names have. */
function tableAsCsv() {
  const texts = (cell) => (cell.tagName === "TD" ? [cell.title] : [cell.dataset.key ?? cell.textContent, ...(cell.cellIndex ? [] : [cell.closest("thead") ? "id" : cell.querySelector("button")?.title ?? ""])]);
  return [...$("table").querySelectorAll("tr")].map((row) => `${[...row.cells].flatMap(texts).map(field).join()}\r\n`).join("");
}

/** @param {View} view @param {any} answer that is drawn */
export function openExport(view, answer) {
  const list = view.list === "sessions";
  dialog("Export", template("export-as"));
  $(list ? "export-groups" : "export-sessions").remove();
  const status = $("export-status");
  const made = async (/** @type {string} */ format) => {
    if (format === "wide") return new Blob([tableAsCsv()], { type: "text/csv" });
    if (format === "png" || format === "svg") return picture(format);
    return (await (list ? send(sessionsPath(view, "", format)) : ask(view.farm, exportQuery(view), format))).blob();
  };
  for (const one of $("dialog").querySelectorAll("[data-format]")) {
    const { format } = one.dataset;
    one.hidden = format === "wide" && (list || view.columns === "totals");
    one.onclick = async () => {
      status.textContent = "Writing…";
      try {
        const name = fileName(view, answer, format === "wide" ? wideExtension(view, answer) : format);
        download(await made(format), name);
        status.textContent = `Saved ${name}`;
      } catch (error) {
        status.textContent = /** @type {any} */ (error).message;
      }
    };
  }
  $("copy-link").onclick = () => navigator.clipboard?.writeText(location.href);
}
