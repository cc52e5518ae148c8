/* Tabs: by click, by arrow keys, and by the address (?tab=…), which follows without a request. */
(function () {
  "use strict";
  var AGAIN = 5; // seconds
  var asking = {}; // panel → its timer
  var set = function (id, data) { window.dash_clientside.set_props(id, { data: data }); };

  function tabsOf(list) { return Array.from(list.querySelectorAll('[role="tab"]')); }
  function panelOf(tab) { return document.getElementById(tab.getAttribute("aria-controls")); }
  function mark(list, chosen) {
    tabsOf(list).forEach(function (tab) {
      var on = tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      panelOf(tab).hidden = !on;
    });
  }
  /* Its panels read when they are opened, and only then. */
  function read(tab) {
    (tab.dataset.opens || "").split(" ").filter(Boolean).forEach(function (panel) {
      set(panel + "-opened", Date.now());
    });
  }
  function choose(list, tab) {
    mark(list, tab);
    var search = new URLSearchParams(location.search);
    search.set("tab", tab.dataset.tab);
    history.replaceState(history.state, "", location.pathname + "?" + search);
    read(tab);
  }

  document.addEventListener("click", function (event) {
    var tab = event.target.closest('[role="tab"][data-tab]');
    if (tab) choose(tab.closest('[role="tablist"]'), tab);
    // A card that failed is read again with its tab.
    if (event.target.closest('.tab-panel [data-action="retry"]')) {
      read(document.getElementById(event.target.closest(".tab-panel").getAttribute("aria-labelledby")));
    }
    var link = event.target.closest("[data-go-tab]");
    var wanted = link && document.querySelector('[role="tab"][data-tab="' + link.dataset.goTab + '"]');
    if (wanted) {
      choose(wanted.closest('[role="tablist"]'), wanted);
      wanted.focus();
    }
  });
  document.addEventListener("keydown", function (event) {
    var tab = event.target.closest && event.target.closest('[role="tab"][data-tab]');
    if (!tab) return;
    var list = tab.closest('[role="tablist"]');
    var tabs = tabsOf(list);
    var at = tabs.indexOf(tab);
    var to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    var next = tabs[(to + tabs.length) % tabs.length];
    next.focus();
    choose(list, next);
  });

  /* A card that has nothing to show and got no answer asks again, as long as it is looked at. */
  function keepAsking(panel) {
    var seconds = 0;
    asking[panel] = asking[panel] || window.setInterval(function () {
      var waits = document.querySelector("#" + panel + "-state :is(.sk, [data-away])");
      if (waits && !waits.closest("[hidden]")) {
        if (++seconds % AGAIN === 0) set(panel + "-opened", Date.now());
        return;
      }
      window.clearInterval(asking[panel]);
      delete asking[panel];
      window.cipDismiss("refused 503");
    }, 1000);
  }
  document.addEventListener("cip:refused", function (event) {
    var panel = /(?:^|\.)([a-z-]+)-drawn\.data(?:\.|$)/.exec(event.detail.output);
    if (!panel || [0, 204, 503].indexOf(event.detail.status) < 0) return;
    if (!document.querySelector(".tab-panel:not([hidden]) #" + panel[1] + "-state .sk")) return;
    if (!asking[panel[1]]) window.cipRefusal({ status: 503, message: "What you opened appears as soon as it answers." });
    keepAsking(panel[1]);
    event.preventDefault();
  });

  /* A page that opens reads the tab that it shows. */
  function begin() {
    document.querySelectorAll(".tab-panel:not([hidden]) .statebox [data-away]").forEach(function (state) {
      keepAsking(state.closest(".panel").id);
    });
    var list = document.querySelector('[role="tablist"][data-tabs]:not([data-begun])');
    if (!list || !window.dash_clientside || !window.dash_clientside.set_props) return;
    var chosen = list.querySelector('[aria-selected="true"]');
    if (!chosen || !panelOf(chosen)) return;
    list.setAttribute("data-begun", "1");
    read(chosen);
  }
  new MutationObserver(begin).observe(document.documentElement, { childList: true, subtree: true });
})();
