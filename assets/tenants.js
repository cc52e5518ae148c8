/* The tenant switcher: a menu in the header whose list is asked for when it opens. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var MANY = 8; // from here on there is a box to filter by

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function button() { return document.getElementById("tenant-switch"); }
  function menu() { return document.getElementById("tenant-menu"); }
  function isOpen() { return Boolean(menu()) && !menu().hidden; }
  function items() { return Array.from(menu().querySelectorAll(".item:not([hidden]):not(:disabled)")); }
  function say(text, className) {
    var line = make("p", className || "who", text);
    line.setAttribute("role", "status");
    menu().replaceChildren(line);
  }

  function open() {
    if (!menu().querySelector(".item")) say("Loading");
    menu().hidden = false;
    button().setAttribute("aria-expanded", "true");
    window.dash_clientside.set_props("tenants-asked", { data: Date.now() });
  }
  function close(focus) {
    if (!isOpen()) return;
    menu().hidden = true;
    button().setAttribute("aria-expanded", "false");
    if (focus) button().focus();
  }
  /* `at` makes the same wish a second time a change too. */
  function choose(item) {
    if (item.getAttribute("aria-checked") === "true") return close(true);
    menu().querySelectorAll(".item").forEach(function (other) { other.disabled = true; });
    item.classList.add("going");
    window.dash_clientside.set_props("tenant-chosen", { data: { tenant: item.dataset.tenant, at: Date.now() } });
  }

  function itemOf(tenant) {
    var item = make("button", "item");
    item.type = "button";
    item.setAttribute("role", "menuitemradio");
    item.setAttribute("aria-checked", String(tenant.current));
    item.dataset.tenant = tenant.id;
    item.title = tenant.id;
    item.tabIndex = -1;
    var mark = make("b", "tenant-mark", tenant.name.slice(0, 1).toUpperCase());
    mark.setAttribute("aria-hidden", "true");
    item.append(mark, make("span", "", tenant.name));
    if (tenant.suspended) item.append(make("span", "tag warn", "Suspended"));
    var check = make("i", "bi bi-check-lg");
    check.setAttribute("aria-hidden", "true");
    if (tenant.current) item.append(check);
    item.addEventListener("click", function () { choose(item); });
    return item;
  }
  function filterOf(list, none) {
    var box = make("input", "input");
    box.type = "search";
    box.placeholder = "Find an organisation";
    box.setAttribute("aria-label", "Find an organisation");
    box.addEventListener("input", function () {
      var wanted = box.value.trim().toLowerCase();
      var shown = 0;
      list.querySelectorAll(".item").forEach(function (item) {
        var text = item.textContent + " " + item.dataset.tenant;
        item.hidden = text.toLowerCase().indexOf(wanted) < 0;
        shown += item.hidden ? 0 : 1;
      });
      none.hidden = shown > 0;
    });
    var holder = make("div", "find");
    holder.append(box);
    return holder;
  }
  function build(tenants) {
    var list = make("div", "tenant-list");
    list.setAttribute("role", "menu");
    list.setAttribute("aria-label", "Organisations");
    tenants.forEach(function (tenant) { list.append(itemOf(tenant)); });
    var none = make("p", "who", "No organisation of that name.");
    none.hidden = true;
    var parts = [make("div", "who", "Switch organisation"), list, none];
    if (tenants.length > MANY) parts.splice(1, 0, filterOf(list, none));
    menu().replaceChildren.apply(menu(), parts);
    if (!isOpen()) return;
    var first = menu().querySelector("input") || menu().querySelector('[aria-checked="true"]') || items()[0];
    if (first) first.focus();
    var current = menu().querySelector('[aria-checked="true"]');
    if (current) current.scrollIntoView({ block: "nearest" });
  }

  cip.tenants = function (data) {
    if (!data) return true;
    if (data.tenants) build(data.tenants);
    return !data.several;
  };
  /* Filters and ids in the address are the other tenant's: only the page stays. */
  cip.tenant_entered = function (tenant) {
    if (tenant) location.replace(location.pathname);
    return tenant || "";
  };
  document.addEventListener("cip:refused", function (event) {
    if (!isOpen()) return;
    var output = event.detail.output, why = event.detail.status ? event.detail.message : "Nobody answers.";
    if (output === "tenants-data.data") fail("The list could not be read.", why, event);
    if (output === "tenant-entered.data") fail("You are still where you were.", why, event);
  });
  /* Said here, in the menu: so it need not be said in a notice too. */
  function fail(what, why, event) {
    if (event.detail.status === 401) return;
    event.preventDefault();
    say(what + " " + why, "who bad");
  }

  document.addEventListener("click", function (event) {
    if (!button()) return;
    if (button().contains(event.target)) return isOpen() ? close(true) : open();
    if (!menu().contains(event.target)) close(false);
  });
  document.addEventListener("focusin", function (event) {
    if (isOpen() && !menu().contains(event.target) && !button().contains(event.target)) close(false);
  });
  document.addEventListener("keydown", function (event) {
    var opener = button() && event.target === button();
    if (opener && event.key === "ArrowDown" && !isOpen()) {
      event.preventDefault();
      return open();
    }
    if (!isOpen()) return;
    if (event.key === "Escape") return close(true);
    var all = items(), at = all.indexOf(document.activeElement);
    var next = { ArrowDown: at + 1, ArrowUp: at < 0 ? all.length - 1 : at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined || !all.length || (at < 0 && /Home|End/.test(event.key))) return;
    all[(next + all.length) % all.length].focus();
    event.preventDefault();
  });
})();
