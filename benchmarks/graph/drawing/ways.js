// The ways through a graph: which boxes they come by, what is shown and said at a step, and what is
// summed over a cut.

/** What packing.py packed: a mark stands for as many letters, and says how far back they start. */
function unpack(packed) {
  const marks = "KMQVXZ?^|$*YUWJIRTHG#!", digits = [], found = [], letters = [...packed];
  for (let code = 35; code < 127; code++) if (!"&'<>\\`~".includes(String.fromCharCode(code))) digits.push(String.fromCharCode(code));
  const number = count => count ? number(count - 1) * digits.length + digits.indexOf(letters[++at]) : 0;
  let at = 0;
  for (; at < letters.length; at++) {
    const letter = letters[at], far = letter == "~", mark = marks.indexOf(letter);
    if (!far && mark < 0) found.push(letter == "`" ? letters[++at] : letter);
    else for (let more = 4 + (far ? number(1) : mark), back = 1 + number(far ? 3 : 2); more; more--) found.push(found[found.length - back]);
  }
  return found.join("");
}
const data = JSON.parse(unpack(document.getElementById("data").textContent)), {cards, plan, passes} = data;
const WAYS = {"": "everything", values: "forward pass", forward: "forward mode", reverse: "reverse mode", meet: "both meet"};
const state = {m: "", k: 0, p: 0, node: "", overlay: "", turned: false, shut: new Set(data.shut)};
let placed, list;

for (const card of Object.values(cards)) {
  card.k = card.k || "operation";
  card.i = card.i.map(place => data.texts[place]);
}
// Where a box stands: the groups that it is in, the outermost first.
const home = {};
for (const key in plan.containers)
  for (const cell of plan.containers[key].columns.flat()) home[cell] = +key;
const above = key => home[key] >= 0 ? [...above("g" + home[key]), "g" + home[key]] : [];
const isGiven = key => ["input", "fixed"].includes((cards[key] || {}).k);
const isShut = group => state.shut.has(+group.slice(1));
/** What is drawn for a box: itself or a closed group; for a cut an open loop is one box too. */
const drawn = (key, loops) =>
  [...above(key), ...key[0] == "g" ? [key] : []].find(g => isShut(g) || loops && cards[g].x) || key;

const sight = (card, kind) => kind == "value" ? card.v : kind == "adjoint" ? card.a : (card.t || [])[state.p];

const isBare = !Object.values(cards).some(card => card.v);  // a graph of shapes alone

/** The boxes that a way through the graph comes by, in its order. */
function steps() {
  const boxes = placed.order, made = boxes.filter(key => !isGiven(key));
  if (state.m == "values") return made;
  if (state.m == "forward") return made.filter(key => cards[key].t || isBare);
  if (state.m == "reverse") return boxes.filter(key => cards[key].a || isBare && cards[key].k != "fixed").reverse();
  return state.m ? [...new Set(made.map(key => drawn(key, true)))] : [];
}
const at = key => list.indexOf(state.m == "meet" ? drawn(key, true) : key);
/** Whether the step that is shown is past a box; in all ways but reverse mode inputs are first. */
const reached = key => at(key) < 0 ? state.m != "reverse" : at(key) < state.k;
const shows = (key, kind) => !state.m ? true
  : state.m == "meet" ? (kind == "tangent") == reached(key)
  : kind == "value" ? state.m != "values" || reached(key)
  : kind == {forward: "tangent", reverse: "adjoint"}[state.m] && reached(key);

// Over the lines of any cut, the sum of adjoint times tangent is the same number; what is given is
// before every cut, a weight in a closed layer too.
const crosses = (source, target) => (isGiven(source) || at(source) < state.k) && (!target || at(target) >= state.k);
const sum = parts => parts.includes(null) ? null : parts.reduce((a, b) => a + b, 0);
const products = paths => paths.map(edge => data.products[edge]).filter(Boolean).map(found => found[2][state.p]).map(v => v == null ? null : +v);

function about(key) {
  const card = cards[key], [first, second, ...rest] = card.i;
  const numbers = [["value", card.v], ["tangent ẏ", sight(card, "tangent")], ["adjoint ȳ", card.a]];
  return [first, second, ...numbers.map(([name, seen]) => seen && `${name}: ${told(seen)}`), ...rest].filter(Boolean);
}

/** What is said of a step, and how far it is. */
function words() {
  if (state.node) return [about(state.node).join(" · "), ""];
  if (!state.m) return ["Choose a way to step through it; point at a box for what is known of it", ""];
  const key = list[state.k - 1], card = cards[key], last = state.k == list.length, by = passes[state.p];
  const count = n => n.toLocaleString("en"), step = `step ${state.k} of ${list.length}`;
  const inputs = data.n == 1 ? "input" : `${count(data.n)} inputs`, once = data.m == 1 ? "one pass" : `a pass for each of ${count(data.m)} outputs`;
  const isHeld = box => state.m != "reverse" ? reached(box) : at(box) < 0 ? !last : !reached(box);
  const held = storage(placed.order.filter(isHeld).reduce((all, box) => all + (cards[box].b || 0), 0));
  if (state.m == "values") return [card ? card.p : "The inputs are given", `${step}; ${held} held so far for the way back`];
  if (state.m == "reverse") return [card ? card.r : "The output has the adjoint 1", `${step}; ${held} still held; reverse mode takes ${once} for ${data.n == 1 ? "the" : "all"} ${inputs}`];
  if (state.m == "forward") {
    const number = card && key[0] == "n" ? told(sight(card, "tangent")) : "";
    const said = card ? card.f + (number && (card.f.endsWith("tangent") ? " " : " = ") + number) : "One input moves, the others stand still";
    return [`${said}, by ${by}`, `${step}; pass ${state.p + 1} of ${count(data.n)}: forward mode takes one for each input, ${data.reverse ? "there is no reverse mode" : "reverse mode " + once}`];
  }
  const parts = products(Object.keys(data.products).filter(e => crosses(...data.products[e]))), total = sum(parts), terms = parts.filter(v => v !== 0);
  if (total === null) return ["An array at this cut is too large to be kept: no sum", ""];
  const written = terms.length > 1 && terms.length < 9 ? terms.map(short).join(" + ").replaceAll("+ −", "− ") + " = " : "";
  const where = state.k == 0 ? "; at the inputs reverse mode has done it all" : last ? "; at the output forward mode has done it all" : "";
  return [`Over this cut ȳ · ẏ sums to ${written}${short(total)}, as over every cut: the derivative by ${by}${where}`, `cut ${state.k} of ${list.length}`];
}
