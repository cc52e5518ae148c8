/* Draws figures: puts the theme's values where a figure names a token, keeps the user's zoom. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var NARROW = window.matchMedia("(max-width: 599px)"); // as assets/90-narrow.css
  var MIX = /color-mix\(in srgb, (#[0-9a-f]{6}) (\d+)%, transparent\)/gi;
  var drawn = {}; // what each graph was last drawn with, by the graph's id

  function tokens() {
    var style = getComputedStyle(document.documentElement);
    var known = {};
    return function value(name) {
      if (!(name in known)) known[name] = style.getPropertyValue(name).trim();
      return known[name];
    };
  }
  function rgba(match, hex, percent) {
    var parts = [1, 3, 5].map(function (at) { return parseInt(hex.substr(at, 2), 16); });
    return "rgba(" + parts.join(",") + "," + percent / 100 + ")";
  }
  function resolve(value, token) {
    if (Array.isArray(value)) return value.map(function (item) { return resolve(item, token); });
    if (value && typeof value === "object") {
      var copy = {};
      Object.keys(value).forEach(function (key) { copy[key] = resolve(value[key], token); });
      return copy;
    }
    if (typeof value !== "string" || value.indexOf("var(") < 0) return value;
    return value
      .replace(/var\((--[\w-]+)\)/g, function (match, name) { return token(name); })
      .replace(MIX, rgba);
  }
  function plot(id) {
    var holder = document.getElementById(id);
    return holder && holder.querySelector(".js-plotly-plot");
  }
  function same(a, b) {
    return Boolean(a && b && String(a[0]) === String(b[0]) && String(a[1]) === String(b[1]));
  }
  /* A range that differs from the one drawn is the user's zoom, unless the axes show another thing now. */
  function keepZoom(id, figure) {
    var live = plot(id);
    var last = drawn[id];
    var key = (figure.layout.meta || {}).zoom_key;
    var ranges = {};
    ["xaxis", "yaxis"].forEach(function (axis) {
      var wanted = figure.layout[axis] || (figure.layout[axis] = {});
      ranges[axis] = wanted.range;
      var current = live && live.layout && live.layout[axis];
      if (!current || !last || last.key !== key || current.autorange !== false || !current.range) return;
      if (last.zoomed[axis] || !same(current.range, last.ranges[axis])) {
        if (same(current.range, wanted.range)) return;
        wanted.range = current.range.slice();
        wanted.autorange = false;
      }
    });
    var zoomed = {};
    ["xaxis", "yaxis"].forEach(function (axis) {
      zoomed[axis] = !same(figure.layout[axis].range, ranges[axis]) && Boolean(figure.layout[axis].range);
    });
    drawn[id] = { key: key, ranges: ranges, zoomed: zoomed };
  }
  function fitWidth(figure) {
    var narrow = (figure.layout.meta || {}).narrow;
    if (!narrow || !NARROW.matches) return;
    figure.layout.margin = Object.assign({}, figure.layout.margin, narrow.margin);
    figure.layout.annotations = (figure.layout.annotations || []).filter(function (one) {
      return one.name !== narrow.drop;
    });
  }
  cip.draw = function (raw, theme, id) {
    if (!raw) return window.dash_clientside.no_update;
    var figure = resolve(raw, tokens());
    fitWidth(figure);
    keepZoom(id, figure);
    return figure;
  };

  /* A picture of the drawing on the card's own ground, made here: nothing leaves the browser. */
  cip.downloadPng = function (graphId, filename) {
    var live = plot(graphId);
    if (!live || !window.Plotly) return;
    var ground = tokens()("--surface");
    var layout = Object.assign({}, live.layout, { paper_bgcolor: ground, plot_bgcolor: ground });
    var size = live.getBoundingClientRect();
    window.Plotly.toImage({ data: live.data, layout: layout }, {
      format: "png", scale: 2, width: Math.round(size.width), height: Math.round(size.height)
    }).then(function (address) {
      var link = document.createElement("a");
      link.href = address;
      link.download = filename + ".png";
      link.click();
    });
  };

  var wasNarrow = window.innerWidth < 600;
  window.addEventListener("resize", function () {
    var isNarrow = window.innerWidth < 600;
    if (isNarrow === wasNarrow || !window.dash_clientside.set_props) return;
    wasNarrow = isNarrow;
    window.dash_clientside.set_props("theme", { data: window.cipTheme.current() });
  });
})();
