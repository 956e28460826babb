// The sessions behind a number: the end of the drill.
import { counted, shown } from "./amounts.js";
import { $, fill, h, link, template, visible } from "./dom.js";
import { date } from "./dates.js";
import { shortId } from "./groups.js";

/** @typedef {import("./view.js").View} View */

/** @param {string} zone @param {string|null|undefined} instant RFC 3339 */
function local(zone, instant) {
  if (!instant) return "runs";
  // To `Intl` an offset is a zone without the letters before it.
  const timeZone = zone.replace(/^UTC(?=[+-])/, "");
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" }).format(new Date(instant));
  return `${date(parts)} ${parts.slice(11)}`;
}

/**
 * @param {View} view @param {any[]} sessions so far @param {boolean} more @param {() => void} next asks for more
 */
export function showSessions(view, sessions, more, next) {
  const cell = (text, title, kind = "name") => h("td", { class: kind, title, text });
  const named = (value) => cell(value && visible(value.name === value.id ? shortId(value.id) : value.name), value?.id);
  const rows = sessions.map((session) => h("tr", {},
    h("th", { scope: "row", text: local(view.timeZone, session.startedAt) }), cell(local(view.timeZone, session.endedAt), null, ""),
    cell(shown("runtime", session.inWindow.runtimeMs), null, ""), cell(shown("cost", session.inWindow.cost), session.usage.map((line) => `${line.usageType} ${line.licenseProduct ?? ""} $${line.cost}`).join("\n"), ""),
    ...["job", "user", "queue"].map((member) => named(session[member])), cell(session.outcome, null, session.outcome === "FAILED" ? "name bad" : "name"),
    named(session.fleet), cell(session.instanceType), named(session.worker), cell(shortId(session.sessionId), session.sessionId)));
  fill($("table"), h("table", { class: "sessions" }, template("sessions-head"), h("tbody", {}, ...rows)));
  fill($("table-note"), `${more ? "the newest " : ""}${counted(sessions.length, "session")}; time and cost are those inside the range`, more && link("Show more", next));
}
