import { wayKey } from "./looks";
import { entryID, waysOf, type Definition } from "./model";
import { between, leads } from "./trail";

/** How often people went from one trace to the next; from is empty at the entry. */
export interface Move { from: string; to: string; count: number }

/** How often each way was taken and each step that leaves no trace was passed, where that is certain: what only some of the ways between two traces have is left out. */
export function movesOn(d: Definition, moves: Move[]): { ways: Map<string, number>; steps: Map<string, number> } {
  const ids = [entryID, ...Object.keys(d.nodes ?? {})];
  const all = ids.flatMap((from) => waysOf(d, from).map((w) => ({ ...w, from, key: wayKey(from, w.field) })));
  const ways = new Map(all.map((w) => [w.key, 0]));
  const steps = new Map<string, number>();
  const open = new Set<string>();
  const passes = (id: string) => d.nodes?.[id] !== undefined && d.nodes[id].type !== "message";
  const doubt = (a: string, b: string, sure: Set<string>) => {
    for (const w of all) {
      const comes = w.from === a || (passes(w.from) && leads(d, a, w.from));
      const goes = w.to === b || (passes(w.to) && leads(d, w.to, b));
      if (!sure.has(w.key) && comes && goes) open.add(w.key);
    }
  };
  for (const m of moves) {
    const a = m.from || entryID;
    if ((a !== entryID && !d.nodes?.[a]) || !leads(d, a, m.to)) continue;
    const x = between(d, a, m.to);
    const sure = new Set(x.ways.map((w) => wayKey(w.from, w.field)));
    for (const key of sure) ways.set(key, ways.get(key)! + m.count);
    for (const id of x.steps) steps.set(id, (steps.get(id) ?? 0) + m.count);
    doubt(a, m.to, sure);
  }
  // Who comes back to a step without a trace between leaves no move.
  for (const id of ids) if (leads(d, id, id)) doubt(id, id, new Set());
  for (const key of open) ways.delete(key);
  return { ways, steps };
}
