// Filters as chips, and the dialog that makes one.
import { $, button, dialog, fill, h, link, options, template, visible } from "./dom.js";
import { remember, valueNames, withoutFilter } from "./groups.js";
import { get } from "./question.js";
import { OPTIONAL, dimensionName, dimensions } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {import("./view.js").Filter} Filter */

const VALUES = "30";

/** @param {Filter} filter @returns {string} */
export function chipText(filter) {
  const relation = filter.glob ? (filter.not ? "not like" : "like") : filter.not ? "is not" : "is";
  return `${dimensionName(filter.dimension)} ${relation} ${valueNames(filter)}`;
}

/** @param {View} view @param {(view: View) => void} go */
export function showChips(view, go) {
  const chips = view.where.map((filter, index) => {
    const text = chipText(filter);
    const turn = { ...view, where: view.where.map((one, at) => (at === index ? { ...one, not: !one.not } : one)) };
    return h("span", { class: filter.not ? "chip not" : "chip" },
      button(text, () => go(turn), { title: filter.not ? "Include instead" : "Exclude instead" }),
      button("×", () => go(withoutFilter(view, index)), { class: "remove", "aria-label": `Remove: ${text}` }));
  });
  fill($("filters"), ...chips,
    button("+ Filter", () => openFilter(view, go), { id: "add-filter", "aria-haspopup": "dialog", "aria-keyshortcuts": "/" }),
    view.where.length > 1 && link("Remove all", () => go({ ...view, where: [], trail: [], pattern: [], list: "groups" })));
}

/** @param {View} view @param {(view: View) => void} go */
export function openFilter(view, go) {
  dialog("Filter", template("filter-text"));
  const [dimension, relation, search, list] = ["dimension", "relation", "search", "values"].map((name) => $(`filter-${name}`));
  options(dimension, dimensions(), "user");
  const add = (/** @type {string|null} */ value, glob = false) => {
    $("dialog").close();
    go({ ...view, where: [...view.where, { dimension: dimension.value, not: relation.value === "!", glob, values: [value] }] });
  };
  const choice = (text, title, act) => h("li", {}, button(text, act, { title }));
  let asked = 0;
  const find = async () => {
    const [mine, chosen, prefix] = [++asked, dimension.value, search.value.trim()];
    const query = new URLSearchParams({ dimension: chosen, contains: prefix, limit: VALUES });
    const found = await get(`/api/v1/farms/${view.farm}/values?${query}`);
    if (mine !== asked) return;
    const like = chosen === "jobName" && prefix && choice(`contains “${prefix}”`, "Every job with this in its name", () => add(`*${prefix}*`, true));
    fill(list, like, ...found.values.map(({ id, name }) => {
      remember(chosen, id, name);
      return choice(visible(name), id, () => add(id));
    }), OPTIONAL.includes(chosen) && choice("(none)", "Sessions without a value", () => add(null)), found.more && h("li", { class: "more", text: "… and more: type to find" }));
    return found.values.length === 1 && found.values[0];
  };
  let only = find();
  dimension.onchange = search.oninput = () => { only = find(); };
  search.onkeydown = async ({ key }) => {
    const found = key === "Enter" && (await only);
    if (found) add(found.id);
  };
  search.focus();
}
