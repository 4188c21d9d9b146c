// Boxes and lines as SVG, as draw.py and svg.py make them. What a card holds: k kind, l label, n name,
// s small lines, w width, d room for labels before it, q beside it, v value, a adjoint, t tangents, b bytes that
// are kept, e whether anew, x whether a loop or a branch, c its turn, i what is known of it, o its place in the order, and
// p f r what it says in the three ways. A number is a text, a map [columns, cells, range].
const LETTERS = {value: "", tangent: "ẏ", adjoint: "ȳ"}, LEAD = 22;

function el(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  made.append(...children);
  return made;
}
const text = (x, y, kind, ...said) => el("text", {x, y, class: kind}, ...said);
const isMap = seen => Array.isArray(seen);
const told = seen => isMap(seen) ? seen[2] : seen || "";
const unit = seen => Math.max(5, Math.floor(Math.min(14, 60 / seen[0], 72 * seen[0] / seen[1].length)));
const high = seen => isMap(seen) ? seen[1].length / seen[0] * unit(seen) + 5 : seen ? 15 : 0;

const STROKES = {x: "M$.2 #.2l.6.6m0-.6l-.6.6", y: "M$.2 #.75l.3-.5l.3.5z", z: "M$.2 #.25l.3.5l.3-.5z"};
/** A map: filled above zero, a bar like a minus sign below, a cross for NaN, arrows for infinities. */
function map([columns, cells], size, middle, y, kind) {
  const x = Math.round(middle - columns * size / 2), rows = cells.length / columns, paths = {};
  [...cells].forEach((letter, at) => {
    if (letter == "0") return;
    const above = letter >= "a", shade = (letter.charCodeAt() & 31), broken = STROKES[letter];
    const name = broken ? "broken" : (above ? "above s" : "below s") + shade;
    const stroke = broken || (above ? "M$ #.5h1" : "M$.1 #.5h.8");
    paths[name] = (paths[name] || "") + stroke.replace("$", at % columns).replace("#", Math.floor(at / columns));
  });
  return [
    text(x - 4, y + Math.min(10, rows * size), kind + " end", LETTERS[kind]),
    el("rect", {class: "frame", x, y, width: columns * size, height: rows * size}),
    el("g", {class: "map " + kind, transform: `translate(${x} ${y})scale(${size})`},
      ...Object.entries(paths).map(([name, d]) => el("path", {class: name, d}))),
  ];
}

function tag(said, right, y, kind) {
  const width = said.length * 6 + 8, x = right - width;
  return el("g", {class: kind}, el("rect", {x, y, width, height: 13, rx: 3}), text(x + width / 2, y + 10, "middle", said));
}

/** What an overlay says, as much of it as a box has room for: all, its beginning, or its number. */
function tinted(said, middle, y, room) {
  const fits = text => text && text.length * 6 + 8 <= room;
  const shown = [said, said.split(/[,:;]/)[0], (/^[0-9.]+ %/.exec(said) || [])[0]].find(fits) || said.slice(0, room / 6 - 3) + "…";
  const made = tag(shown, middle + 4 + 3 * shown.length, y, "sum");
  made.prepend(el("title", {}, said));
  return made;
}

/** The inside of a box; `seen` are its numbers from the top, each a kind, what it is, and whether it shows. */
function inside(card, width, height, seen, tint) {
  const middle = width / 2, rx = card.k == "input" || card.k == "fixed" ? 14 : 4;
  const parts = (card.x == "loop" ? [8, 4, 0] : [0]).map(at => el("rect", {x: at, y: at, width, height, rx, class: "box"}));
  if (tint) parts.push(el("rect", {width, height, rx, class: "tint", "fill-opacity": tint[0] / 2}));
  parts.push(text(middle, 20, (card.l.length > 22 ? "heading" : "label") + " middle", card.l, ...card.n ? [el("tspan", {dx: 6, class: "name"}, card.n)] : []));
  let y = 25;
  for (const said of card.s || []) parts.push(text(middle, y + 9, "small middle", said)), y += 13;
  for (const [kind, what, shown] of seen) {
    if (shown && isMap(what)) parts.push(...map(what, unit(what), middle, y + 2, kind));
    else if (shown && what) parts.push(text(middle, y + 11, kind + " middle", `${LETTERS[kind]} ${what}`.trim()));
    y += high(what);
  }
  if (card.b) parts.push(tag(storage(card.b), width + 5, -8, card.e ? "kept" : "kept there"));
  if (tint) parts.push(tinted(tint[1], middle, height - 3, width + 10));
  return parts;
}

/** A line, its tip, and what stands beside it: a note, and a number or a rule. */
function line(path, lead, turned, before, note, said) {
  let [x, y] = path.points[path.points.length - 1], d = curve(path.points, turned ? "down" : "right");
  if (turned) y += lead; else x += lead;
  if (lead) d += turned ? "V" + (y - 5) : "H" + (x - 5);
  const parts = [el("path", {class: "edge" + (path.still ? " still" : ""), d}),
    el("path", {class: "tip", d: `M${x} ${y}` + (turned ? "l-4-8h8z" : "l-8-4v8z")})];
  const at = turned ? [before ? x - 6 : x + 6, y - 11] : [x - 10, before ? y - 4 : y + 11];
  if (note || said) parts.push(text(...at, "rule halo" + (before || !turned ? " end" : ""),
    el("tspan", {class: "note"}, note || ""), note && said ? "  " : "", said || ""));
  return parts;
}

function storage(bytes) {
  for (const [name, scale] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])
    if (bytes >= scale) return +(bytes / scale).toPrecision(3) + " " + name;
  return bytes + " B";
}
function short(value) {
  const plain = !value || Math.abs(value) < 1e5 && Math.abs(value) >= 1e-4;
  return String(plain ? +value.toPrecision(3) : value.toExponential(2)).replace("Infinity", "∞").replaceAll("-", "−");
}
