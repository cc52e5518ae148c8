/* Ages count up each second in the browser: no request, no flash. Also the live badge. */
(function () {
  "use strict";
  var STALE_AFTER = 60; // seconds since the newest event
  var skew = 0; // the server's clock minus this one, in seconds
  var pulse = null;
  var paused = false;

  function now() { return Date.now() / 1000 + skew; }
  function span(seconds) {
    var s = Math.max(0, Math.floor(seconds));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min";
    if (s < 86400) return oneDigit(s / 3600) + " h";
    if (s < 365 * 86400) return oneDigit(s / 86400) + " d";
    return oneDigit(s / (365 * 86400)) + " y";
  }
  function oneDigit(value) {
    return value >= 10 ? String(Math.floor(value)) : (Math.floor(value * 10) / 10).toFixed(1).replace(/\.0$/, "");
  }
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function fill(element) {
    var age = span(now() - Number(element.dataset.age));
    write(element, (element.dataset.before || "") + age + (element.dataset.after || ""));
  }
  function badgeState() {
    if (!pulse) return ["waiting", "Connecting"];
    if (pulse.state === "unreachable") return ["unreachable", "No answer · " + span(now() - pulse.since)];
    if (paused) return ["paused", "Paused"];
    if (pulse.state === "demo") return ["demo", "Demo"];
    if (pulse.newest === null) return ["waiting", "No events yet"];
    var age = now() - pulse.newest;
    return age <= STALE_AFTER ? ["live", "Live · " + span(age)] : ["stale", "Stale · " + span(age)];
  }
  function show() {
    document.querySelectorAll("[data-age]").forEach(fill);
    var badge = document.getElementById("live-badge");
    if (!badge) return;
    var state = badgeState();
    if (badge.dataset.state !== state[0]) badge.dataset.state = state[0];
    write(badge, state[1]);
  }
  window.cipAges = {
    setPulse: function (value) {
      pulse = value;
      if (value && value.now && value.now !== window.cipAges.seen) {
        window.cipAges.seen = value.now;
        skew = value.now - Date.now() / 1000;
      }
      show();
    },
    setPaused: function (value) { paused = value; show(); }
  };
  window.setInterval(show, 1000);
  new MutationObserver(function (changes) {
    var fresh = changes.some(function (change) {
      return change.type === "attributes" || Array.from(change.addedNodes).some(function (node) {
        return node.nodeType === 1 && (node.matches("[data-age]") || node.querySelector("[data-age]"));
      });
    });
    if (fresh) document.querySelectorAll("[data-age]").forEach(fill);
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-age"] });
})();
