/* Popovers, drawers and card menus: what a click or a key does that no server needs to know. */
(function () {
  "use strict";

  function openPops() { return Array.from(document.querySelectorAll("details.pop[open]")); }
  function close(pop, focus) {
    pop.removeAttribute("open");
    if (focus) pop.querySelector("summary").focus();
  }
  function closeDrawer() {
    document.body.removeAttribute("data-drawer");
    document.querySelectorAll("[data-drawer-name]").forEach(function (button) {
      button.setAttribute("aria-expanded", "false");
    });
  }
  function panelOf(element) { return element.closest(".panel"); }

  var actions = {
    theme: function () { window.cipTheme.toggle(); },
    retry: function () { window.cipNudge(); },
    drawer: function (button) {
      document.body.setAttribute("data-drawer", button.dataset.drawerName);
      button.setAttribute("aria-expanded", "true");
    },
    "close-drawer": closeDrawer,
    table: function (button) {
      var shown = panelOf(button).classList.toggle("as-table");
      if (shown) window.cipShowTable(panelOf(button));
      button.querySelector("span").textContent = shown ? "Show as chart" : "Show as table";
      window.dispatchEvent(new Event("resize")); // a drawing that was hidden takes its size again
    },
    png: function (button) {
      var panel = panelOf(button);
      window.dash_clientside.cip.downloadPng(panel.id + "-graph", panel.id);
    },
    definition: function (button) {
      var pop = panelOf(button).querySelector("details.definition");
      // After the click's own closing of popovers.
      window.setTimeout(function () { pop.setAttribute("open", ""); }, 0);
    },
    reveal: function (button) {
      var target = document.getElementById(button.dataset.target);
      target.hidden = !target.hidden;
      button.setAttribute("aria-expanded", String(!target.hidden));
      if (!target.hidden) target.querySelector("input").focus();
    },
    "copy-details": function (button) {
      var fold = button.closest(".error").querySelector("dl");
      if (navigator.clipboard) navigator.clipboard.writeText(fold.innerText);
    }
  };

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-action]");
    if (button && actions[button.dataset.action]) actions[button.dataset.action](button);
    var inMenu = button && button.classList.contains("item");
    openPops().forEach(function (pop) {
      if (!pop.contains(event.target) || (inMenu && pop.contains(button))) close(pop, inMenu);
    });
    if (event.target.closest(".side a")) closeDrawer();
  });

  document.addEventListener("keydown", function (event) {
    var pops = openPops();
    if (event.key === "Escape") {
      if (pops.length) close(pops[pops.length - 1], true);
      else closeDrawer();
      return;
    }
    var pop = pops[pops.length - 1];
    if (!pop || !pop.contains(document.activeElement)) return;
    var items = Array.from(pop.querySelectorAll(".item"));
    if (!items.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      var at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      items[(at + items.length) % items.length].focus();
      event.preventDefault();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey) {
      var hit = items.find(function (item) { return item.dataset.key && item.dataset.key === event.key.toLowerCase(); });
      if (hit) hit.click();
    }
  });
})();
