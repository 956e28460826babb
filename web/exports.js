// What is on the page, as files. The numbers come from the API in the wanted form; the pictures are the chart itself.
import { button, dialog, download, h, link } from "./dom.js";
import { picture } from "./chart.js";
import { filterText } from "./view.js";
import { ask, exportQuery, send, sessionsPath } from "./question.js";

/** @typedef {import("./view.js").View} View */

const FORMATS = { csv: "CSV", parquet: "Parquet", json: "JSON", arrow: "Arrow" };

/** @param {string} text */
const slug = (text) => text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40);

/** Farm, range and grouping. @param {View} view @param {any} answer @param {string} extension */
export function fileName(view, answer, extension) {
  const { from, to } = answer.window;
  const parts = [slug(answer.farm.displayName), from.slice(0, 10), to.slice(0, 10), `by-${slug(view.by.join("-")) || "nothing"}`, ...view.where.slice(0, 2).map((filter) => slug(filterText(filter)))];
  return `${parts.filter(Boolean).join("_")}.${extension}`;
}

/** @param {View} view @param {any} answer */
export function openExport(view, answer) {
  const status = h("p", { role: "status", class: "hint" });
  const save = async (make, extension) => {
    status.textContent = "Writing…";
    try {
      const name = fileName(view, answer, extension);
      download(await make(), name);
      status.textContent = `Saved ${name}`;
    } catch (error) {
      status.textContent = /** @type {any} */ (error).message;
    }
  };
  const item = (text, make, extension) => h("li", {}, button(text, () => save(make, extension), { "data-format": extension }));
  const list = view.list === "sessions";
  const rows = (format) => async () => (await (list ? send(sessionsPath(view, "", format)) : ask(view.farm, exportQuery(view), format))).blob();
  dialog("Export", h("p", { text: list ? "The newest sessions of the range, up to 10,000 (JSON: 1,000):" : "All groups over time, filtered and compared as you see them:" }), h("ul", { class: "values" }, ...Object.entries(FORMATS).map(([format, text]) => item(text, rows(format), format))),
    h("p", { text: "The chart:" }), h("ul", { class: "values" }, item("PNG", async () => picture("png"), "png"), item("SVG", async () => picture("svg"), "svg")),
    link("Copy the link to this view", () => navigator.clipboard?.writeText(location.href)), status);
}
