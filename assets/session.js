/* What an answer says about the session: signed out leads to the login, silence is shown. */
(function () {
  "use strict";
  var UPDATE = "/_dash-update-component";
  var fetchNow = window.fetch;

  function silent() {
    var pulse = window.cipPulse || {};
    if (pulse.state === "unreachable" || !window.dash_clientside.set_props) return;
    var next = Object.assign({}, pulse, { state: "unreachable", since: Date.now() / 1000 });
    window.dash_clientside.set_props("pulse", { data: next });
  }
  window.fetch = function (target, options) {
    var address = String((target && target.url) || target);
    if (address.indexOf(UPDATE) < 0) return fetchNow.apply(this, arguments);
    return fetchNow.apply(this, arguments).then(function (answer) {
      if (answer.status === 401) {
        location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
      } else if (answer.status >= 500) {
        silent();
      }
      return answer;
    }, function (error) {
      silent();
      throw error;
    });
  };
})();
