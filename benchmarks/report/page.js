"use strict";
// Tables that sort, tips where a finger points, and contents that are shut on a phone. Without this
// all is readable: tips are the titles of the marks, and tables are sorted by cost.

const TIMES = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };
const SCALE = { ...TIMES, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };

function figure(text) {
  const found = /^[~>\s]*([\d,]+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\w+)?/.exec(text);
  return found ? parseFloat(found[1].replaceAll(",", "")) * (SCALE[found[2]] ?? 1) : null;
}

// Figures come before words, whichever way they are sorted, and what is empty is last.
function compared(one, other, sign) {
  const [a, b] = [figure(one), figure(other)];
  if (!one || !other) return !one - !other;
  if (a !== null && b !== null) return sign * (a - b);
  return a === null && b === null ? sign * one.localeCompare(other) : a === null ? 1 : -1;
}

function sort(table, place, title) {
  const sign = title.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  title.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const cell = (row) => row.cells[place].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  table.tBodies[0].append(...rows.sort((a, b) => compared(cell(a), cell(b), sign)));
}

for (const table of document.querySelectorAll("table.sorts")) {
  table.querySelectorAll("th").forEach((title, place) => {
    const button = document.createElement("button");
    button.append(...title.childNodes);
    title.append(button);
    button.addEventListener("click", () => sort(table, place, title));
  });
}

// A browser's own tips come late, and never to a finger: the titles become the tips of the page.
for (const chart of document.querySelectorAll(".chart svg")) {
  const [title, told] = ["title", "desc"].map((name) => chart.querySelector(`:scope > ${name}`));
  chart.setAttribute("aria-label", `${title.textContent}. ${told.textContent}`);
  chart.removeAttribute("aria-labelledby");
  title.remove();
  for (const own of chart.querySelectorAll("title")) {
    own.parentNode.dataset.tip = own.textContent;
    own.remove();
  }
}

const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
tip.setAttribute("role", "tooltip");
document.body.append(tip);

function tell(event) {
  const mark = event.target.closest?.("[data-tip]");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
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
