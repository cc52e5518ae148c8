/* Tables with controls in their rows, built from data as plain elements. Text is never markup. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});

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
  function ageOf(cell) {
    var age = make("span", "num");
    age.dataset.age = cell.age;
    age.dataset.after = " ago";
    return age;
  }
  function textOf(cell) {
    if (cell.age) return ageOf(cell);
    if (cell.tag) return make("span", ("tag " + cell.tag).trim(), cell.text);
    return make("span", cell.mono ? "mono" : "", cell.text);
  }
  /* `act` hangs on the element itself: assets/acts.js reads it. */
  function selectOf(given, row) {
    var select = make("select", "input");
    select.setAttribute("aria-label", given.label);
    given.options.forEach(function (option) {
      var element = make("option", "", option[1]);
      element.value = option[0];
      select.append(element);
    });
    select.value = given.value;
    select.dataset.was = given.value;
    select.dataset.control = row.key + " " + given.name;
    select.cipAct = { action: given.action, target: row.key, name: given.name };
    return select;
  }
  function buttonOf(given, row, className) {
    var button = make("button", className + (given.danger ? " danger" : ""));
    button.type = "button";
    button.dataset.action = "act"; // closes the menu that it stands in
    button.dataset.does = given.action;
    if (given.icon) button.append(icon(given.icon));
    button.append(make("span", "", given.text));
    button.cipAct = { action: given.action, target: row.key, values: given.values || {}, confirm: given.confirm };
    return button;
  }
  function menuOf(given, row) {
    var pop = make("details", "pop end");
    var face = make("summary", "button ghost sm icon");
    face.setAttribute("aria-label", given.label);
    face.dataset.control = row.key + " menu";
    face.append(icon("three-dots"));
    var menu = make("div", "menu");
    given.items.forEach(function (item) { menu.append(buttonOf(item, row, "item")); });
    pop.append(face, menu);
    return pop;
  }
  function changesOf(changes) {
    var list = make("ul", "changes");
    changes.forEach(function (change) {
      var line = make("li");
      line.append(make("span", "muted", change[0] + " "));
      if (change[1]) line.append(make("s", "", change[1]), icon("arrow-right"));
      line.append(make("span", "", change[2]));
      list.append(line);
    });
    return list;
  }
  function cellOf(cell, className, row) {
    var element = make("td", className);
    if (typeof cell === "string") {
      element.textContent = cell;
      return element;
    }
    if (cell.title) element.title = cell.title;
    if (cell.label) element.dataset.label = cell.label;
    if (cell.select) element.append(selectOf(cell.select, row));
    else if (cell.menu) element.append(menuOf(cell.menu, row));
    else if (cell.button) element.append(buttonOf(cell.button, row, "button sm"));
    else if (cell.changes) element.append(changesOf(cell.changes));
    else element.append(textOf(cell));
    if (cell.tags) cell.tags.forEach(function (tag) { element.append(make("span", ("tag " + tag[1]).trim(), tag[0])); });
    if (cell.sub) element.append(make("span", "under", cell.sub));
    return element;
  }
  function rowOf(row, head) {
    var element = make("tr", row.dim ? "dim" : "");
    element.dataset.row = row.key;
    row.cells.forEach(function (cell, at) { element.append(cellOf(cell, head[at][1], row)); });
    return element;
  }
  function headOf(columns) {
    var titles = make("tr");
    columns.forEach(function (column) {
      var title = make("th", column[1]);
      title.scope = "col";
      // A column of menus has a name for those who cannot see what it holds.
      title.append(column[1].split(" ").indexOf("acts") >= 0 ? make("span", "sr-only", column[0]) : column[0]);
      titles.append(title);
    });
    var head = make("thead");
    head.append(titles);
    return head;
  }
  /* Whoever was at a control of the table before is there again. */
  function control(holder, name) {
    return Array.from(holder.querySelectorAll("[data-control]")).find(function (one) {
      return one.dataset.control === name;
    });
  }

  cip.rows = function (data, id) {
    var holder = document.getElementById(id);
    if (!holder) return 0;
    // The same again would close a menu that somebody has open.
    var told = JSON.stringify(data);
    if (holder.cipTold === told) return window.dash_clientside.no_update;
    holder.cipTold = told;
    var active = document.activeElement;
    var at = holder.contains(active) ? active.closest("[data-control], details.pop") : null;
    var name = at && (at.dataset.control || at.querySelector("[data-control]").dataset.control);
    holder.replaceChildren();
    if (!data || !data.rows.length) return 0;
    var table = make("table", ("data work " + data.look).trim());
    table.append(make("caption", "sr-only", data.caption));
    var body = make("tbody");
    data.rows.forEach(function (row) { body.append(rowOf(row, data.head)); });
    table.append(headOf(data.head), body);
    holder.append(table);
    var again = name && control(holder, name);
    if (again) again.focus();
    return data.rows.length;
  };
})();
