import type { Vertex } from "./layout";

// Where the boxes and ways of a layered picture stand side by side, after Sugiyama, Tagawa and Toda: an order in each layer with few
// crossings, then places in line with what they lead from and to.

const apart = (a: Vertex, b: Vertex): number => (a.width + b.width) / 2 + (a.thin && b.thin ? 12 : a.thin || b.thin ? 20 : 36);
const mean = (all: number[]): number => all.reduce((n, x) => n + x, 0) / all.length;

/** Orders each layer in place and gives every vertex its x. The layers come in the order in which steps are written, which breaks ties. */
export function spread(layers: Vertex[][]): void {
  order(layers);
  place(layers);
}

function order(layers: Vertex[][]): void {
  byWays(layers);
  let best = layers.map((l) => [...l]);
  let least = crossings(layers);
  for (let round = 0; round < 8 && least > 0; round++) {
    const downwards = round % 2 === 0;
    const all = downwards ? layers.slice(1) : layers.slice(0, -1).reverse();
    const at = new Map(layers.flatMap((l) => l.map((v, i) => [v, i])));
    for (const layer of all) {
      const wanted = new Map(layer.map((v) => { const near = downwards ? v.up : v.down; return [v, near.length ? mean(near.map((n) => at.get(n)!)) : at.get(v)!]; }));
      layer.sort((a, b) => wanted.get(a)! - wanted.get(b)! || at.get(a)! - at.get(b)!);
      layer.forEach((v, i) => at.set(v, i));
    }
    const now = crossings(layers);
    if (now < least) [least, best] = [now, layers.map((l) => [...l])];
  }
  best.forEach((l, i) => layers[i].splice(0, l.length, ...l));
}

/** The first order: that in which the ways of each step are written, from the entry on. */
function byWays(layers: Vertex[][]): void {
  const seen = new Map<Vertex, number>();
  const visit = (v: Vertex) => {
    if (seen.has(v)) return;
    seen.set(v, seen.size);
    v.down.forEach(visit);
  };
  for (const v of layers.flat()) visit(v);
  for (const l of layers) l.sort((a, b) => seen.get(a)! - seen.get(b)!);
}

export function crossings(layers: Vertex[][]): number {
  let n = 0;
  layers.slice(1).forEach((layer, i) => {
    const at = new Map(layer.map((v, k) => [v, k]));
    const ends = layers[i].flatMap((v) => v.down.map((w) => at.get(w)!).sort((a, b) => a - b));
    for (let a = 0; a < ends.length; a++) for (let b = a + 1; b < ends.length; b++) if (ends[a] > ends[b]) n++;
  });
  return n;
}

/** Places after Brandes and Köpf: four times each vertex stands in line with the middle one of those it hangs on, once for each corner to begin at; the mean of the two inner places is its own. */
function place(layers: Vertex[][]): void {
  const crossed = overruled(layers);
  const places = [false, true].flatMap((up) => [false, true].map((right) => {
    const turned = (up ? [...layers].reverse() : layers).map((l) => (right ? [...l].reverse() : l));
    const x = compacted(turned, aligned(turned, up, crossed));
    if (right) for (const [v, n] of x) x.set(v, -n);
    return { x, right };
  }));
  const ends = places.map(({ x, right }) => {
    const all = [...x].flatMap(([v, n]) => [n - v.width / 2, n + v.width / 2]);
    return { x, right, least: Math.min(...all), most: Math.max(...all) };
  });
  const narrow = ends.reduce((a, b) => (b.most - b.least < a.most - a.least ? b : a));
  for (const v of layers.flat()) {
    const all = ends.map((e) => e.x.get(v)! + (e.right ? narrow.most - e.most : narrow.least - e.least)).sort((a, b) => a - b);
    v.x = (all[1] + all[2]) / 2;
  }
}

const pair = (ids: Map<Vertex, number>, a: Vertex, b: Vertex) => [ids.get(a)!, ids.get(b)!].sort((x, y) => x - y).join();

/** The ways that cross one that passes both rows: that one stays straight. */
function overruled(layers: Vertex[][]): { ids: Map<Vertex, number>; pairs: Set<string> } {
  const ids = new Map(layers.flat().map((v, i) => [v, i]));
  const pairs = new Set<string>();
  layers.slice(1).forEach((layer, i) => {
    const at = new Map(layers[i].map((v, k) => [v, k]));
    const ends = layer.flatMap((v, k) => v.up.map((u) => ({ u, v, a: at.get(u)!, b: k, inner: !!u.thin && !!v.thin })));
    for (const e of ends) if (!e.inner && ends.some((f) => f.inner && (f.a - e.a) * (f.b - e.b) < 0)) pairs.add(pair(ids, e.u, e.v));
  });
  return { ids, pairs };
}

/** Which vertices stand in one line: each with the first of its line. */
function aligned(layers: Vertex[][], up: boolean, { ids, pairs }: ReturnType<typeof overruled>): Map<Vertex, Vertex> {
  const root = new Map(layers.flat().map((v) => [v, v]));
  const taken = new Set<Vertex>();
  layers.slice(1).forEach((layer, i) => {
    const at = new Map(layers[i].map((v, k) => [v, k]));
    let last = -1;
    for (const v of layer) {
      const near = [...new Set(up ? v.down : v.up)].sort((a, b) => at.get(a)! - at.get(b)!);
      const middle = (near.length - 1) / 2;
      for (const u of new Set(near.length ? [near[Math.floor(middle)], near[Math.ceil(middle)]] : [])) {
        if (root.get(v) !== v || taken.has(u) || at.get(u)! <= last || pairs.has(pair(ids, u, v))) continue;
        root.set(v, root.get(u)!);
        taken.add(u);
        last = at.get(u)!;
      }
    }
  });
  return root;
}

/** The lines side by side, as near as they may stand. */
function compacted(layers: Vertex[][], root: Map<Vertex, Vertex>): Map<Vertex, number> {
  const roots = [...new Set(root.values())];
  const next = new Map<Vertex, Map<Vertex, number>>(roots.map((r) => [r, new Map()]));
  for (const l of layers) l.slice(1).forEach((v, i) => { const to = next.get(root.get(l[i])!)!; to.set(root.get(v)!, Math.max(to.get(root.get(v)!) ?? 0, apart(l[i], v))); });
  const order: Vertex[] = [];
  const seen = new Set<Vertex>();
  const visit = (r: Vertex) => {
    if (seen.has(r)) return;
    seen.add(r);
    for (const to of next.get(r)!.keys()) visit(to);
    order.unshift(r);
  };
  roots.forEach(visit);
  const x = new Map(order.map((r) => [r, 0]));
  for (const r of order) for (const [to, gap] of next.get(r)!) x.set(to, Math.max(x.get(to)!, x.get(r)! + gap));
  // Then each as far to the right as what stands there lets it: lines that hang on something move next to it.
  for (const r of [...order].reverse()) {
    const most = Math.min(...[...next.get(r)!].map(([to, gap]) => x.get(to)! - gap));
    if (most < Infinity) x.set(r, Math.max(x.get(r)!, most));
  }
  return new Map(layers.flat().map((v) => [v, x.get(root.get(v)!)!]));
}
