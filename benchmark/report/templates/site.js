// Sorts and filters tables that are there without it. What is chosen stands in the address, after the #.
"use strict";
(function () {
  var collator = new Intl.Collator("en", { numeric: true });
  function plain(said) { return said.trim().replace(/ +/g, " "); }  // as the choices of a list have it
  function text(row, column) { return plain(row.cells[column].textContent); }
  function value(said) {
    var plain = said.replace(/^=/, "").replace(/,/g, "").replace(/ ?%$/, "");
    return plain !== "" && isFinite(plain) ? Number(plain) : null;
  }
  function state() { return new URLSearchParams(location.hash.slice(1)); }
  function remember(changed) {
    var now = state();
    Object.keys(changed).forEach(function (name) { changed[name] ? now.set(name, changed[name]) : now.delete(name); });
    history.replaceState(null, "", now.toString() ? "#" + now : location.pathname + location.search);
  }
  function sort(table, column, down) {
    var body = table.tBodies[0], number = table.tHead.rows[0].cells[column].classList.contains("n");
    var rows = Array.from(body.rows).map(function (row) {
      var said = text(row, column), read = number ? value(said) : said;
      return { row: row, key: read, none: said === "" || said === "–" || (number && read === null) };
    });
    rows.sort(function (a, b) {
      if (a.none !== b.none) return a.none ? 1 : -1;  // what is not known stays last
      var order = number ? a.key - b.key : collator.compare(a.key, b.key);
      return down ? -order : order;
    });
    var sorted = document.createDocumentFragment();
    rows.forEach(function (each) { sorted.appendChild(each.row); });
    body.appendChild(sorted);
    Array.from(table.tHead.rows[0].cells).forEach(function (cell, place) {
      if (place === column) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
  }
  document.querySelectorAll("table.sortable").forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (cell, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (cell.firstChild) button.appendChild(cell.firstChild);
      cell.appendChild(button);
      button.addEventListener("click", function () {
        var down = cell.getAttribute("aria-sort") === "ascending";
        sort(table, column, down);
        if (table.id) remember({ sort: String(column), down: down ? "1" : "" });
      });
    });
  });
  var form = document.querySelector("form.filters");
  if (!form) return;
  var table = document.getElementById(form.dataset.table), columns = {};
  Array.from(table.tHead.rows[0].cells).forEach(function (cell, column) {
    if (cell.dataset.filter) columns[cell.dataset.filter] = column;
  });
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  function shown() { return Array.from(table.tBodies[0].rows).filter(function (row) { return !row.hidden; }); }
  function filter() {
    var wanted = Array.from(form.elements).filter(function (each) { return each.name && each.value; });
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      row.hidden = !wanted.every(function (each) {
        return each.name === "search" ? plain(row.textContent).toLowerCase().includes(plain(each.value).toLowerCase())
          : text(row, columns[each.name]) === each.value;
      });
    });
    form.querySelector(".said").textContent = shown().length + " of " + table.tBodies[0].rows.length + " results";
    draw();
  }
  // The chart of the rows that are shown: any number of the table against any other, both logarithmic.
  var plot = document.querySelector("details.plot"), x = plot.querySelector("[name=x]"), y = plot.querySelector("[name=y]");
  var measures = Object.create(null), kind = columns.accelerator, kinds = [];
  Array.from(table.tHead.rows[0].cells).forEach(function (cell, column) {
    var name = cell.textContent.trim();
    if (cell.classList.contains("n") && name !== "rank") measures[name] = function (row) { return value(text(row, column)); };
  });
  measures["samples/s ÷ accel."] = function (row) { return measures["samples/s"](row) / measures["accel."](row); };
  Object.keys(measures).forEach(function (name) { [x, y].forEach(function (each) { each.add(new Option(name)); }); });
  Array.from(table.tBodies[0].rows).forEach(function (row) {
    if (!kinds.includes(text(row, kind))) kinds.push(text(row, kind));
  });
  plot.hidden = false;
  plot.addEventListener("toggle", draw);
  [x, y].forEach(function (each) {
    each.addEventListener("input", function () { remember({ x: x.value, y: y.value }); draw(); });
  });
  function drawn(parent, name, attributes, said) {
    var element = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
    Object.keys(attributes).forEach(function (each) { element.setAttribute(each, attributes[each]); });
    if (said) element.textContent = said;
    return element;
  }
  function ticks(low, high) {
    var found = [];
    [[1], [1, 3], [1, 2, 5]].forEach(function (digits) {
      if (found.length > 2) return;
      found = [];
      for (var power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) digits.forEach(function (digit) {
        var tick = Number(digit + "e" + power);
        if (tick >= low && tick <= high) found.push(tick);
      });
    });
    return found.length ? found : [Number(Math.sqrt(low * high).toPrecision(3))];
  }
  function draw() {
    var place = plot.querySelector(".chart"), key = plot.querySelector(".key");
    place.textContent = key.textContent = "";
    if (!plot.open) return;
    var points = shown().map(function (row) {
      var link = row.querySelector("a"), name = text(row, 5) + "/" + text(row, 4);
      return { x: measures[x.value](row), y: measures[y.value](row), page: link.href, name: name, kind: text(row, kind) };
    });
    var all = points.length;
    points = points.filter(function (each) { return each.x > 0 && each.y > 0 && isFinite(each.x) && isFinite(each.y); });
    plot.querySelector(".said").textContent = points.length + " of " + all + " results have both numbers";
    if (!points.length) return;
    var title = y.value + " against " + x.value + ", both logarithmic";
    var svg = drawn(place, "svg", { viewBox: "0 0 760 370", role: "group", "aria-label": title });
    function axis(name, start, stop) {
      var all = points.map(function (each) { return each[name]; });
      var low = Math.min.apply(null, all) / 1.1, high = Math.max.apply(null, all) * 1.1;
      function at(value) { return start + (stop - start) * Math.log(value / low) / Math.log(high / low); }
      return { at: at, ticks: ticks(low, high) };
    }
    var across = axis("x", 64, 744), up = axis("y", 320, 26);
    across.ticks.forEach(function (tick) {
      drawn(svg, "line", { x1: across.at(tick), x2: across.at(tick), y1: 26, y2: 320, "class": "grid" });
      drawn(svg, "text", { x: across.at(tick), y: 335, "text-anchor": "middle", "class": "tick" }, tick.toLocaleString("en"));
    });
    up.ticks.forEach(function (tick) {
      drawn(svg, "line", { x1: 64, x2: 744, y1: up.at(tick), y2: up.at(tick), "class": "grid" });
      drawn(svg, "text", { x: 58, y: up.at(tick) + 4, "text-anchor": "end", "class": "tick" }, tick.toLocaleString("en"));
    });
    drawn(svg, "text", { x: 404, y: 354, "text-anchor": "middle", "class": "label" }, x.value + " (logarithmic)");
    drawn(svg, "text", { x: 4, y: 12, "class": "label" }, y.value + " (logarithmic)");
    points.forEach(function (each) {
      var said = each.name + ", " + each.kind + ": " + each.x + ", " + each.y;
      var link = drawn(svg, "a", { href: each.page, "aria-label": said, tabindex: -1 });
      var look = "dot s" + kinds.indexOf(each.kind) % 8;
      drawn(drawn(link, "circle", { cx: across.at(each.x), cy: up.at(each.y), r: 4.5, "class": look }), "title", {}, said);
    });
    kinds.forEach(function (name, number) {
      if (number >= 8 || !points.some(function (each) { return each.kind === name; })) return;
      var said = key.appendChild(document.createElement("span"));
      said.className = "s" + number;
      said.textContent = name;
    });
  }
  form.addEventListener("input", function (event) {
    var changed = {};
    changed[event.target.name] = event.target.value;
    remember(changed);
    filter();
  });
  function restore() {
    var now = state();
    Array.from(form.elements).forEach(function (each) { if (each.name) each.value = plain(now.get(each.name) || ""); });
    x.value = measures[now.get("x")] ? now.get("x") : "accel.";
    y.value = measures[now.get("y")] ? now.get("y") : "minutes";
    if (now.has("x")) plot.open = true;
    var column = Number(now.get("sort"));
    if (now.has("sort") && table.tHead.rows[0].cells[column]) sort(table, column, now.get("down") === "1");
    filter();
  }
  window.addEventListener("hashchange", restore);
  restore();
  form.querySelectorAll("[data-save]").forEach(function (button) {
    button.addEventListener("click", function () {
      var names = Array.from(table.tHead.rows[0].cells).map(function (cell) { return cell.textContent.trim(); });
      var rows = shown().map(function (row) { return names.map(function (_, column) { return text(row, column); }); });
      var said = button.dataset.save === "json"
        ? JSON.stringify(rows.map(function (row) {
          return Object.fromEntries(row.map(function (cell, place) { return [names[place], cell]; }));
        }), null, 2)
        : [names].concat(rows).map(function (row) { return row.map(quoted).join(","); }).join("\r\n") + "\r\n";
      var link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([said], { type: "text/" + button.dataset.save }));
      link.download = "results." + button.dataset.save;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  });
  function quoted(cell) {
    var safe = /^[=+@#＝＋－＠-]/.test(cell) && cell !== "-" && value(cell) === null ? "'" + cell : cell;  // no formula in a spreadsheet
    return '"' + safe.replace(/"/g, '""') + '"';
  }
})();
