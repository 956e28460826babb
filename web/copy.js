// "Copy as": the question of the page in other tools' words, which the server writes; what a tool cannot be asked is said, with
// the reason.
import { button, dialog, h } from "./dom.js";
import { ask, toolQuery } from "./question.js";

/** @typedef {import("./view.js").View} View */

const TOOLS = { boto3: "boto3", aws: "AWS CLI", curl: "curl", report: "farmtally report", sql: "DuckDB SQL" };
const FOLDER = "DIR is the data folder of the server.";
const WHOLE = "Answers with ids and every group, of this range alone. ";

/** @param {View} view */
export function openCopy(view) {
  const text = h("code");
  const note = h("p", { class: "hint", role: "status" });
  const copy = button("Copy", async () => { await navigator.clipboard.writeText(text.textContent).catch(select); note.textContent = "Copied."; }, { id: "copy-text" });
  const select = () => getSelection()?.selectAllChildren(text);
  const show = async (/** @type {string} */ tool) => {
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.tool === tool));
    note.textContent = "";
    let made = "";
    let said = (tool === "curl" || tool === "report" ? "" : WHOLE) + FOLDER;
    try {
      made = await (await ask(view.farm, toolQuery(view, tool), tool)).text();
    } catch (error) {
      said = [error.message, !error.field && error.hint].filter(Boolean).join("; ");
    }
    if (tabs.some((tab) => tab.ariaPressed === "true" && tab.dataset.tool !== tool)) return;
    text.textContent = made;
    text.parentElement.hidden = copy.hidden = !made;
    note.textContent = said;
  };
  const tabs = Object.entries(TOOLS).map(([tool, label]) => button(label, () => show(tool), { "data-tool": tool }));
  dialog("Copy as", h("div", { class: "group", role: "group", "aria-label": "Tool" }, ...tabs), h("pre", { id: "copied", tabindex: "0" }, text), note, copy);
  show("boto3");
}
