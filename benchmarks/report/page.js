"use strict";
// Tables that sort, tips where a finger points, and contents that are shut on a phone. Without this
// all is readable: tips are the titles of the marks, and tables are sorted by cost.

const SCALE = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };

function figure(text) {
  const found = /^[~>\s]*([\d,]+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\w+)?/.exec(text);
  return found ? parseFloat(found[1].replaceAll(",", "")) * (SCALE[found[2]] ?? 1) : null;
}

function before(one, other) {
  const [a, b] = [figure(one), figure(other)];
  if (a !== null && b !== null) return a - b;
  return a === null && b === null ? one.localeCompare(other) : a === null ? 1 : -1;
}

function sort(table, place, title) {
  const down = title.getAttribute("aria-sort") === "ascending";
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  title.setAttribute("aria-sort", down ? "descending" : "ascending");
  const cell = (row) => row.cells[place].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  const filled = rows.filter(cell).sort((a, b) => before(cell(a), cell(b)));
  table.tBodies[0].append(...(down ? filled.reverse() : filled), ...rows.filter((row) => !cell(row)));
}

for (const table of document.querySelectorAll("table.sorts")) {
  table.querySelectorAll("th").forEach((title, place) => {
    const button = document.createElement("button");
    button.append(...title.childNodes);
    title.append(button);
    button.addEventListener("click", () => sort(table, place, title));
  });
}

const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
tip.setAttribute("role", "tooltip");
document.body.append(tip);

function tell(event) {
  const mark = event.target.closest?.(".mark, .missing");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.querySelector("title").textContent;
  const box = mark.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(left, 8) + scrollX}px`;
  tip.style.top = `${box.bottom + 6 + scrollY}px`;
}

for (const kind of ["click", "pointerover"]) document.addEventListener(kind, tell);

const contents = document.querySelector(".contents");
if (matchMedia("(max-width: 64rem)").matches) contents.open = false;
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && matchMedia("(max-width: 64rem)").matches) contents.open = false;
});
