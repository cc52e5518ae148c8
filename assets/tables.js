/* Builds tables from data. Plain elements: components would cost at every update of the page. */
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
  function cellOf(cell, className) {
    var plain = typeof cell === "string";
    var element = make("td", className);
    if (plain) {
      element.textContent = cell;
      return element;
    }
    if (cell.title) element.title = cell.title;
    if (cell.label) element.dataset.label = cell.label;
    if (cell.dot) {
      var dot = make("i", "dot");
      dot.style.background = cell.dot;
      element.append(dot);
    }
    if (cell.age) {
      var age = make("span", "num");
      age.dataset.age = cell.age;
      element.append(age);
    } else {
      element.append(cell.text);
    }
    return element;
  }
  function rowOf(cells, head) {
    var row = make("tr");
    cells.forEach(function (cell, at) { row.append(cellOf(cell, head[at][1])); });
    return row;
  }
  var unseen = new WeakMap(); // a chart's table is built when somebody wants to see it

  cip.table = function (data, id) {
    var holder = document.getElementById(id);
    if (!holder) return 0;
    holder.replaceChildren();
    unseen.delete(holder);
    if (!data) return 0;
    if (holder.matches(".twin") && !holder.closest(".panel.as-table")) unseen.set(holder, data);
    else build(holder, data);
    return data.rows.length;
  };
  window.cipShowTable = function (panel) {
    var holder = panel.querySelector(".twin");
    if (holder && unseen.has(holder)) build(holder, unseen.get(holder));
    if (holder) unseen.delete(holder);
  };
  function build(holder, data) {
    var table = make("table", ("data " + data.look).trim());
    table.append(make("caption", "sr-only", data.caption));
    var titles = make("tr");
    data.head.forEach(function (column) {
      var title = make("th", column[1].split(" ").indexOf("r") >= 0 ? "r" : "", column[0]);
      title.scope = "col";
      titles.append(title);
    });
    var head = make("thead");
    head.append(titles);
    var body = make("tbody");
    data.rows.forEach(function (cells) { body.append(rowOf(cells, data.head)); });
    table.append(head, body);
    holder.replaceChildren(table);
  }
})();
