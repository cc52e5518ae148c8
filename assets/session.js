/* What an answer says about the session: signed out leads to the login; no answer at all is shown. */
(function () {
  "use strict";

  function silent() {
    if (!window.dash_clientside.set_props) return;
    window.dash_clientside.set_props("pulse", { data: { state: "unreachable", since: Date.now() / 1000 } });
  }
  document.addEventListener("cip:refused", function (event) {
    var refusal = event.detail;
    // What a person asked for is answered in the page (assets/refusals.js), with what they typed.
    if (refusal.status === 401 && refusal.output === "pulse.data") {
      event.preventDefault();
      location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    } else if (!refusal.ours) {
      silent(); // nobody answered, or a proxy speaks for a server that does not
    }
  });
})();
