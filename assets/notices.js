/* Notices in the corner: what was done, with a way back, and what was refused. One a matter. */
(function () {
  "use strict";
  var SECONDS = 12;
  var MOST = 2; // of those that go by themselves
  var ICONS = { good: "check-circle", bad: "exclamation-triangle", info: "info-circle" };
  var shown = new Map(); // key → element

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function icon(name) {
    var element = make("i", "bi bi-" + name);
    element.setAttribute("aria-hidden", "true");
    return element;
  }
  function region() {
    var element = document.getElementById("notices");
    if (element) return element;
    element = make("div", "notices");
    element.id = "notices";
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", "Notices");
    // Read out as they come; there before the first one is.
    element.setAttribute("aria-live", "polite");
    document.body.append(element);
    return element;
  }
  function dismiss(key) {
    var element = shown.get(key);
    if (element) element.remove();
    shown.delete(key);
  }
  /* It goes by itself, but not while somebody is about to use it. */
  function leaveLater(key, element) {
    var left = SECONDS;
    var timer = window.setInterval(function () {
      if (!element.isConnected) window.clearInterval(timer);
      else if (!element.matches(":hover, :focus-within") && !document.hidden && --left <= 0) dismiss(key);
    }, 1000);
  }
  function actOf(given, key) {
    var act = make(given.href ? "a" : "button", "button sm", given.label);
    if (given.href) act.href = given.href;
    else act.type = "button";
    act.addEventListener("click", function () {
      dismiss(key);
      if (given.run) given.run();
    });
    return act;
  }
  function closeOf(key) {
    var close = make("button", "button ghost sm icon");
    close.type = "button";
    close.setAttribute("aria-label", "Dismiss");
    close.append(icon("x-lg"));
    close.addEventListener("click", function () { dismiss(key); });
    return close;
  }

  /* given: { kind: good | bad | info, title, text, details, act: { label, run | href }, stays, key } */
  window.cipNotice = function (given) {
    var key = given.key || given.title + "\n" + (given.text || "");
    dismiss(key);
    var element = make("div", "notice-card is-" + given.kind);
    var words = make("div", "grow");
    words.append(make("b", "", given.title));
    if (given.text) words.append(make("p", "", given.text));
    if (given.details) words.append(make("p", "details", given.details));
    element.append(icon(ICONS[given.kind] || ICONS.info), words);
    if (given.act) element.append(actOf(given.act, key));
    element.append(closeOf(key));
    element.dataset.key = key;
    shown.set(key, element);
    region().append(element);
    var passing = Array.from(region().querySelectorAll(".is-good"));
    if (passing.length > MOST) dismiss(passing[0].dataset.key);
    if (!given.stays) leaveLater(key, element);
    return element;
  };
  window.cipDismiss = dismiss;
  /* What was done on one page is no matter of the next. */
  function leave() {
    Array.from(shown).forEach(function (pair) { if (pair[1].matches(".is-good")) dismiss(pair[0]); });
  }
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[href]");
    if (link && link.pathname !== location.pathname) leave();
  });
  window.addEventListener("popstate", leave);
  document.addEventListener("DOMContentLoaded", region);
})();
