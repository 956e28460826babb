// What the page says when there is no chart to show: nothing stored, nothing in the range, everything filtered out, a refusal.
import { counted, shown } from "./amounts.js";
import { $, button, fill, h, template } from "./dom.js";
import { addDays, between, date } from "./dates.js";
import { withoutFilter } from "./groups.js";
import { chipText } from "./filters.js";
import { answer, tableQuery } from "./question.js";

/** @typedef {import("./view.js").View} View */

/** @param {...(Node|string|null|false)} content */
function say(...content) {
  fill($("notice"), h("div", { class: "card say" }, ...content));
}

export const clear = () => fill($("notice"));

/** No farm, or a farm without a record. @param {string} [farm] its name */
export function sayNoData(farm) {
  say(h("h2", { text: farm ? `${farm} has no sessions yet` : "No farm yet" }), template("empty-text"));
}

/**
 * Something is stored, and none of it is what was asked for.
 *
 * @param {View} view @param {any} data of the answer @param {(view: View) => void} go
 */
export async function sayNothing(view, data, go) {
  if (view.where.length === 0) {
    const last = data.lastUsage.slice(0, 10);
    const jump = between(view, addDays(last, -29), addDays(last, 1));
    return say(template("nothing-text", { first: date(data.firstUsage), last: date(last) }), button("Show its last 30 days", () => go(jump)));
  }
  say(template("filtered-text"));
  const without = view.where.map((_, index) => withoutFilter(view, index));
  const answers = await Promise.all(without.map((one) => answer(view.farm, { ...tableQuery(one), groupBy: [] }).catch(() => null)));
  if (!$("without")) return;
  fill($("without"), ...answers.map((found, index) => {
    const gain = found && ` ${shown("cost", found.total.cost.sum)} in ${counted(found.total.sessions, "session")}`;
    return h("li", {}, button(`Remove “${chipText(view.where[index])}”`, () => go(without[index])), gain);
  }));
}

/** @param {any} error @param {() => void} retry @param {string} [label] of what does it */
export function sayFailed(error, retry, label = "Try again") {
  if (error.status === 401 || error.status === 403) return say(h("div", { role: "alert" }, template("ended-text")), h("a", { href: location.href, text: "Sign in" }));
  const wrong = error.status >= 400 && error.status < 500 && error.status !== 429;
  say(h("div", { role: "alert" }, h("h2", { text: wrong ? "This cannot be answered" : "No answer" }),
    h("p", { text: error.status ? error.message : `The server cannot be reached (${error.message}).` }), !error.field && h("p", { class: "hint", text: error.hint })), button(label, retry));
}
