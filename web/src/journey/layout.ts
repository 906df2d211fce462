import { entryID, waysOf, type Definition } from "./model";
import { spread } from "./spread";

export const boxWidth = 232;
export const boxHeight = 92;
/** From a row of boxes to the next; the words of the ways stand between them. */
export const down = 164;

export interface Placed { id: string; x: number; y: number; row: number }
export interface Point { x: number; y: number }
/** A way on the canvas: the points it goes through, from the foot of a box to the head of another, and where its word stands. back: it leads to an earlier row, beside all boxes. extra: the definition does not have it. */
export interface Drawn { from: string; field: string; to: string; points: Point[]; word: Point; back?: boolean; extra?: boolean }
export interface Layout { boxes: Placed[]; ways: Drawn[]; rows: number; left: number; right: number }

type Out = { field: string; to: string; extra?: boolean };
/** The least that a way takes: the button on it. */
const narrowest = 40;
const lane = 24;
/** How long the arrow is that a way ends in, upright. */
const tip = 9;

/**
 * Boxes in rows by the longest way from the entry, with as few crossings as a few sweeps find; the same for the same definition. A way
 * keeps a place of its own in each row that it passes, so none runs through a box, and its word one between the rows, so no word lies on another.
 * extra are ways of an older version; wide is how much room a way's word takes.
 */
export function layout(d: Definition, extra: { from: string; field: string; to: string }[] = [], wide: (w: Out & { from: string }) => number = () => narrowest): Layout {
  const ids = Object.keys(d.nodes ?? {});
  const outs = (id: string): Out[] => [...waysOf(d, id), ...extra.filter((w) => w.from === id).map((w) => ({ ...w, extra: true }))].filter((w) => d.nodes?.[w.to]);
  const row = rowsOf(outs);
  const last = Math.max(0, ...row.values());
  for (const id of ids) if (!row.has(id)) row.set(id, last + 1); // no way leads there
  const rows = Math.max(...row.values()) + 1;

  // Layers: rows of boxes are the even ones, the words between them the odd ones.
  const layers: Vertex[][] = Array.from({ length: 2 * rows - 1 }, () => []);
  const box = new Map<string, Vertex>();
  for (const [id, r] of row) {
    const v: Vertex = { width: boxWidth, up: [], down: [], x: 0 };
    box.set(id, v);
    layers[2 * r].push(v);
  }
  const chains: { from: string; w: Out; through: Vertex[] }[] = [];
  const backs: { from: string; w: Out }[] = [];
  for (const from of row.keys()) for (const w of outs(from)) {
    const [a, b] = [2 * row.get(from)!, 2 * row.get(w.to)!];
    if (b <= a) { backs.push({ from, w }); continue; }
    const through: Vertex[] = [];
    let before = box.get(from)!;
    for (let l = a + 1; l < b; l++) {
      const v: Vertex = { width: l === a + 1 ? Math.max(narrowest, wide({ ...w, from })) : lane, thin: true, up: [], down: [], x: 0 };
      layers[l].push(v);
      tie(before, v);
      through.push(before = v);
    }
    tie(before, box.get(w.to)!);
    chains.push({ from, w, through });
  }
  spread(layers);

  const start = Math.round(box.get(entryID)!.x);
  const at = (v: Vertex) => Math.round(v.x) - start;
  const boxes = [...row].map(([id, r]) => ({ id, x: at(box.get(id)!) - boxWidth / 2, y: r * down, row: r }));
  const ways = chains.map(({ from, w, through }): Drawn => {
    const top = row.get(from)! * down;
    const points = [{ x: at(box.get(from)!), y: top + boxHeight }, ...through.map((v, i) => ({ x: at(v), y: top + (i % 2 ? (i + 1) / 2 * down + boxHeight / 2 : i / 2 * down + (boxHeight + down) / 2) })), { x: at(box.get(w.to)!), y: row.get(w.to)! * down }];
    return { from, field: w.field, to: w.to, points, word: points[1], ...(w.extra ? { extra: true } : {}) };
  });
  const words = chains.map(({ through }) => through[0]);
  let right = Math.max(...[...box.values(), ...words].map((v) => at(v) + v.width / 2));
  const left = Math.min(...[...box.values(), ...words].map((v) => at(v) - v.width / 2));
  for (const { from, w } of backs) {
    const width = Math.max(narrowest, wide({ ...w, from }));
    const x = right + lane + width / 2;
    right = x + width / 2;
    const [a, b] = [row.get(from)! * down + boxHeight, row.get(w.to)! * down];
    const points = [{ x: at(box.get(from)!), y: a }, { x, y: (a + b) / 2 }, { x: at(box.get(w.to)!), y: b }];
    ways.push({ from, field: w.field, to: w.to, points, word: points[1], back: true, ...(w.extra ? { extra: true } : {}) });
  }
  return { boxes, ways, rows, left, right };
}

/** What has a place in a layer: a box, or a way on its way. */
export interface Vertex { width: number; thin?: boolean; up: Vertex[]; down: Vertex[]; x: number }

function tie(a: Vertex, b: Vertex) {
  a.down.push(b);
  b.up.push(a);
}

/** The step that an arrow key leads to: along the ways, or beside in the same row. */
export function neighbour(placed: Layout, id: string, key: string): string | undefined {
  const here = placed.boxes.find((b) => b.id === id);
  if (!here) return undefined;
  if (key === "ArrowDown") return placed.ways.find((w) => w.from === id && !w.back)?.to;
  if (key === "ArrowUp") return placed.ways.find((w) => w.to === id && !w.back)?.from;
  const beside = placed.boxes.filter((b) => b.row === here.row && (key === "ArrowRight" ? b.x > here.x : b.x < here.x)).sort((a, b) => a.x - b.x);
  return (key === "ArrowRight" ? beside[0] : beside[beside.length - 1])?.id;
}

/** A way as an SVG path: from point to point in curves that begin and end upright, so that ways that cross can be told apart. */
export function pathOf(w: Drawn): string {
  const [a, ...rest] = w.points;
  if (w.back) { // out below, up beside everything, in from above
    const [m, b] = rest;
    const [low, high, r] = [a.y + 9, b.y - 13, 8];
    return `M${a.x} ${a.y} Q${a.x} ${low} ${a.x + r} ${low} L${m.x - r} ${low} Q${m.x} ${low} ${m.x} ${low - r} L${m.x} ${high + r} Q${m.x} ${high} ${m.x - r} ${high} L${b.x + r} ${high} Q${b.x} ${high} ${b.x} ${b.y}`;
  }
  let path = `M${a.x} ${a.y}`;
  let p = a;
  for (const q of rest) {
    const end = q === rest[rest.length - 1] ? q.y - tip : q.y;
    const y = (p.y + end) / 2;
    path += p.x === q.x ? ` L${q.x} ${end}` : ` C${p.x} ${y} ${q.x} ${y} ${q.x} ${end}`;
    p = q;
  }
  return `${path} L${p.x} ${p.y}`;
}

/** The longest way to each step that can be reached, ways back left out. */
function rowsOf(outs: (id: string) => { to: string }[]): Map<string, number> {
  const order: string[] = [];
  const state = new Map<string, "open" | "done">();
  const back = new Set<string>();
  const visit = (id: string) => {
    state.set(id, "open");
    for (const { to } of outs(id)) {
      if (state.get(to) === "open") back.add(`${id}>${to}`);
      else if (!state.has(to)) visit(to);
    }
    state.set(id, "done");
    order.unshift(id);
  };
  visit(entryID);
  const row = new Map<string, number>([[entryID, 0]]);
  for (const id of order) for (const { to } of outs(id)) if (!back.has(`${id}>${to}`)) row.set(to, Math.max(row.get(to) ?? 0, row.get(id)! + 1));
  return row;
}
