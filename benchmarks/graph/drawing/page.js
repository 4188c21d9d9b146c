// The page of a graph: where everything stands, and what a reader can do with it.
const $ = id => document.getElementById(id);
const narrow = matchMedia("(max-width: 640px)"), still = matchMedia("(prefers-reduced-motion: reduce)");
let timer = 0, before, arranged;

const down = () => (narrow.matches || data.direction == "down") != state.turned;
const lead = key => placed.boxes[key] && cards[key].d ? (down() ? LEAD : cards[key].d) : 0;
const kinds = () => ({meet: ["tangent", "adjoint"], forward: ["value", "tangent"], "": data.shown})[state.m]
  || ["value", data.reverse ? "tangent" : "adjoint"];

function arrange() {
  const sizes = {}, turned = down();
  for (const [key, card] of Object.entries(cards)) {
    const height = 31 + 13 * (card.s || []).length + kinds().reduce((sum, kind) => sum + high(sight(card, kind)), 0);
    const room = card.d || 0;
    sizes[key] = turned ? [card.w + 2 * (card.q || 0), height + (room && LEAD)] : [card.w + room, height];
  }
  arranged = $("view").clientWidth;
  const room = Math.max(900, arranged - 34) / 0.78;  // then it goes on in a next row
  placed = place(plan, sizes, state.shut, turned ? "down" : "right", turned ? Infinity : room);
  placed.order = Object.keys(placed.boxes).sort((a, b) => cards[a].o - cards[b].o);
}

function box(key) {
  const card = cards[key], shift = lead(key), turned = down(), mark = (data.overlays[state.overlay] || {})[key];
  const tint = mark && [mark[0], data.texts[mark[1]]];
  let [x, y, width, height] = placed.boxes[key];
  if (turned) x += card.q || 0, width -= 2 * (card.q || 0), y += shift, height -= shift; else x += shift, width -= shift;
  const kind = [card.k, state.m != "meet" && list[state.k - 1] == key ? "now" : "", state.node == key ? "found" : "",
    state.m == "values" && !reached(key) ? "yet" : ""].filter(Boolean).join(" ");
  const group = key[0] == "g" ? {tabindex: 0, role: "button", "aria-expanded": false} : {href: "#node=" + key};
  const seen = kinds().map(kind => [kind, sight(card, kind), shows(key, kind)]);
  return el(key[0] == "g" ? "g" : "a", {id: key, class: kind, transform: `translate(${x} ${y})`, "aria-label": about(key).join(", "), ...group},
    el("title", {}, about(key).join("\n")), ...inside(card, width, height, seen, tint));
}

const pane = ([x, y, width, height]) => el("g", {class: "open"}, el("rect", {class: "box", x, y, width, height, rx: 8}));
/** The title of an open group, over the lines that enter it from above. */
function frame(key) {
  const [x, y, width, height] = placed.frames[key], card = cards[key], named = [[card.l, card.n].filter(Boolean).join(" "), card.c].filter(Boolean).join(" · ");
  const all = [named, ...card.s || []].join(" · "), said = "▾ " + (all.length * 7 < width ? all : named);
  return el("g", {id: key, class: "open", transform: `translate(${x} ${y})`},
    el("g", {role: "button", tabindex: 0, "aria-expanded": true, "aria-label": "close " + named},
      el("title", {}, about(key).join("\n")), el("rect", {class: "handle", width, height: 22}), text(10, 15, "heading halo", said)));
}

function drawLine(path) {
  const end = p => p.points[p.points.length - 1][down() ? 0 : 1], rivals = placed.paths.filter(p => p.target == path.target).map(end);
  const edges = path.edges.map(String), cut = state.m == "meet" && cards[path.source].k != "fixed" && crosses(path.source, path.target);
  const [note, handed, rule] = data.labels[(path.target[0] == "g" ? path.target + ":" : "") + [...edges].sort().join(";")] || [];
  const total = cut && sum(products(edges)), back = !state.m || state.m == "reverse" && reached(path.target);
  path.still = cards[path.source].k == "fixed";
  const said = cut ? total ? short(total) : "" : back ? handed : "", open = placed.frames[path.target];
  const parts = line(path, lead(path.target), down(), rivals.length > 1 && Math.min(...rivals) == end(path), ...open ? [] : [note, said]);
  const told = [note, rule && "hands back " + rule].filter(Boolean).join("\n");
  const now = cut || state.m != "meet" && list[state.k - 1] == path.target;
  return el("g", {class: "line" + (now ? " now " + state.m : "")}, ...told ? [el("title", {}, told)] : [], ...parts);
}

function draw(again) {
  if (again || !placed) arrange();
  list = steps();
  state.k = Math.max(0, Math.min(state.k, list.length));
  const {width, order, frames, paths} = placed, height = placed.height + 8, wide = $("view").clientWidth - (narrow.matches ? 12 : 34);
  const focus = document.activeElement?.closest("#view [id]"), [say, count] = words();
  const svg = el("svg", {class: "graph", role: "group", "aria-label": document.title, width, height, viewBox: `0 0 ${width} ${height}`},
    ...Object.values(frames).map(pane), ...paths.map(drawLine), ...Object.keys(frames).map(frame), ...order.map(box));
  // It shrinks to the screen where letters stay readable, and else somewhat, and is scrolled.
  if (width > wide) svg.setAttribute("style", `width:${width * 0.65 <= wide ? wide : width * 0.78}px;height:auto`);
  $("view").replaceChildren(svg);
  if (focus) look(focus.id, true);
  $("say").className = state.m || state.node ? "" : "hint";
  $("say").textContent = say, $("count").textContent = count;
  $("steps").hidden = !state.m, $("passes").hidden = state.m != "forward" && state.m != "meet";
  $("step").max = list.length, $("step").value = state.k, $("pass").value = state.p, $("overlay").value = state.overlay;
  for (const button of $("modes").children) button.setAttribute("aria-pressed", button.value == state.m);
  $("turn").textContent = down() ? "run to the right" : "run downwards";
  $("play").textContent = timer ? "pause" : "play";
  try { frameElement.style.height = document.documentElement.offsetHeight + 24 + "px"; } catch { /* no frame of a notebook */ }
}

/** Bring a box into view, or the keyboard to it. */
function look(key, focus) {
  const found = $(key) && ($(key).querySelector("[role=button]") || $(key));
  if (found && focus) found.focus({preventScroll: true});
  else if (found) found.scrollIntoView({block: "nearest", inline: "center", behavior: still.matches ? "auto" : "smooth"});
}

function show(changes, again) {
  Object.assign(state, changes);
  draw(again);
  if (state.m && "k" in changes && list[state.k - 1]) look(list[state.k - 1]);
  const said = new URLSearchParams(), shut = [...state.shut].sort((a, b) => a - b).join(".");
  if (state.m) said.set("m", state.m), said.set("k", state.k);
  if (!$("passes").hidden) said.set("p", state.p + 1);
  if (state.overlay) said.set("colour", state.overlay);
  if (shut != data.shut.join(".")) said.set("shut", shut);
  if (state.node) said.set("node", state.node);
  try { history.replaceState(null, "", "#" + said); } catch { /* the frame of a notebook has no address */ }
}

function find(key) {
  for (const group of above(key)) state.shut.delete(+group.slice(1));
  show({node: key}, true);
  look(key);
}
function toggle(group) {
  if (!state.shut.delete(+group.slice(1))) state.shut.add(+group.slice(1));
  show({}, true);
  look(group, true);
}
function play() {
  clearInterval(timer);
  timer = timer ? 0 : setInterval(() => state.k < list.length ? show({k: state.k + 1}) : play(), 1200);
  show(timer && state.k == list.length ? {k: 0} : {});
}
function search(next) {
  const wanted = $("find").value.trim().toLowerCase(), known = key => [cards[key].l, cards[key].n, ...cards[key].i].join(" ").toLowerCase();
  const hits = wanted ? Object.keys(cards).filter(key => known(key).includes(wanted)) : [];
  const hit = next ? (hits.indexOf(state.node) + 1) % hits.length : 0;
  $("hits").textContent = hits.length ? `${hit + 1} of ${hits.length}` : wanted && "none";
  if (hits.length) find(hits[hit]); else show({node: ""});
}

function table() {
  const make = (name, ...children) => {
    const made = document.createElement(name);
    made.append(...children);
    return made;
  };
  const row = (name, cells) => make("tr", ...cells.map(said => make(name, said)));
  const rows = Object.keys(cards).filter(key => key[0] == "n").map(key => {
    const card = cards[key], link = make("a", [card.l, card.n].filter(Boolean).join(" "));
    link.href = "#node=" + key;
    return row("td", [link, told(card.v), told(sight(card, "tangent")), told(card.a), card.b ? storage(card.b) : "", card.i.slice(1).join("; ")]);
  });
  $("table").replaceChildren(row("th", ["", "value", "tangent ẏ", "adjoint ȳ", "kept", "what is known"]), ...rows);
}

function read() {
  const said = new URLSearchParams(location.hash.slice(1)), m = said.get("m") || "", node = said.get("node");
  const button = [...$("modes").children].find(b => b.value == m && !b.disabled);
  state.m = button ? m : "";
  state.k = said.has("k") ? +said.get("k") || 0 : Infinity;
  state.p = Math.max(0, Math.min(passes.length, +said.get("p") || 1) - 1);
  state.overlay = Object.hasOwn(data.overlays, said.get("colour")) ? said.get("colour") : "";
  if (said.has("shut")) state.shut = new Set(said.get("shut").split(".").filter(Boolean).map(Number));
  if (node && Object.hasOwn(cards, node)) find(node); else show({node: ""}, true);
}

for (const m in WAYS) {
  const button = document.createElement("button");
  Object.assign(button, {value: m, textContent: WAYS[m], onclick: () => show({m, k: m == "meet" ? 0 : 1, node: ""}, true)});
  button.disabled = ["forward", "meet"].includes(m) && !passes.length || ["reverse", "meet"].includes(m) && !!data.reverse;
  if (button.disabled) button.title = data.reverse && m != "forward" ? data.reverse : data.forward || "there are no numbers";
  $("modes").append(button);
}
passes.forEach((name, p) => $("pass").append(new Option(name, p)));
for (const name in data.overlays) $("overlay").append(new Option(name, name));
for (const [kind, said] of data.legend) $("legend").append(Object.assign(document.createElement("span"), {className: kind, textContent: said}), " ");
const move = by => show({k: state.k + by, node: ""});
$("step").oninput = () => show({k: +$("step").value, node: ""});
$("back").onclick = () => move(-1);
$("next").onclick = () => move(1);
$("play").onclick = play;
$("pass").onchange = () => show({p: +$("pass").value}, true);
$("overlay").onchange = () => show({overlay: $("overlay").value});
$("turn").onclick = () => show({turned: !state.turned}, true);
$("find").oninput = () => search(false);
$("find").onkeydown = event => event.key == "Enter" && search(true);
$("numbers").ontoggle = table;
$("view").onclick = event => {
  const found = event.target.closest("[id]");
  if (event.ctrlKey || event.metaKey) return;  // into a tab of its own
  if (event.target.closest("[role=button]")) toggle(found.id);
  else if (event.target.closest("a")) event.preventDefault(), find(found.id);
};
$("table").onclick = event => event.target.hash && (event.preventDefault(), find(event.target.hash.slice(6)));
document.onkeydown = event => {
  if (event.target.closest("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key], group = event.target.closest("#view [role=button]");
  if (state.m && step) move(step);
  else if (group && (event.key == "Enter" || event.key == " ")) toggle(event.target.closest("[id]").id);
  else if (event.key == "Escape") show({node: ""});
  else return;
  event.preventDefault();
};
onhashchange = read;
onresize = () => $("view").clientWidth != arranged && show({}, true);
onbeforeprint = () => (before = {...state}, show({m: "", node: ""}, true));
onafterprint = () => show(before, true);
read();
