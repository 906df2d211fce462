import { entryID, waysOf, type Definition } from "./model";

export const boxWidth = 232;
export const boxHeight = 104;
const across = 268;
export const down = 168;

export interface Placed { id: string; x: number; y: number; row: number }
/** A way on the canvas; beside: it skips rows or goes back, and is drawn that far to the right of the boxes; extra: the definition does not have it. */
export interface Drawn { from: string; field: string; to: string; beside?: number; extra?: boolean }

/** Boxes in rows by the longest way from the entry, those of a row below what leads to them; the same for the same definition. extra are ways of an older version. */
export function layout(d: Definition, extra: { from: string; field: string; to: string }[] = []): { boxes: Placed[]; ways: Drawn[]; rows: number } {
  const ids = Object.keys(d.nodes ?? {});
  const outs = (id: string): Omit<Drawn, "from">[] => [...waysOf(d, id), ...extra.filter((w) => w.from === id).map((w) => ({ ...w, extra: true }))].filter((w) => d.nodes?.[w.to]);
  const row = rowsOf(outs);
  const last = Math.max(0, ...row.values());
  for (const id of ids) if (!row.has(id)) row.set(id, last + 1); // no way leads there
  const above = new Map<string, string[]>();
  for (const id of row.keys()) for (const w of outs(id)) if (row.get(w.to)! > row.get(id)!) above.set(w.to, [...(above.get(w.to) ?? []), id]);
  const x = new Map<string, number>();
  const rows = new Map<number, string[]>();
  for (const [id, r] of row) rows.set(r, [...(rows.get(r) ?? []), id]);
  for (const r of [...rows.keys()].sort((a, b) => a - b)) {
    const wanted = (id: string) => {
      const from = (above.get(id) ?? []).filter((p) => x.has(p));
      const sum = from.reduce((n, p) => n + x.get(p)! + slot(outs(p).map((w) => w.to).filter((to) => row.get(to) === r), id), 0);
      return from.length ? sum / from.length : 0;
    };
    const members = rows.get(r)!.map((id, i) => ({ id, i, x: wanted(id) })).sort((a, b) => a.x - b.x || a.i - b.i);
    let edge = -Infinity;
    const at = members.map((m) => (edge = Math.max(m.x, edge + across)));
    // Pushed to the right by their neighbours, they stand around where they wanted to be.
    const shift = members.reduce((n, m, i) => n + m.x - at[i], 0) / Math.max(1, members.length);
    members.forEach((m, i) => x.set(m.id, at[i] + shift));
  }
  const boxes = [...row].map(([id, r]) => ({ id, x: x.get(id)! - boxWidth / 2, y: r * down, row: r }));
  let beside = 0;
  const ways = [...row.keys()].flatMap((from) => outs(from).map((w): Drawn => ({ from, field: w.field, to: w.to, ...(w.extra ? { extra: true } : {}), ...(row.get(w.to)! - row.get(from)! === 1 ? {} : { beside: 24 + 20 * beside++ }) })));
  return { boxes, ways, rows: Math.max(0, ...row.values()) + 1 };
}

/** How far from its step a way's end would stand, its siblings beside it. */
function slot(targets: string[], id: string): number {
  const each = [...new Set(targets)];
  return (each.indexOf(id) - (each.length - 1) / 2) * across;
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
