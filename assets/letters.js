/* Dead letters: choosing a reason and a letter, and the letter itself, built as plain elements. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var REASONS = "letter-reasons", LETTERS = "letters", LETTER = "letter", OPEN = "letters-open";
  var chosen = { reason: "", pages: 1, letter: "" };
  var drafts = {}; // letter → what was typed, for when it is opened again

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function button(className, glyph, text) {
    var element = make("button", "button " + className);
    element.type = "button";
    var mark = make("i", "bi bi-" + glyph);
    mark.setAttribute("aria-hidden", "true");
    element.append(mark, make("span", "", text));
    return element;
  }
  function set(id, data) { window.dash_clientside.set_props(id, { data: data }); }
  function byId(id) { return document.getElementById(id); }

  /* --- choosing --- */
  function mark(panel, key) {
    var table = byId(panel + "-table");
    if (!table) return;
    table.querySelectorAll("tr[data-row]").forEach(function (row) {
      if (row.dataset.row === key) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
  }
  /* A table that is built anew shows again what is chosen. */
  function watch(panel, name) {
    var table = byId(panel + "-table");
    if (!table || table.cipWatched) return;
    table.cipWatched = true;
    new MutationObserver(function () { mark(panel, chosen[name]); }).observe(table, { childList: true });
  }
  function ask() { set(LETTERS + "-query", { reason: chosen.reason, pages: chosen.pages }); }
  function clearLetter() {
    chosen.letter = "";
    byId(LETTER).hidden = true;
    byId(LETTERS).classList.remove("beside");
    mark(LETTERS, "");
  }
  function chooseReason(key) {
    chosen.reason = key;
    chosen.pages = 1;
    watch(REASONS, "reason");
    watch(LETTERS, "letter");
    mark(REASONS, key);
    clearLetter();
    byId(OPEN).hidden = false;
    byId(LETTERS).scrollIntoView({ block: "nearest" });
    ask();
  }
  function chooseLetter(key) {
    chosen.letter = key;
    mark(LETTERS, key);
    byId(LETTER).hidden = false;
    byId(LETTERS).classList.add("beside");
    set(LETTER + "-query", { letter: key });
  }
  // Before assets/acts.js: to open something asks for nothing to be done.
  document.addEventListener("click", function (event) {
    var opener = event.target.closest('[data-does="open"]');
    var holder = opener && opener.closest(".work-slot");
    if (!holder || !opener.cipAct) return;
    if (holder.id === REASONS + "-table") chooseReason(opener.cipAct.target);
    else if (holder.id === LETTERS + "-table") chooseLetter(opener.cipAct.target);
    else return;
    event.stopPropagation();
  }, true);
  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-letters-older]")) {
      chosen.pages += 1;
      ask();
    }
    var retry = event.target.closest('[data-action="retry"]');
    var panel = retry && retry.closest("#" + LETTERS + ", #" + LETTER);
    if (panel) set(panel.id + "-opened", Date.now());
  });

  /* --- one letter --- */
  function factsOf(data) {
    var list = make("dl", "letter-facts");
    data.facts.forEach(function (fact) { list.append(make("dt", "", fact[0]), make("dd", fact[2], fact[1])); });
    return list;
  }
  /* The line of indented JSON where the field begins, by its path; -1 where it is missing. */
  function lineOf(lines, path) {
    var names = path ? path.split(".") : [], at = -1;
    for (var depth = 0; depth < names.length; depth += 1) {
      var start = "  ".repeat(depth + 1) + JSON.stringify(names[depth]) + ":";
      var found = -1;
      for (var next = at + 1; next < lines.length; next += 1) {
        if (lines[next].indexOf(start) === 0) { found = next; break; }
        if (depth && lines[next].search(/\S/) < 2 * (depth + 1)) break; // its object has ended
      }
      if (found < 0) return depth ? at : -1;
      at = found;
    }
    return at;
  }
  function jsonOf(data) {
    var box = make("pre", "letter-json"), lines = data.text.split("\n");
    var fault = lineOf(lines, data.fault);
    lines.forEach(function (line, number) {
      var element = make("span", number === fault ? "fault" : "", line + "\n");
      box.append(element);
    });
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "The event as it came");
    return box;
  }
  function select(area, path) {
    var lines = area.value.split("\n"), at = lineOf(lines, path);
    area.focus();
    if (at < 0) return;
    var start = lines.slice(0, at).join("\n").length + (at ? 1 : 0);
    area.setSelectionRange(start + lines[at].search(/\S/), start + lines[at].length);
    area.scrollTop = Math.max(0, at - 3) * parseFloat(getComputedStyle(area).lineHeight);
  }
  function editorOf(data) {
    var area = make("textarea", "input letter-json");
    area.id = LETTER + "-event";
    area.name = "event";
    area.value = drafts[data.id] === undefined ? data.text : drafts[data.id];
    area.addEventListener("input", function () { drafts[data.id] = area.value; });
    area.spellcheck = false;
    area.autocapitalize = "off";
    area.rows = Math.min(Math.max(data.text.split("\n").length + 1, 8), 24);
    area.setAttribute("aria-label", "The event as JSON");
    area.setAttribute("aria-describedby", LETTER + "-event-error");
    return area;
  }
  function errorFor(name) {
    var line = make("p", "field-error");
    line.setAttribute("role", "alert");
    line.dataset.errorFor = name;
    return line;
  }
  function formOf(data) {
    var form = make("form", "letter-form");
    form.noValidate = true;
    form.dataset.area = data.area;
    form.dataset.does = "replay";
    var id = make("input");
    id.type = "hidden";
    id.name = "letter";
    id.value = data.id;
    var slot = make("div"), error = errorFor("event"), acts = make("div", "letter-acts");
    error.id = LETTER + "-event-error";
    var replay = button("primary", "arrow-repeat", "Replay");
    replay.type = "submit";
    var edit = button("", "pencil", "Edit");
    var discard = button("", "trash3", "Discard");
    discard.dataset.action = "act";
    discard.dataset.does = "discard";
    discard.cipAct = { action: "discard", target: data.id, confirm: data.confirm };
    function editing(on, path) {
      slot.replaceChildren(on ? editorOf(data) : jsonOf(data));
      edit.querySelector("span").textContent = on ? "Undo changes" : "Edit";
      edit.firstChild.className = "bi bi-" + (on ? "arrow-counterclockwise" : "pencil");
      replay.querySelector("span").textContent = on ? "Replay as edited" : "Replay";
      error.textContent = "";
      if (on && path !== undefined) select(slot.firstChild, path);
    }
    edit.addEventListener("click", function () {
      var on = slot.firstChild.tagName !== "TEXTAREA";
      delete drafts[data.id];
      editing(on || !data.whole, data.fault);
    });
    editing(!data.whole || drafts[data.id] !== undefined);
    acts.append(replay, edit, make("span", "grow"), discard);
    form.append(id, slot, error, errorFor(""), acts);
    return form;
  }
  cip.letter = function (data, id) {
    var holder = byId(id);
    if (!holder) return window.dash_clientside.no_update;
    holder.replaceChildren();
    if (!data) return "";
    holder.append(factsOf(data));
    if (data.note) holder.append(make("p", "letter-note", data.note));
    holder.append(formOf(data));
    byId(LETTER).scrollIntoView({ block: "nearest" });
    return data.id;
  };
  /* What is refused names the field first: there the caret goes. */
  document.addEventListener("cip:refused", function (event) {
    if (event.detail.output !== REASONS + "-answer.data") return;
    if (event.detail.status === 404 && chosen.reason) set(LETTERS + "-opened", Date.now());
    if (event.detail.field !== "event") return;
    var area = byId(LETTER + "-event"), named = /^([a-z_]+(?:\.[a-z_]+)*): /.exec(event.detail.message);
    if (area && named) select(area, named[1]);
  });

  /* --- what came of an act --- */
  cip.letters_settled = function (answer, query) {
    if (!answer || !byId(OPEN)) return window.dash_clientside.no_update;
    if (answer.settled === chosen.letter || answer.settled === chosen.reason) {
      clearLetter();
      var again = document.querySelector("#" + LETTERS + "-table button, #" + REASONS + "-table button");
      if (again && document.activeElement === document.body) again.focus();
    }
    if (query && chosen.reason) set(LETTERS + "-opened", Date.now());
    return answer.nonce;
  };
})();
