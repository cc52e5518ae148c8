/* What an answer to a callback refuses is said in the page: a click never just does nothing.
   Who posted it hears of it first (the event "cip:refused") and may say it beside its control. */
(function () {
  "use strict";
  var UPDATE = "/_dash-update-component";
  var TITLES = {
    401: "Your session has ended",
    403: "You may not do this",
    404: "This is not there any more",
    409: "This has changed meanwhile",
    413: "This is too large",
    422: "This cannot be used",
    429: "Too many tries",
    503: "The store does not answer"
  };
  var TITLES_OF_CODES = { still_computing: "Not ready yet" };
  var fetchNow = window.fetch;

  function outputOf(options) {
    try {
      return JSON.parse(options.body).output || "";
    } catch (error) {
      return "";
    }
  }
  function afterwards(refusal) {
    if (refusal.status === 401) {
      return { label: "Sign in again", href: "/login?next=" + encodeURIComponent(location.pathname + location.search) };
    }
    return undefined;
  }
  function textOf(refusal) {
    if (refusal.status === 401) return "Sign in again to go on. Nothing was changed.";
    if (refusal.status === 403) {
      return "Your role does not include this, or it has changed. Your administrator can give it to you.";
    }
    return refusal.message || "Nothing was changed. Try again shortly.";
  }
  window.cipRefusal = function (refusal) {
    window.cipNotice({
      key: "refused " + refusal.status + (refusal.status === 422 ? refusal.message : ""),
      kind: "bad",
      stays: true,
      title: TITLES_OF_CODES[refusal.code] || TITLES[refusal.status] || "This did not work",
      text: textOf(refusal),
      details: refusal.request ? "Request " + refusal.request : "",
      act: afterwards(refusal)
    });
  };
  function tell(refusal) {
    var event = new CustomEvent("cip:refused", { detail: refusal, cancelable: true });
    // Whoever shows it beside a control cancels the event.
    if (document.dispatchEvent(event) && refusal.status >= 400) window.cipRefusal(refusal);
  }
  function ours(answer) {
    return Boolean(answer.headers.get("X-Request-ID"));
  }
  function read(answer, output) {
    answer.clone().json().catch(function () { return {}; }).then(function (body) {
      var error = (body && body.error) || {};
      tell({
        output: output, status: answer.status, code: error.code || "", message: error.message || "", field: error.field || "",
        ours: ours(answer), request: error.request_id || answer.headers.get("X-Request-ID") || ""
      });
    });
  }

  window.fetch = function (target, options) {
    var address = String((target && target.url) || target);
    if (address.indexOf(UPDATE) < 0) return fetchNow.apply(this, arguments);
    return fetchNow.apply(this, arguments).then(function (answer) {
      if (answer.status >= 400) read(answer, outputOf(options));
      // No update: who acted learns from it that nobody could be asked, so that nothing was done.
      else if (answer.status === 204) tell({ output: outputOf(options), status: 204, message: "", ours: ours(answer) });
      else if (!ours(answer)) tell({ output: outputOf(options), status: 0, message: "", ours: false });
      return answer;
    }, function (error) {
      tell({ output: outputOf(options), status: 0, message: "", ours: false });
      throw error;
    });
  };
})();
