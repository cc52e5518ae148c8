/* An audit log's filter and its older entries: what is asked for goes into the log's store. */
(function () {
  "use strict";
  var PAUSE = 300; // milliseconds after the last key
  var MOST = 50; // pages
  var asked = {}; // panel → { text, pages }
  var timers = {};

  function ask(panel, query) {
    asked[panel] = query;
    window.dash_clientside.set_props(panel + "-query", { data: query });
  }
  document.addEventListener("input", function (event) {
    var tools = event.target.closest && event.target.closest("[data-log]");
    if (!tools || !event.target.matches(".log-filter")) return;
    var panel = tools.dataset.log, text = event.target.value.trim();
    window.clearTimeout(timers[panel]);
    timers[panel] = window.setTimeout(function () { ask(panel, { text: text, pages: 1 }); }, PAUSE);
  });
  document.addEventListener("click", function (event) {
    var older = event.target.closest("[data-older]");
    if (!older) return;
    var panel = older.dataset.older, box = document.querySelector('[data-log="' + panel + '"] .log-filter');
    var now = asked[panel] || { pages: 1 };
    ask(panel, { text: box ? box.value.trim() : "", pages: Math.min(now.pages + 1, MOST) });
  });
  /* A page that is opened anew begins anew. */
  document.addEventListener("click", function (event) {
    if (event.target.closest("#sidebar a")) asked = {};
  });
})();
