// The twin of place.py, compose.py, across.py and along.py, for a page whose groups open and close.
const {place, curve} = (() => {
const SWEEPS = 16, NARROW = 34, WIDE = 40, BOXES = 16, LINES = 9, TITLE = 20, MARGIN = 10;
const SLOT = 13, TURN = 12;
const tenth = v => Math.floor(v * 10 + 0.5) / 10;
const id = cell => +cell.slice(1);
const end = list => list[list.length - 1];
const most = (values, none) => values.length ? Math.max(...values) : none;

function place(plan, sizes, shut, direction, room = Infinity) {
  const down = direction == "down", frames = {}, boxes = {}, opened = {}, paths = [], known = {};
  const turn = (a, b) => down ? [tenth(b), tenth(a)] : [tenth(a), tenth(b)];
  const point = ([x, y]) => turn(x, Math.floor(y) + 0.5);
  const root = compose(plan, sizes, shut, -1, down, room - 2 * MARGIN, frames);
  (function spread(key, x, y) {
    const f = frames[key];
    f.origin = [x, y];
    for (const cell in f.extent) {
      if (!/[ng]/.test(cell)) continue;
      const [length, up, under] = f.extent[cell], left = x + f.left[cell], axis = y + f.axis[cell];
      const open = cell[0] == "g" && frames[id(cell)];
      (open ? opened : boxes)[cell] = [...turn(left, axis - up), ...turn(length, up + under)];
      if (open) spread(id(cell), left, axis);
    }
  })(-1, MARGIN, MARGIN + root.up);
  for (const [edges, all] of plan.flows) {
    const pieces = all.filter(([c]) => frames[c]), link = ([c, k]) => plan.containers[c].links[k];
    if (!pieces.length) continue;
    const [route, , , , , operand] = link(end(pieces)), last = end(route), out = last[0] == "o";
    const source = link(pieces[0])[0][0], target = out ? "g" + end(pieces)[0] : last;
    const key = [source, target, out ? last : operand].join();
    if (!known[key]) {
      const points = [];
      for (const piece of pieces) run(link(piece)[0], frames[piece[0]], piece[1], points);
      paths.push(known[key] = {source, target, edges: [], points: points.map(point)});
    }
    for (const e of edges) if (!known[key].edges.some(o => o + "" == e)) known[key].edges.push(e);
  }
  const [width, height] = turn(root.length + 2 * MARGIN, root.up + root.down + 2 * MARGIN);
  return {boxes, frames: opened, paths, width, height};
}

function run(route, f, link, points) {
  const [x, y] = f.origin, [start, stop] = f.ends[link], last = route.length - 1;
  const add = (px, py) => {
    const n = points.length;
    if (n > 1 && points[n - 2][1] == py && points[n - 1][1] == py) points.pop();
    if (!n || end(points) + "" != [px, py]) points.push([px, py]);
  };
  route.forEach((cell, k) => {
    const c = f.column[cell], axis = y + f.axis[cell] + (k == 0 ? start : k == last ? stop : 0);
    if (k == 0) add(x + f.left[cell] + f.extent[cell][0], axis);
    else add(x + f.starts[c], axis);
    if (k == last) return add(x + f.left[cell], axis);
    const next = route[k + 1];
    if (f.row[c] == f.row[f.column[next]]) return add(x + f.stops[c], axis);
    const [turn, back, again] = f.turns[[cell, k == 0 ? start : 0]];
    add(x + turn, axis), add(x + turn, y + back), add(x + again, y + back);
    add(x + again, y + f.axis[next] + (k + 1 == last ? stop : 0));
  });
}

function compose(plan, sizes, shut, key, down, room, frames) {
  const grid = plan.containers[key], within = 2 * BOXES + 6 * TURN, cells = grid.columns.flat();
  const extent = {}, column = {};
  grid.columns.forEach((column_, c) => column_.forEach(cell => column[cell] = c));
  for (const cell of cells) {
    extent[cell] = [0, 0, 0];
    if (!/[ng]/.test(cell)) continue;
    const [length, height] = down ? [...sizes[cell]].reverse() : sizes[cell];
    extent[cell] = [length, height / 2, height / 2];
    if (cell[0] == "g" && !shut.has(id(cell)) && plan.containers[id(cell)].columns.flat().length) {
      const inner = compose(plan, sizes, shut, id(cell), down, room - within, frames);
      extent[cell] = [inner.length, inner.up, inner.down];
    }
  }
  const ends = grid.links.map(([route, slot, crowd, leaves, enters]) => {
    const from = leaves && frames[id(route[0])], to = enters && frames[id(end(route))];
    return [from ? from.axis[leaves] : 0,
      to ? to.axis[enters] : slot * Math.min(SLOT, extent[end(route)][1] / (crowd + 0.5))];
  });
  const pieces = grid.links.flatMap(([route], i) => route.slice(1).map((b, k) =>
    [route[k], b, k == 0 ? ends[i][0] : 0, k + 2 == route.length ? ends[i][1] : 0]));
  const f = frames[key] = {extent, ends, pieces, column, row: grid.columns.map(() => 0)};
  const title = key < 0 ? 0 : TITLE, pad = key < 0 ? 0 : BOXES;
  along(grid, f, pad, down ? title : 0, key < 0 ? 0 : sizes["g" + key][down ? 1 : 0], room);
  f.up = pad + (down ? 0 : title) + most(cells.map(c => extent[c][1] - f.axis[c]), 0);
  f.down = pad + most(cells.map(c => extent[c][2] + f.axis[c]), 0);
  return f;
}

function across(grid, f) {
  const n = grid.blocks.length, rowOf = cell => f.row[f.column[cell]], bound = Infinity;
  const block = {}, shift = {}, steps = {}, axis = {}, at = [];
  grid.blocks.forEach((cells, b) => cells.forEach(cell => block[cell] = b + rowOf(cell) * n));
  const each = make => Array.from({length: n * (end(f.row) + 1)}, make);
  const above = each(() => new Map()), below = each(() => new Map()), springs = each(() => []);
  const pulls = f.pieces.filter(([a, b]) => rowOf(a) == rowOf(b));
  for (const [a, b, start, stop] of pulls)
    if (block[a] == block[b]) (steps[[a, b]] = steps[[a, b]] || []).push(start - stop);
  for (const cells of grid.blocks) cells.forEach((cell, k) => {
    const found = k && steps[[cells[k - 1], cell]];
    shift[cell] = found ? shift[cells[k - 1]] + found.reduce((a, b) => a + b) / found.length : 0;
  });
  for (const column of grid.columns) column.slice(1).forEach((b, k) => {
    const a = column[k], up = above[block[b]], before = up.get(block[a]);
    const between = a[0] == "d" || b[0] == "d" ? LINES : BOXES;
    const room = f.extent[a][2] + between + f.extent[b][1] + shift[a] - shift[b];
    up.set(block[a], Math.max(room, before == null ? -bound : before));
    below[block[a]].set(block[b], up.get(block[a]));
  });
  for (const [a, b, start, stop] of pulls) if (block[a] != block[b]) {
    const pull = shift[a] + start - shift[b] - stop;
    springs[block[a]].push([block[b], -pull]), springs[block[b]].push([block[a], pull]);
  }
  const lowest = (b, none) => most([...above[b]].map(([a, room]) => at[a] + room), none);
  above.forEach((_, b) => at.push(lowest(b, 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) at.forEach((_, k) => {
    const b = sweep % 2 ? k : at.length - 1 - k, pulled = springs[b];
    if (!pulled.length) return;
    const wish = pulled.reduce((sum, [a, pull]) => sum + (at[a] + pull), 0) / pulled.length;
    const highest = -most([...below[b]].map(([c, room]) => room - at[c]), -bound);
    at[b] = Math.max(lowest(b, -bound), Math.min(highest, wish));
  });
  for (const cell in block)
    axis[cell] = at[block[cell]] + shift[cell] - at[rowOf(cell) * n + grid.main];
  return axis;
}

function along(grid, f, pad, title, least, room) {
  const takes = new Set(grid.links.map(([route]) => end(route)));
  const widths = grid.columns.map(column => most(column.map(cell => f.extent[cell][0]), 0));
  f.axis = across(grid, f);
  let gaps = gapsOf(f, widths);
  f.row = rows(f, gaps, widths, room - title - 2 * pad - 6 * TURN);
  if (end(f.row)) f.axis = across(grid, f), gaps = gapsOf(f, widths);
  const lines = passing(f);
  columns(grid, f, gaps, widths, lines, pad, title, least);
  f.left = {};
  for (const cell in f.column) {
    const c = f.column[cell], spare = widths[c] - f.extent[cell][0];
    f.left[cell] = f.starts[c] + (takes.has(cell) ? spare / 2 : spare);
  }
  moveRows(f, lines);
}

function gapsOf(f, widths) {
  const gaps = widths.map(() => 0);
  for (const [a, b, start, stop] of f.pieces) {
    const rise = f.axis[b] + stop - f.axis[a] - start, c = f.column[b];
    gaps[c] = Math.max(gaps[c], NARROW + Math.min(WIDE, Math.abs(rise) / 8));
  }
  return gaps;
}

function rows(f, gaps, widths, room) {
  const last = widths.length - 1, starts = [0, 0], stops = [0, widths[1]];
  for (let c = 2; c < last; c++) {
    starts.push(stops[c - 1] + gaps[c]);
    stops.push(starts[c] + widths[c]);
  }
  const total = end(stops), into = widths.map(() => new Set());
  if (total <= room) return widths.map(() => 0);
  for (const [a, b] of f.pieces) into[f.column[b]].add(a);
  const running = into.map(cells => cells.size), widest = broken(starts, stops, running, room);
  for (let part = 32; part < 64; part++) {
    const limit = total / (end(widest) + 1) * part / 32, row = broken(starts, stops, running, limit);
    if (limit < room && end(row) == end(widest)) return row;
  }
  return widest;
}

function broken(starts, stops, running, limit) {
  const last = starts.length, row = Array(last + 1).fill(0);
  let first = 1;
  while (first < last - 1 && end(stops) - starts[first] > limit) {
    const fits = [...row.keys()].filter(
      c => c > first && c < last && stops[c - 1] - starts[first] <= limit);
    let far = fits.filter(c => starts[c] - starts[first] >= limit / 2);
    if (!far.length) far = fits.slice(-1);
    first = far.length ? far.reduce((a, b) => running[b] <= running[a] ? b : a) : first + 1;
    row.fill(row[first] + 1, first);
  }
  return row;
}

function passing(f) {
  const found = Array.from({length: end(f.row) + 1}, () => new Map());
  for (const [a, b, start] of f.pieces) {
    const row = f.row[f.column[a]];
    if (row != f.row[f.column[b]]) found[row].set([a, start] + "", f.axis[a] + start);
  }
  return found.map(lines => [...lines].sort((a, b) => a[1] - b[1]).map(([line]) => line));
}

function columns(grid, f, gaps, widths, passing, pad, title, least) {
  const last = widths.length - 1;
  let at = 0, longest = least;
  f.starts = [], f.stops = [], f.turns = {};
  widths.forEach((width, c) => {
    if (c == 1) at += title + (grid.columns[0].length ? gaps[1] : pad);
    else if (c == last) at = Math.max(longest, at + (grid.columns[c].length ? gaps[c] : pad));
    else if (c && f.row[c] == f.row[c - 1]) at += gaps[c];
    else if (c) {
      const lines = passing[f.row[c - 1]], n = lines.length - 1, room = LINES * Math.max(0, n);
      const turns = lines.map((line, k) => at + TURN + LINES * (n - k));
      longest = Math.max(longest, at + 2 * TURN + room + pad);
      at = title + pad + 3 * TURN + room;
      lines.forEach((line, k) => f.turns[line] = [turns[k], 0, at - 2 * TURN - LINES * k]);
    }
    f.starts.push(at);
    f.stops.push(at += width);
  });
  f.length = at;
}

function moveRows(f, passing) {
  let at = 0, below = 0;
  passing.forEach((_, row) => {
    const cells = Object.keys(f.column).filter(cell => f.row[f.column[cell]] == row);
    if (row) {
      const lines = passing[row - 1], n = lines.length - 1;
      lines.forEach((line, k) => f.turns[line][1] = at + below + TURN + LINES * (n - k));
      at += below + 2 * TURN + LINES * Math.max(0, n);
      at += most(cells.map(cell => f.extent[cell][1] - f.axis[cell]));
    }
    below = most(cells.map(cell => f.extent[cell][2] + f.axis[cell]), 0);
    for (const cell of cells) f.axis[cell] += at;
  });
}

function curve(points, direction) {
  const down = direction == "down", pair = (a, b) => down ? `${b} ${a}` : `${a} ${b}`;
  const [[x0, y0], ...rest] = down ? points.map(([a, b]) => [b, a]) : points;
  let x = x0, y = y0, forward = true, text = "M" + pair(x, y);
  for (const [a, b] of rest) {
    if (b == y) {
      text += (down ? "V" : "H") + a;
      forward = a > x;
    } else if (a == x) {
      const turn = Math.min(TURN, (b - y) / 2), ahead = tenth(x + (forward ? turn : -turn));
      text += `Q${pair(ahead, y)} ${pair(ahead, tenth(y + turn))}`
        + (down ? "H" : "V") + tenth(b - turn) + `Q${pair(ahead, b)} ${pair(x, b)}`;
    } else {
      const middle = tenth((x + a) / 2);
      text += `C${pair(middle, y)} ${pair(middle, b)} ${pair(a, b)}`;
    }
    [x, y] = [a, b];
  }
  return text;
}
return {place, curve};
})();
