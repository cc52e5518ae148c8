/* The frame: header texts from the pulse, refresh interval, pause, looking again soon. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var LABELS = { 0: "Off", 5: "5 s", 15: "15 s", 30: "30 s", 60: "1 min", 300: "5 min" };

  function part(type, props) {
    return { type: type, namespace: "dash_html_components", props: props };
  }
  function bannerOf(pulse) {
    if (pulse.state === "unreachable") {
      // One sentence, one child: the banner lays its children out side by side.
      return part("Div", { className: "banner bad", children: part("Span", { children: [
        "The data store does not answer. Figures stay as they were, ",
        part("Span", { "data-age": String(pulse.since), "data-before": "for ", "data-after": " now." })
      ] }) });
    }
    if (pulse.state === "demo") {
      return part("Div", { className: "banner", children: "Demonstration: every figure on this page is simulated." });
    }
    return [];
  }
  function freshnessOf(pulse) {
    if (!pulse.as_of) return [];
    var lines = [];
    if (pulse.ended) {
      lines.push(part("Div", { children: "Figures end at the newest event" }));
    } else if (pulse.newest !== null) {
      lines.push(part("Div", { children: part("Span", { "data-age": String(pulse.newest), "data-before": "Newest event ", "data-after": " ago" }) }));
    } else {
      lines.push(part("Div", { children: "No events yet" }));
    }
    lines.push(part("Div", { children: pulse.as_of }));
    return lines;
  }

  /* While nobody answers, what was known before stays known, and the first silence counts. */
  var last = {};
  function told(pulse) {
    if (!pulse || pulse.state !== "unreachable") return (last = pulse || {});
    var since = last.state === "unreachable" ? last.since : pulse.since;
    return (last = Object.assign({}, last, pulse, { since: since }));
  }

  /* What the panels follow. In an outage those that have drawn keep their figures; where none has
     yet, they learn that there are none. */
  cip.version = function (pulse, seen) {
    var none = window.dash_clientside.no_update;
    if (!pulse) return none;
    var version = pulse.version || (seen ? seen : pulse.state);
    return version === seen ? none : version;
  };

  cip.show_pulse = function (raw) {
    if (!raw) return [[], [], []];
    var pulse = told(raw);
    window.cipAges.setPulse(pulse);
    document.documentElement.toggleAttribute("data-no-export", pulse.may_export === false);
    if (pulse.may) document.documentElement.setAttribute("data-may", pulse.may.join(" "));
    var name = pulse.tenant || "";
    var tenant = name ? [
      part("B", { className: "tenant-mark", "aria-hidden": "true", children: name.slice(0, 1).toUpperCase() }),
      part("Span", { className: "tenant-name", children: name })
    ] : [];
    if (name && pulse.demo_tenant) {
      tenant.push(part("Span", { className: "tag wide-only", title: "The events of this tenant are simulated", children: "Demo tenant" }));
    }
    var who = pulse.who ? pulse.who + ", " + pulse.role : "";
    return [tenant, who, bannerOf(pulse)];
  };

  cip.freshness = function (pulse) { return pulse ? freshnessOf(told(pulse)) : []; };

  cip.refresh_every = function (seconds) {
    window.cipAges.setPaused(seconds === 0);
    return [seconds ? seconds * 1000 : 3600000, seconds === 0, LABELS[seconds] || ""];
  };

  cip.pause = function (clicks) {
    var paused = Boolean((clicks || 0) % 2);
    return [paused, [
      part("I", { className: paused ? "bi bi-play-fill" : "bi bi-pause-fill", "aria-hidden": "true" }),
      part("Span", { children: paused ? "Resume" : "Pause" })
    ]];
  };

  /* A form of ours proves, as Dash's requests do, that it was sent from this very page. */
  document.addEventListener("submit", function (event) {
    var form = event.target, proof = /(?:^|; )(?:__Host-)?cip_csrf=([^;]*)/.exec(document.cookie);
    if (form.method.toLowerCase() !== "post" || !proof) return;
    var field = form.querySelector("input[name=csrf_token]") || document.createElement("input");
    field.type = "hidden";
    field.name = "csrf_token";
    field.value = proof[1];
    form.append(field);
  });

  /* A panel whose figures are being computed marks itself; then this looks again, ever less often. */
  var delay = 1000;
  function nudge() {
    window.dash_clientside.set_props("nudge", { data: Date.now() });
  }
  function watch() {
    var waiting = document.querySelector("[data-pending]") && !document.hidden;
    if (waiting && window.dash_clientside.set_props) {
      nudge();
      delay = Math.min(delay * 1.5, 10000);
    } else if (!waiting) {
      delay = 1000;
    }
    window.setTimeout(watch, delay);
  }
  window.setTimeout(watch, delay);
  window.cipNudge = nudge;

  /* The document's title and the sidebar's mark follow the page that is open. */
  function followPage() {
    var heading = document.querySelector("#page-content h1");
    var title = heading ? heading.textContent + " · Customer Intelligence" : "Customer Intelligence";
    if (document.title !== title) document.title = title;
    document.querySelectorAll("#sidebar nav a").forEach(function (link) {
      var open = link.pathname === location.pathname;
      if (open && !link.hasAttribute("aria-current")) link.setAttribute("aria-current", "page");
      if (!open && link.hasAttribute("aria-current")) link.removeAttribute("aria-current");
    });
  }
  new MutationObserver(followPage).observe(document.documentElement, { childList: true, subtree: true });
})();
