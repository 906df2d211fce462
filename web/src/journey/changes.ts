import { entryID, waysOf, type Definition, type Lead, type Step } from "./model";

// What differs between two versions of a journey. A step is the same one when it has the same id.

export type Mark = "added" | "removed" | "changed";
/** One thing that differs; where a condition or a way of a list is meant the field carries its place: branches[0]. */
export interface FieldChange { field: string; before: unknown; after: unknown }
/** What differs at a box of the canvas; at is "" for the journey as a whole. */
export interface Change { at: string; mark: Mark; fields: FieldChange[] }
export interface Way extends Lead { from: string }
/** Both versions in one graph: what only the older one has stands in it too. */
export interface Compared { merged: Definition; changes: Change[]; gone: Way[]; come: Way[] }

const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted);
  if (typeof v !== "object" || v === null) return v;
  return Object.fromEntries(Object.entries(v).filter(([, x]) => x !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, x]) => [k, sorted(x)]));
}

/** The fields of two objects that are not the same, in the order of the newer one. */
function fields(before: object, after: object, leave: string[]): FieldChange[] {
  const a = before as Record<string, unknown>;
  const b = after as Record<string, unknown>;
  return [...new Set([...Object.keys(b), ...Object.keys(a)])].filter((k) => !leave.includes(k) && !same(a[k], b[k])).map((k) => ({ field: k, before: a[k], after: b[k] }));
}

/** What tells a way out of a step from the others, whatever stands before it: a condition is known by its text. */
function sign(n: Step | undefined, w: Lead): string {
  const i = w.index ?? -1;
  if (n?.type === "branch" && i >= 0) return `if ${n.branches![i].if}`;
  return w.field;
}

const leading = (d: Definition, id: string): Map<string, Way> => new Map(waysOf(d, id).map((w) => [sign(d.nodes?.[id], w), { ...w, from: id }]));

/** The entries of a list that differ, each with its place in the newer one; where a way of it leads is told apart. */
function entries(field: "branches" | "ways", a: Step, b: Step): FieldChange[] {
  const bare = (n: Step) => (n[field] ?? []).map((x: object): unknown => ({ ...x, next: undefined }));
  const [before, after] = [bare(a), bare(b)];
  const only = (list: unknown[], other: unknown[]) => list.map((x, i) => ({ x, i })).filter(({ x }) => !other.some((o) => same(o, x)));
  const [left, right] = [only(before, after), only(after, before)];
  const out = Array.from({ length: Math.max(left.length, right.length) }, (_, k): FieldChange => ({ field: `${field}[${(right[k] ?? left[k]).i}]`, before: left[k]?.x, after: right[k]?.x }));
  if (out.length || same(before, after)) return out;
  return [{ field: "order", before: before.map((_, i) => i + 1), after: after.map((x) => before.findIndex((o) => same(o, x)) + 1) }];
}

const led = ["next", "else", "on_timeout", "branches", "ways"]; // where they lead is told as "leads"

function stepChanges(a: Definition, b: Definition, id: string): FieldChange[] {
  const [x, y] = [a.nodes![id], b.nodes![id]];
  const out = [...fields(x, y, led), ...entries("branches", x, y), ...entries("ways", x, y)];
  const [was, is] = [leading(a, id), leading(b, id)];
  for (const [key, w] of is) if (was.get(key)?.to !== w.to) out.push({ field: `leads.${w.field}`, before: was.get(key)?.to, after: w.to });
  for (const [key, w] of was) if (!is.has(key) && w.index === undefined) out.push({ field: `leads.${w.field}`, before: w.to, after: undefined });
  return out;
}

export function differences(a: Definition, b: Definition): Compared {
  const [x, y] = [a.nodes ?? {}, b.nodes ?? {}];
  const changes: Change[] = [];
  const add = (at: string, mark: Mark, list: FieldChange[]) => { if (mark !== "changed" || list.length) changes.push({ at, mark, fields: list }); };
  add("", "changed", fields(a, b, ["entry", "nodes", "start", "in_flight"]));
  add(entryID, "changed", [...fields(a.entry, b.entry, []), ...(a.start === b.start ? [] : [{ field: "leads.start", before: a.start, after: b.start }])]);
  for (const id of Object.keys(y)) add(id, x[id] ? "changed" : "added", x[id] ? stepChanges(a, b, id) : []);
  for (const id of Object.keys(x)) if (!y[id]) add(id, "removed", []);
  const merged: Definition = { ...b, nodes: { ...y, ...Object.fromEntries(Object.entries(x).filter(([id]) => !y[id])) } };
  const gone: Way[] = [];
  const come: Way[] = [];
  for (const id of [entryID, ...Object.keys(merged.nodes!)]) {
    const [was, is] = [id === entryID || x[id] ? leading(a, id) : new Map<string, Way>(), id === entryID || y[id] ? leading(b, id) : new Map<string, Way>()];
    for (const [key, w] of is) if (was.get(key)?.to !== w.to) come.push(w);
    for (const [key, w] of was) if (is.get(key)?.to !== w.to) gone.push(w);
  }
  return { merged, changes, gone, come };
}
