/* Filter chips: from the controls to the query string, which the server checks again. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var PERIODS = {
    "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days",
    "30d": "Last 30 days", "90d": "Last 90 days", "1y": "Last year"
  };
  var BEFORE = {
    "1h": "Previous hour", "24h": "Previous 24 hours", "7d": "Previous 7 days",
    "30d": "Previous 30 days", "90d": "Previous 90 days", "1y": "Previous year"
  };

  /* The address keeps the filters; going back leads to the page before, not through each filter. */
  function keep(parameters) {
    var search = parameters.toString();
    var address = location.pathname + (search ? "?" + search : "");
    if (location.pathname + location.search !== address) {
      history.replaceState(history.state, "", address);
    }
    return search;
  }
  function face(on) { return on ? "pop on" : "pop"; }
  function day(text) {
    var parts = text.split("-").map(Number);
    var date = new Date(Date.UTC(parts[0], parts[1] - 1, parts[2]));
    return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  }

  cip.home_filters = function (period, start, end, against, channels) {
    var chosen = new URLSearchParams();
    var custom = period === "custom";
    var usable = !custom || (start && end && start <= end);
    // Until both days are chosen, what is shown stays.
    if (!usable) {
      return Array(7).fill(window.dash_clientside.no_update);
    }
    if (period !== "24h") chosen.set("period", period);
    if (custom) { chosen.set("from", start); chosen.set("to", end); }
    if (against !== "previous") chosen.set("against", against);
    (channels || []).forEach(function (name) { chosen.append("channel", name); });
    var periodText = custom ? (start === end ? day(start) : day(start) + " to " + day(end)) : PERIODS[period];
    var againstText = against === "none" ? "Nothing" : BEFORE[period] || "The days before";
    var many = (channels || []).length;
    var channelText = many === 0 ? "All" : many === 1 ? channels[0] : many + " chosen";
    return [
      keep(chosen),
      periodText, face(period !== "24h"),
      againstText, face(against !== "previous"),
      channelText, face(many > 0)
    ];
  };

  cip.segment_filters = function (method, asOf) {
    var chosen = new URLSearchParams();
    if (method !== "rank") chosen.set("method", method);
    if (asOf) chosen.set("as_of", asOf);
    return [
      keep(chosen),
      method === "r7" ? "Quintiles (R7)" : "Rank",
      asOf ? day(asOf) : "Newest event",
      face(Boolean(asOf))
    ];
  };
})();
