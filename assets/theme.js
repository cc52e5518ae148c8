/* The theme, set before the first paint: this script stands in the document's head. */
(function () {
  "use strict";
  if (window.cipTheme) return; // Dash lists every script of this folder once more
  var KEY = "cip-theme";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try { return localStorage.getItem(KEY); } catch (error) { return null; }
  }
  function wanted() {
    var chosen = stored();
    return chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
  }
  function apply(theme) {
    root.setAttribute("data-bs-theme", theme);
    document.dispatchEvent(new CustomEvent("cip:theme"));
    // Figures hold token names: this makes the browser draw them again, without the server.
    if (window.dash_clientside && window.dash_clientside.set_props) {
      window.dash_clientside.set_props("theme", { data: theme });
    }
  }
  window.cipTheme = {
    current: function () { return root.getAttribute("data-bs-theme"); },
    toggle: function () {
      var next = window.cipTheme.current() === "dark" ? "light" : "dark";
      try { localStorage.setItem(KEY, next); } catch (error) { /* private mode: this page only */ }
      apply(next);
    },
    /* "light", "dark", or "system" */
    chosen: function () { return stored() ? wanted() : "system"; },
    choose: function (name) {
      try {
        if (name === "system") localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, name);
      } catch (error) { /* private mode: nothing is kept */ }
      apply(name === "system" ? wanted() : name);
    }
  };
  apply(wanted());
  dark.addEventListener("change", function () { if (!stored()) apply(wanted()); });
})();
