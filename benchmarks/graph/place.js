// The twin of compose.py and place.py, for a page whose groups open and close: their words hold.
const {place, curve} = (() => {
const SWEEPS = 16, NARROW = 34, WIDE = 40, BOXES = 16, LINES = 9, TITLE = 20, MARGIN = 10;
const SLOT = 13, TURN = 12;
const tenth = v => Math.floor(v * 10 + 0.5) / 10;
const id = cell => +cell.slice(1);

function place(plan, sizes, shut, direction, room = Infinity) {
  const down = direction == "down", frames = {}, boxes = {}, opened = {}, paths = [], known = {};
  const turn = (a, b) => down ? [tenth(b), tenth(a)] : [tenth(a), tenth(b)];
  const root = compose(plan, sizes, shut, -1, down, room - 2 * MARGIN, frames);
  (function spread(key, x, y) {
    const f = frames[key];
    f.origin = [x, y];
    for (const cell in f.extent) {
      if (!"ng".includes(cell[0])) continue;
      const [length, up, under] = f.extent[cell], left = x + f.left[cell], axis = y + f.axis[cell];
      const open = cell[0] == "g" && frames[id(cell)];
      (open ? opened : boxes)[cell] = [...turn(left, axis - up), ...turn(length, up + under)];
      if (open) spread(id(cell), left, axis);
    }
  })(-1, MARGIN, MARGIN + root.up);
  for (const [edges, all] of plan.flows) {
    const pieces = all.filter(([c]) => frames[c]);
    if (!pieces.length) continue;
    const link = ([c, k]) => plan.containers[c].links[k], last = pieces[pieces.length - 1];
    const [route, , , , , operand] = link(last), end = route[route.length - 1];
    const out = end[0] == "o", source = link(pieces[0])[0][0], target = out ? "g" + last[0] : end;
    const key = [source, target, out ? end : operand].join();
    if (!known[key]) {
      const points = [];
      for (const piece of pieces) run(link(piece)[0], frames[piece[0]], piece[1], points);
      paths.push(known[key] = {source, target, edges: [], points: points.map(p => turn(...p))});
    }
    for (const e of edges) if (!known[key].edges.some(o => o + "" == e)) known[key].edges.push(e);
  }
  const [width, height] = turn(root.length + 2 * MARGIN, root.up + root.down + 2 * MARGIN);
  return {boxes, frames: opened, paths, width, height};
}

function run(route, frame, link, points) {
  const [x, y] = frame.origin, [start, end] = frame.ends[link], last = route.length - 1;
  const add = (px, py) => {
    const n = points.length;
    if (n > 1 && points[n - 2][1] == py && points[n - 1][1] == py) points.pop();
    const p = points[points.length - 1];
    if (!p || p[0] != px || p[1] != py) points.push([px, py]);
  };
  route.forEach((cell, k) => {
    const c = frame.column[cell], axis = y + frame.axis[cell] + (k == 0 ? start : k == last ? end : 0);
    if (k == 0) add(x + frame.left[cell] + frame.extent[cell][0], axis);
    if (k > 0) add(x + frame.starts[c], axis);
    if (k == last) return add(x + frame.left[cell], axis);
    const next = route[k + 1];
    if (frame.row[c] == frame.row[frame.column[next]]) return add(x + frame.stops[c], axis);
    const [turn, back, again] = frame.turns[[cell, k == 0 ? start : 0]];
    const then = y + frame.axis[next] + (k + 1 == last ? end : 0);
    add(x + turn, axis), add(x + turn, y + back), add(x + again, y + back), add(x + again, then);
  });
}

function compose(plan, sizes, shut, key, down, room, frames) {
  const grid = plan.containers[key], extent = {}, within = 2 * BOXES + 6 * TURN;
  for (const cell of grid.columns.flat()) {
    extent[cell] = [0, 0, 0];
    if (!"ng".includes(cell[0])) continue;
    const size = sizes[cell], across = size[down ? 0 : 1] / 2;
    extent[cell] = [size[down ? 1 : 0], across, across];
    if (cell[0] == "g" && !shut.has(id(cell)) && plan.containers[id(cell)].columns.flat().length) {
      const inner = compose(plan, sizes, shut, id(cell), down, room - within, frames);
      extent[cell] = [inner.length, inner.up, inner.down];
    }
  }
  const f = {extent, column: {}, left: {}, starts: [], stops: [], turns: {}};
  f.ends = grid.links.map(([route, slot, crowd, leaves, enters]) => {
    const source = route[0], target = route[route.length - 1];
    const from = leaves && frames[id(source)], to = enters && frames[id(target)];
    return [from ? from.axis[leaves] : 0,
            to ? to.axis[enters] : slot * Math.min(SLOT, extent[target][1] / (crowd + 0.5))];
  });
  const title = key < 0 ? 0 : TITLE, pad = key < 0 ? 0 : BOXES, cells = Object.keys(extent);
  along(grid, f, pad, down ? title : 0, key < 0 ? 0 : sizes["g" + key][down ? 1 : 0], room);
  f.up = pad + (down ? 0 : title) + most(cells.map(c => extent[c][1] - f.axis[c]), 0);
  f.down = pad + most(cells.map(c => extent[c][2] + f.axis[c]), 0);
  return frames[key] = f;
}

const most = (values, none) => values.length ? Math.max(...values) : none;

function across(grid, f) {
  const block = {}, shift = {}, above = [], below = [], springs = [], at = [], steps = {}, pulls = [];
  const n = grid.blocks.length, rowOf = cell => f.row[f.column[cell]];
  grid.blocks.forEach((cells, b) => cells.forEach(cell => block[cell] = b + rowOf(cell) * n));
  for (let b = 0; b < n * (f.row[f.row.length - 1] + 1); b++) {
    above.push(new Map()), below.push(new Map()), springs.push([]);
  }
  grid.links.forEach(([route], i) => {
    for (let k = 1; k < route.length; k++) {
      const a = route[k - 1], b = route[k];
      if (rowOf(a) != rowOf(b)) continue;
      const start = k == 1 ? f.ends[i][0] : 0, end = k == route.length - 1 ? f.ends[i][1] : 0;
      pulls.push([a, b, start, end]);
      if (block[a] == block[b]) (steps[[a, b]] = steps[[a, b]] || []).push(start - end);
    }
  });
  for (const cells of grid.blocks) cells.forEach((cell, k) => {
    const found = k && steps[[cells[k - 1], cell]];
    shift[cell] = found ? shift[cells[k - 1]] + found.reduce((a, b) => a + b) / found.length : 0;
  });
  for (const column of grid.columns) {
    for (let k = 1; k < column.length; k++) {
      const a = column[k - 1], b = column[k], between = a[0] == "d" || b[0] == "d" ? LINES : BOXES;
      const up = above[block[b]], before = up.has(block[a]) ? up.get(block[a]) : -Infinity;
      const room = Math.max(before,
        f.extent[a][2] + between + f.extent[b][1] + shift[a] - shift[b]);
      up.set(block[a], room), below[block[a]].set(block[b], room);
    }
  }
  for (const [a, b, start, end] of pulls) {
    const pull = shift[a] + start - shift[b] - end;
    if (block[a] == block[b]) continue;
    springs[block[a]].push([block[b], -pull]), springs[block[b]].push([block[a], pull]);
  }
  const lowest = (b, none) => most([...above[b]].map(([a, room]) => at[a] + room), none);
  for (let b = 0; b < above.length; b++) at.push(lowest(b, 0));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let k = 0; k < at.length; k++) {
      const b = sweep % 2 ? k : at.length - 1 - k, pulled = springs[b];
      if (!pulled.length) continue;
      const wish = pulled.reduce((sum, [a, pull]) => sum + (at[a] + pull), 0) / pulled.length;
      const highest = -most([...below[b]].map(([c, room]) => room - at[c]), -Infinity);
      at[b] = Math.max(lowest(b, -Infinity), Math.min(highest, wish));
    }
  }
  const axis = {};
  for (const cell in block)
    axis[cell] = at[block[cell]] + shift[cell] - at[rowOf(cell) * n + grid.main];
  return axis;
}

function along(grid, f, pad, title, least, room) {
  const takes = new Set(grid.links.map(([route]) => route[route.length - 1]));
  const widths = grid.columns.map(column => most(column.map(cell => f.extent[cell][0]), 0));
  grid.columns.forEach((column, c) => column.forEach(cell => f.column[cell] = c));
  f.row = widths.map(() => 0);
  f.axis = across(grid, f);
  let gaps = gapsOf(grid, f);
  f.row = rows(grid, f, gaps, widths, room - title - 2 * pad - 6 * TURN);
  if (f.row[widths.length - 1]) {
    f.axis = across(grid, f);
    gaps = gapsOf(grid, f);
  }
  const lines = passing(grid, f);
  columns(grid, f, gaps, widths, lines, pad, title, least);
  for (const cell in f.column) {
    const c = f.column[cell], spare = widths[c] - f.extent[cell][0];
    f.left[cell] = f.starts[c] + (takes.has(cell) ? spare / 2 : spare);
  }
  moveRows(f, lines);
}

function gapsOf(grid, f) {
  const gaps = grid.columns.map(() => 0);
  grid.links.forEach(([route], i) => {
    for (let k = 1; k < route.length; k++) {
      const rise = f.axis[route[k]] - f.axis[route[k - 1]]
        + ((k == route.length - 1 ? f.ends[i][1] : 0) - (k == 1 ? f.ends[i][0] : 0));
      const c = f.column[route[k]];
      gaps[c] = Math.max(gaps[c], NARROW + Math.min(WIDE, Math.abs(rise) / 8));
    }
  });
  return gaps;
}

function rows(grid, f, gaps, widths, room) {
  const last = widths.length - 1, starts = [0, 0], stops = [0, widths[1]];
  for (let c = 2; c < last; c++) {
    starts.push(stops[c - 1] + gaps[c]);
    stops.push(starts[c] + widths[c]);
  }
  const total = stops[stops.length - 1];
  if (total <= room) return widths.map(() => 0);
  const into = grid.columns.map(() => new Set());
  for (const [route] of grid.links)
    for (let k = 1; k < route.length; k++) into[f.column[route[k]]].add(route[k - 1]);
  const running = into.map(cells => cells.size);
  const widest = broken(starts, stops, running, room);
  for (let part = 32; part < 64; part++) {
    const limit = total / (widest[last] + 1) * part / 32;
    const row = broken(starts, stops, running, limit);
    if (limit < room && row[last] == widest[last]) return row;
  }
  return widest;
}

function broken(starts, stops, running, limit) {
  const last = starts.length, row = Array(last + 1).fill(0);
  let first = 1;
  while (first < last - 1 && stops[last - 1] - starts[first] > limit) {
    const fits = [...row.keys()].filter(
      c => c > first && c < last && stops[c - 1] - starts[first] <= limit);
    let far = fits.filter(c => starts[c] - starts[first] >= limit / 2);
    if (!far.length) far = fits.slice(-1);
    first = far.length ? far.reduce((a, b) => running[b] <= running[a] ? b : a) : first + 1;
    for (let c = first; c <= last; c++) row[c]++;
  }
  return row;
}

function passing(grid, f) {
  const found = Array.from({length: Math.max(...f.row) + 1}, () => new Map());
  grid.links.forEach(([route], i) => {
    for (let k = 1; k < route.length; k++) {
      const row = f.row[f.column[route[k - 1]]], start = k == 1 ? f.ends[i][0] : 0;
      if (row != f.row[f.column[route[k]]])
        found[row].set([route[k - 1], start] + "", f.axis[route[k - 1]] + start);
    }
  });
  return found.map(lines => [...lines].sort((a, b) => a[1] - b[1]).map(([line]) => line));
}

function columns(grid, f, gaps, widths, passing, pad, title, least) {
  const last = widths.length - 1;
  let at = 0, longest = least;
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
