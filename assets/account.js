/* The account page: the table of sessions, the password's rules, preferences. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var MIN = 12, MAX = 128;

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function glyph(name) {
    var element = make("i", "bi bi-" + name);
    element.setAttribute("aria-hidden", "true");
    return element;
  }
  function byId(id) { return document.getElementById(id); }

  /* Sessions */
  function end(handle) {
    // A number, so that the same wish a second time is a change too.
    window.dash_clientside.set_props("session-ending", { data: { handle: handle, at: Date.now() } });
  }
  function browserCell(one) {
    var cell = make("td", "where");
    var words = make("span", "what", one.browser);
    words.title = one.agent;
    cell.append(glyph(one.glyph), words);
    if (one.mine) cell.append(make("span", "tag", "This browser"));
    return cell;
  }
  function seenCell(one) {
    var cell = make("td", "seen");
    var age = make("span", "num", one.mine ? "Now" : undefined);
    if (!one.mine) {
      age.dataset.age = one.seen;
      age.dataset.after = " ago";
    }
    age.title = "Ends by itself on " + one.ends + (one.remember ? " (kept signed in)" : "");
    cell.append(age);
    return cell;
  }
  function endCell(one) {
    var cell = make("td", "r act");
    if (one.mine) return cell;
    var button = make("button", "button sm", "Sign out");
    button.type = "button";
    button.setAttribute("aria-label", "Sign out " + one.browser + ", " + one.address);
    button.addEventListener("click", function () {
      button.disabled = true;
      button.textContent = "Signing out";
      end(one.handle);
    });
    cell.append(button);
    return cell;
  }
  function sessionRow(one) {
    var row = make("tr", one.mine ? "mine" : "");
    row.dataset.handle = one.handle;
    row.append(browserCell(one), labelled("num sub address", one.address || "unknown", "from"),
      labelled("num sub since", one.since, "since"), seenCell(one), endCell(one));
    return row;
  }
  function labelled(className, text, label) {
    var cell = make("td", className, text);
    cell.dataset.label = label;
    return cell;
  }
  function heading(titles) {
    var row = make("tr"), head = make("thead");
    titles.forEach(function (title) {
      var cell = make("th", "", title);
      cell.scope = "col";
      if (!title) cell.append(make("span", "sr-only", "Sign out"));
      row.append(cell);
    });
    head.append(row);
    return head;
  }
  cip.sessions = function (data, id) {
    var holder = byId(id);
    if (!holder || !data) return [0, "", "idle"];
    var table = make("table", "data stack sessions"), body = make("tbody");
    table.append(make("caption", "sr-only", "Browsers where you are signed in"));
    data.rows.forEach(function (one) { body.append(sessionRow(one)); });
    table.append(heading(["Browser", "Address", "Signed in", "Last active", ""]), body);
    holder.replaceChildren(table);
    if (location.hash === "#sessions") {
      byId("sessions").scrollIntoView();
      history.replaceState(history.state, "", location.pathname + location.search);
    }
    var many = data.others === 1 ? "1 other browser" : data.others + " other browsers";
    return [data.rows.length, "This signs out " + many + ". You stay signed in here.", data.others ? "pop end" : "pop end idle"];
  };
  document.addEventListener("cip:refused", function (event) {
    // What was asked for did not happen: the list is read anew.
    if (event.detail.output.indexOf("sessions-ended") < 0) return;
    document.querySelectorAll(".sessions .act button:disabled").forEach(function (button) {
      button.disabled = false;
      button.textContent = "Sign out";
    });
    window.cipNudge();
  });

  /* The password's rules tick themselves off while one types; the server checks them again. */
  function mark(rule, state) {
    var line = document.querySelector('#password-rules [data-rule="' + rule + '"]');
    if (!line || line.dataset.state === state) return;
    line.dataset.state = state;
    line.querySelector(".bi").className = "bi bi-" + (state === "met" ? "check-circle" : "circle");
  }
  function judge() {
    var chosen = byId("password-new"), again = byId("password-again");
    if (!chosen || !again) return;
    var size = Array.from(chosen.value).length;
    mark("length", size >= MIN && size <= MAX ? "met" : "open");
    mark("same", again.value && again.value === chosen.value ? "met" : "open");
  }
  document.addEventListener("input", function (event) {
    if (event.target.closest("#password-form")) judge();
  });

  /* Sent once: a second time the present password would be another one already. */
  function passwordBusy(on) {
    var save = byId("password-save");
    if (save) save.disabled = on;
  }
  cip.password_answered = function () {
    passwordBusy(false);
    judge();
    return String(Date.now());
  };
  document.addEventListener("submit", function (event) {
    if (event.target.id === "password-form") passwordBusy(true);
  });
  document.addEventListener("cip:refused", function (event) {
    if (event.detail.output.indexOf("password-changed") >= 0) passwordBusy(false);
  });

  /* Preferences: each button passes its choice on to the control that keeps it. */
  function check(id, value) {
    var holder = byId(id);
    if (!holder) return;
    holder.querySelectorAll("[role=radio]").forEach(function (button) {
      var on = button.dataset.value === String(value);
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    });
  }
  function showTheme() { if (window.cipTheme) check("preferred-theme", window.cipTheme.chosen()); }
  cip.preferred_refresh = function (seconds) {
    check("preferred-refresh", seconds);
    showTheme();
    return String(seconds);
  };
  var prefer = {
    theme: function (value) { window.cipTheme.choose(value); },
    refresh: function (value) {
      var input = document.querySelector('#refresh-every input[value="' + value + '"]');
      if (input) input.click();
    }
  };
  document.addEventListener("cip:theme", showTheme);
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-prefer]");
    if (button) prefer[button.dataset.prefer](button.dataset.value);
    if (event.target.closest("#sessions-end-others")) {
      byId("sessions-all").removeAttribute("open");
      end("others");
    }
    var link = event.target.closest("details.pop .menu a.item");
    if (link) link.closest("details.pop").removeAttribute("open");
  });
  document.addEventListener("keydown", function (event) {
    var step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    var button = event.target.closest && event.target.closest("[data-prefer]");
    if (!step || !button) return;
    var all = Array.from(button.parentElement.children);
    var next = all[(all.indexOf(button) + step + all.length) % all.length];
    next.focus();
    next.click();
    event.preventDefault();
  });
})();
