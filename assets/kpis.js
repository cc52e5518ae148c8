/* Writes the figures of a KPI strip into its cells: plain elements, as the tables are. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var WIDTH = 88, HEIGHT = 32, INSET = 3;
  var ICONS = { up: "arrow-up", down: "arrow-down", dash: "dash" };

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  /* The line is a mask: its alpha is all that counts, the stylesheet gives it the theme's colour. */
  function shape(heights) {
    var step = (WIDTH - 2) / (heights.length - 1);
    var points = heights.map(function (height, at) {
      var y = HEIGHT - INSET - (HEIGHT - 2 * INSET) * height / 100;
      return (1 + at * step).toFixed(1) + "," + y.toFixed(1);
    }).join(" ");
    return "data:image/svg+xml," + encodeURIComponent(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ' + WIDTH + " " + HEIGHT + '" preserveAspectRatio="none">' +
      '<defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-opacity=".16"/>' +
      '<stop offset="1" stop-opacity="0"/></linearGradient></defs>' +
      '<polygon points="1,' + HEIGHT + " " + points + " " + (WIDTH - 1) + "," + HEIGHT + '" fill="url(#g)"/>' +
      '<polyline points="' + points + '" fill="none" stroke="#000" stroke-width="1.5" stroke-linejoin="round" ' +
      'vector-effect="non-scaling-stroke"/></svg>'
    );
  }
  function picture(cell) {
    if (cell.line) {
      var line = make("span", "spark");
      line.style.setProperty("--shape", 'url("' + shape(cell.line) + '")');
      return line;
    }
    if (cell.meter === undefined) return make("span", cell.beside ? "beside" : "", cell.beside || "");
    var meter = make("span", "meter");
    meter.append(make("i"));
    meter.firstChild.style.width = cell.meter + "%";
    return meter;
  }
  function value(cell) {
    var element = make("div", "value");
    element.title = cell.exact;
    element.append(make("span", "", cell.text));
    element.firstChild.id = "kpi-" + cell.metric + "-value";
    if (cell.aside) element.append(make("small", "", cell.aside));
    return element;
  }
  function delta(cell) {
    var element = make("span", "delta " + cell.tone);
    if (cell.arrow) {
      element.append(make("i", "bi bi-" + ICONS[cell.arrow]));
      element.firstChild.setAttribute("aria-hidden", "true");
    }
    if (cell.arrow === "up" || cell.arrow === "down") element.append(make("span", "sr-only", cell.arrow));
    element.append(" " + cell.delta);
    return element;
  }
  function change(cell) {
    var element = make("div", "change");
    if (cell.note) element.append(make("span", "", cell.note));
    if (cell.delta) element.append(delta(cell));
    if (cell.versus) element.append(make("span", "versus", cell.versus));
    return element;
  }

  cip.kpis = function (data, id) {
    var strip = document.getElementById(id);
    if (!strip || !data) return ["waiting", [], false];
    strip.toggleAttribute("data-pending", data.state === "pending");
    if (data.state === "pending") {
      strip.querySelectorAll(".figure").forEach(function (figure) { figure.replaceChildren(); });
    }
    (data.cells || []).forEach(function (cell) {
      var holder = document.getElementById("kpi-" + cell.metric + "-figure");
      if (holder) holder.replaceChildren(value(cell), picture(cell), change(cell));
    });
    return [data.state, data.instead, data.state === "shown"];
  };
})();
