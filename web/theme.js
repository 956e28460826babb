// Light or dark: as the system has it, or as somebody chose on this browser.
import { $ } from "./dom.js";

const KEY = "farmtally-theme";
const THEMES = ["", "dark", "light"];
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @returns {""|"light"|"dark"} */
const chosen = () => /** @type {any} */ (localStorage.getItem(KEY)) ?? "";

/** @param {() => void} changed called when colours are other ones */
export function begin(changed) {
  const apply = () => {
    const theme = chosen();
    document.documentElement.dataset.theme = theme || (dark.matches ? "dark" : "light");
    $("theme").textContent = "◐☾☀"[THEMES.indexOf(theme)];
    $("theme").ariaLabel = $("theme").title = `Theme: ${theme || "as the system has it"}`;
    changed();
  };
  $("theme").onclick = () => {
    localStorage.setItem(KEY, THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length]);
    apply();
  };
  dark.addEventListener("change", apply);
  apply();
}

/** @param {string} name @returns {string} a colour of app.css */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
