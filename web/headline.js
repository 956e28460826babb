// The totals above the chart, with how they changed.
import { change, shown } from "./amounts.js";
import { $, fill, h } from "./dom.js";
import { date, span } from "./dates.js";

/** @type {Record<string, [any, (amounts: any) => string]>} */
const FIGURES = {
  Cost: ["cost", (amounts) => amounts.cost.sum], "Session hours": ["runtime", (amounts) => String(amounts.runtimeMs.sum)], Sessions: ["sessions", (amounts) => String(amounts.sessions)],
  "Cost per hour": ["cost", (amounts) => String((3_600_000 * amounts.cost.sum) / amounts.runtimeMs.sum)], "Cost per session": ["cost", (amounts) => String(amounts.cost.sum / amounts.sessions)],
};

/** @param {any} answer */
export function showHeadline(answer) {
  const { total, previous, previousWindow, data } = answer;
  const { from, to, timeZone } = answer.window;
  const against = previousWindow ? ` · against ${span(previousWindow.from, previousWindow.to)}` : "";
  const early = previousWindow?.from < data.firstUsage ? `, usage from ${date(data.firstUsage)}` : "";
  const figures = Object.entries(FIGURES).flatMap(([name, [metric, of]]) => {
    const [now, before] = [of(total), previous && of(previous)];
    if (!isFinite(now)) return [];
    const { text, ratio } = change(now, before);
    return h("div", { class: "figure" }, h("dt", { text: name }), h("dd", {}, h("strong", { text: shown(metric, now) }), h("span", { class: `delta ${Math.abs(ratio ?? 0) < 5e-4 ? "" : ratio > 0 ? "more" : "less"}`, title: against, text })));
  });
  fill($("headline"), h("dl", {}, ...figures), h("p", { class: "window" }, h("b", { text: span(from, to) }), ` ${timeZone}${against}${early}`));
}
