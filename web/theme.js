// Light or dark: as the system has it, or as somebody chose on this browser.
import { $ } from "./dom.js";

const KEY = "farmtally-theme";
const THEMES = { "": ["◐", "as the system has it"], dark: ["☾", "dark"], light: ["☀", "light"] };
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @returns {""|"light"|"dark"} */
const chosen = () => /** @type {any} */ (localStorage.getItem(KEY)) ?? "";

/** @param {() => void} changed called when colours are other ones */
export function begin(changed) {
  const apply = () => {
    const theme = chosen();
    document.documentElement.dataset.theme = theme || (dark.matches ? "dark" : "light");
    const [sign, label] = THEMES[theme];
    $("theme").textContent = sign;
    $("theme").ariaLabel = $("theme").title = `Theme: ${label}`;
    changed();
  };
  $("theme").onclick = () => {
    const order = Object.keys(THEMES);
    localStorage.setItem(KEY, order[(order.indexOf(chosen()) + 1) % order.length]);
    apply();
  };
  dark.addEventListener("change", apply);
  apply();
}

/** @param {string} name @returns {string} a colour of app.css */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
