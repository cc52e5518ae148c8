/* What an answer says about the session: signed out leads to the login; no answer at all is shown. */
(function () {
  "use strict";
  var UPDATE = "/_dash-update-component";
  var fetchNow = window.fetch;

  function silent() {
    if (!window.dash_clientside.set_props) return;
    window.dash_clientside.set_props("pulse", { data: { state: "unreachable", since: Date.now() / 1000 } });
  }
  function ofTheTick(options) {
    try { return JSON.parse(options.body).output === "pulse.data"; } catch (error) { return true; }
  }
  window.fetch = function (target, options) {
    var address = String((target && target.url) || target);
    if (address.indexOf(UPDATE) < 0) return fetchNow.apply(this, arguments);
    return fetchNow.apply(this, arguments).then(function (answer) {
      // What a person asked for is answered in the page (assets/refusals.js), with what they typed.
      if (answer.status === 401 && ofTheTick(options)) {
        location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
      } else if (!answer.headers.get("X-Request-ID")) {
        silent(); // a proxy speaks for a server that does not
      }
      return answer;
    }, function (error) {
      silent();
      throw error;
    });
  };
})();
