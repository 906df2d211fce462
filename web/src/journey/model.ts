import type { Text } from "../i18n";

// A journey's definition (docs/journeys.md) and how it is changed. Every change gives a new definition: undo keeps the old ones.

export interface Happening { event?: string; events?: string[]; key?: string; where?: string; segment?: string; entered?: boolean }
export interface Until { time?: string; weekdays?: string[]; day?: string; date?: string; offset?: string; yearly?: boolean; shop_hours?: boolean; cutoff?: boolean; best_hour?: boolean }
export interface Way { title?: Text; weight: number; next: string }
interface Branch { if: string; next: string }
export interface Step {
  type: string; title?: Text; next?: string;
  for?: string; until?: Until; until_event?: Happening; until_true?: string; reset_on?: Happening; timeout?: string; on_timeout?: string;
  branches?: Branch[]; else?: string; ways?: Way[]; percent?: number;
  template?: string; channels?: string[]; templates?: Record<string, string>; send_by?: string;
  set?: Record<string, unknown>; clear?: string[]; points?: { amount?: number; reason?: string; expires?: string }; journey?: string;
  webhook?: { url: string; method?: string; headers?: Record<string, string>; body?: string }; on_failure?: string;
}
export interface Entry { called?: boolean; event?: string; events?: string[]; segment?: string; entered?: boolean; include_people_in?: boolean; sweep?: boolean; exclude?: string[]; at?: string; date?: string; offset?: string; time?: string; yearly?: boolean; within?: string; key?: string; where?: string; reentry: string }
export interface Definition {
  title: Text; about?: Text; purpose: string; topic?: string; consent: string; cap?: { default: string }; priority?: number; accounts?: Record<string, string>;
  quiet_hours?: { from?: string; to?: string; channels?: string[]; off?: boolean };
  send_days?: { weekdays?: string[]; not_on_holidays?: boolean; not_on_closed_days?: boolean };
  in_flight?: { then: string; nodes?: Record<string, string> };
  entry: Entry; exit_on?: Happening[]; goal?: Happening; start?: string; nodes?: Record<string, Step>;
}

/** The entry's box on the canvas; no step has such an id. */
export const entryID = "~entry";

/** What a marketer may put into a journey, in the order of the menu. */
export const kinds = ["wait", "message", "branch", "split", "holdout", "update", "points", "webhook", "start", "leave", "goal", "exit"] as const;
export type Kind = (typeof kinds)[number];

/** A way out of a step: the field that names the next one. */
export interface Lead { field: string; to: string; index?: number }

/** The ways out of a step, as the engine sees them (journeys, node.links); the entry has one, to the start. */
export function waysOf(d: Definition, id: string): Lead[] {
  if (id === entryID) return [{ field: "start", to: d.start ?? "" }];
  const n = d.nodes?.[id];
  switch (n?.type) {
    case undefined:
    case "goal":
    case "exit":
      return [];
    case "branch":
      return [...(n!.branches ?? []).map((b, i) => ({ field: `branches[${i}].next`, to: b.next, index: i })), { field: "else", to: n!.else ?? "" }];
    case "split":
      return (n!.ways ?? []).map((w, i) => ({ field: `ways[${i}].next`, to: w.next, index: i }));
    case "wait":
      return [{ field: "next", to: n!.next ?? "" }, ...(n!.on_timeout ? [{ field: "on_timeout", to: n!.on_timeout }] : [])];
    case "webhook":
      return [{ field: "next", to: n!.next ?? "" }, ...(n!.on_failure ? [{ field: "on_failure", to: n!.on_failure }] : [])];
  }
  return [{ field: "next", to: n!.next ?? "" }];
}

const steps = (d: Definition) => d.nodes ?? {};

/** A step changed; what is undefined is left out. */
export function changed(d: Definition, id: string, by: Partial<Step>): Definition {
  return { ...d, nodes: { ...steps(d), [id]: tidy({ ...steps(d)[id], ...by }) } };
}

/** Without what is empty: the engine refuses a field that says nothing. What is begun (an object) stays. */
export function tidy<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined && v !== "" && !(Array.isArray(v) && v.length === 0))) as T;
}

/** A way led to another step. */
export function connected(d: Definition, from: string, field: string, to: string): Definition {
  if (!steps(d)[to]) return d;
  if (from === entryID) return { ...d, start: to };
  const n = steps(d)[from];
  const at = /^(branches|ways)\[(\d+)\]\.next$/.exec(field);
  if (at?.[1] === "branches") return changed(d, from, { branches: n.branches!.map((b, i) => (i === Number(at[2]) ? { ...b, next: to } : b)) });
  if (at) return changed(d, from, { ways: n.ways!.map((w, i) => (i === Number(at[2]) ? { ...w, next: to } : w)) });
  return changed(d, from, { [field]: to });
}

/** An id that no step has, by its type: message_2. */
function freeID(d: Definition, type: string): string {
  for (let i = 1; ; i++) if (!steps(d)[i === 1 ? type : `${type}_${i}`]) return i === 1 ? type : `${type}_${i}`;
}

/** A step as it begins, all its ways leading to one place. */
export function begun(type: Kind, to: string): Step {
  switch (type) {
    case "wait":
      return { type, for: "1d", next: to };
    case "branch":
      return { type, branches: [{ if: "", next: to }], else: to };
    case "split":
      return { type, ways: [{ weight: 50, next: to }, { weight: 50, next: to }] };
    case "holdout":
      return { type, percent: 10, next: to };
    case "message":
      return { type, channels: ["email"], templates: {}, send_by: "24h", next: to };
    case "points":
      return { type, points: { amount: 100 }, next: to };
    case "webhook":
      return { type, webhook: { url: "" }, next: to };
    case "goal":
    case "exit":
      return { type };
  }
  return { type, next: to };
}

/** A step with all its ways leading to one place: what is pasted keeps nothing of where it stood. */
export function aimed(n: Step, to: string): Step {
  const copy = structuredClone(n);
  if (copy.branches) copy.branches = copy.branches.map((b) => ({ ...b, next: to }));
  if (copy.ways) copy.ways = copy.ways.map((w) => ({ ...w, next: to }));
  for (const field of ["next", "else", "on_timeout", "on_failure"] as const) if (copy[field]) copy[field] = to;
  return copy;
}

/** A step put on a way; id is its own. A step that ends the run cuts the way: what only it led to is taken away. */
export function inserted(d: Definition, from: string, field: string, step: (to: string) => Step): { definition: Definition; id: string } {
  const to = waysOf(d, from).find((w) => w.field === field)?.to ?? "";
  const node = step(to);
  const id = freeID(d, node.type);
  const put = connected({ ...d, nodes: { ...steps(d), [id]: node } }, from, field, id);
  return { definition: pruned(put, reached(d)), id };
}

/** The steps that people can come to. */
export function reached(d: Definition): Set<string> {
  const seen = new Set<string>();
  const todo = [d.start ?? ""];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (seen.has(id) || !steps(d)[id]) continue;
    seen.add(id);
    todo.push(...waysOf(d, id).map((w) => w.to));
  }
  return seen;
}

/** Without the steps that could be reached before and cannot now. */
function pruned(d: Definition, before: Set<string>): Definition {
  const now = reached(d);
  return { ...d, nodes: Object.fromEntries(Object.entries(steps(d)).filter(([id]) => now.has(id) || !before.has(id))) };
}

/** Whether a step may be taken away: an end that something leads to stays, every way needs one. */
export const removable = (d: Definition, id: string): boolean => !!steps(d)[id] && (steps(d)[id].type !== "exit" || !reached(d).has(id));

/** A step taken away: what led to it leads to where its first way went, and what only its other ways led to goes with it. */
export function removed(d: Definition, id: string): Definition {
  if (!removable(d, id)) return d;
  const before = reached(d);
  const nodes = { ...steps(d) };
  const to = waysOf(d, id).map((w) => w.to).find((x) => x !== id && nodes[x]);
  if (!to && before.has(id)) return { ...d, nodes: { ...nodes, [id]: { type: "exit" } } };
  delete nodes[id];
  let next: Definition = { ...d, nodes };
  if (to) {
    for (const from of [entryID, ...Object.keys(nodes)]) for (const w of waysOf(next, from)) if (w.to === id) next = connected(next, from, w.field, to);
  }
  return pruned(next, before);
}

/** A definition that has only a beginning and an end. */
export const emptyJourney = (title: Text): Definition => ({ title, purpose: "marketing", consent: "opt_in", entry: { reentry: "never" }, start: "exit", nodes: { exit: { type: "exit" } } });
