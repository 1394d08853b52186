// Sorts and filters tables that are there without it. What is chosen stands in the address, after the #.
"use strict";
(function () {
  var collator = new Intl.Collator("en", { numeric: true });
  function text(row, column) { return row.cells[column].textContent.trim(); }
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
        return each.name === "search" ? row.textContent.toLowerCase().includes(each.value.toLowerCase())
          : text(row, columns[each.name]) === each.value;
      });
    });
    form.querySelector(".said").textContent = shown().length + " of " + table.tBodies[0].rows.length + " results";
  }
  form.addEventListener("input", function (event) {
    var changed = {};
    changed[event.target.name] = event.target.value;
    remember(changed);
    filter();
  });
  function restore() {
    var now = state();
    Array.from(form.elements).forEach(function (each) { if (each.name) each.value = now.get(each.name) || ""; });
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
    var safe = /^[=+@\t\r-]./.test(cell) && value(cell) === null ? "'" + cell : cell;  // no formula in a spreadsheet
    return '"' + safe.replace(/"/g, '""') + '"';
  }
})();
