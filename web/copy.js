// "Copy as": the question of the page in other tools' words, which the server writes; what a tool cannot be asked is said, with
// the reason.
import { $, dialog, template } from "./dom.js";
import { ask, toolQuery } from "./question.js";

/** @typedef {import("./view.js").View} View */

/** @param {View} view */
export function openCopy(view) {
  dialog("Copy as", template("copy-as"));
  const [text, note, copy] = [$("copied").firstChild, $("copy-note"), $("copy-text")];
  const tabs = [...$("dialog").querySelectorAll("[data-tool]")];
  const select = () => getSelection()?.selectAllChildren(text);
  const show = async (/** @type {any} */ tab) => {
    const { tool, about } = tab.dataset;
    for (const one of tabs) one.ariaPressed = String(one === tab);
    note.textContent = "";
    let made = "";
    let said = about;
    try {
      made = await (await ask(view.farm, toolQuery(view, tool), tool)).text();
    } catch (error) {
      said = [error.message, !error.field && error.hint].filter(Boolean).join("; ");
    }
    if (tab.ariaPressed !== "true") return;
    text.textContent = made;
    $("copied").hidden = copy.hidden = !made;
    note.textContent = said;
  };
  copy.onclick = async () => { await navigator.clipboard.writeText(text.textContent).catch(select); note.textContent = "Copied."; };
  for (const tab of tabs) tab.onclick = () => show(tab);
  show(tabs[0]);
}
