// Loaded before the first paint: light, dark or night. Not a module, so that nothing flashes.
"use strict";
(() => {
  const MODES = ["dark", "light", "night"];
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function saved() {
    try { return localStorage.getItem("theme"); } catch { return null; }
  }

  function mode() {
    const one = saved();
    if (MODES.includes(one)) return one;
    return root.dataset.startTheme || (dark.matches ? "dark" : "light");
  }

  function apply() {
    root.dataset.bsTheme = mode() === "light" ? "light" : "dark";
    root.classList.toggle("night", mode() === "night");
  }

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-next]")) return;
    const next = MODES[(MODES.indexOf(mode()) + 1) % MODES.length];
    try { localStorage.setItem("theme", next); } catch { /* a private window: it holds for this page */ }
    root.dataset.startTheme = next;
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
})();
