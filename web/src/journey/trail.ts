import type { TFunction } from "i18next";
import { wayKey, type Look, type Looks } from "./looks";
import { entryID, waysOf, type Definition, type Lead } from "./model";

type Way = Lead & { from: string };

/** Whether b can be come to from a without the step or the way that is left out. Messages between leave a trace of their own, so no way leads through one. */
export function leads(d: Definition, a: string, b: string, without?: { step?: string; way?: string }): boolean {
  const seen = new Set<string>();
  const todo = [a];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    for (const w of waysOf(d, id)) {
      if (wayKey(id, w.field) === without?.way || w.to === without?.step) continue;
      if (w.to === b) return true;
      if (seen.has(w.to) || !d.nodes?.[w.to] || d.nodes[w.to].type === "message") continue;
      seen.add(w.to);
      todo.push(w.to);
    }
  }
  return false;
}

/** What surely lies between two steps that follow each other in a trail: what every way has. */
export function between(d: Definition, a: string, b: string): { steps: string[]; ways: Way[] } {
  if (!leads(d, a, b)) return { steps: [], ways: [] };
  const ids = Object.keys(d.nodes ?? {}).filter((id) => id !== a && id !== b);
  const steps = ids.filter((step) => !leads(d, a, b, { step }));
  const ways = [a, ...steps].flatMap((from) => waysOf(d, from).map((w) => ({ ...w, from }))).filter((w) => !leads(d, a, b, { way: wayKey(w.from, w.field) }));
  return { steps, ways };
}

/** The steps and ways that a run took for sure, by the traces it left: where it rested and where a message was decided. */
export function taken(d: Definition, trail: string[]): { steps: Set<string>; ways: Set<string> } {
  const steps = new Set<string>([entryID]);
  const ways = new Set<string>();
  let last = entryID;
  for (const id of trail) {
    if (id === last || !d.nodes?.[id]) continue;
    const x = between(d, last, id);
    for (const s of x.steps) steps.add(s);
    for (const w of x.ways) ways.add(wayKey(w.from, w.field));
    steps.add(id);
    last = id;
  }
  return { steps, ways };
}

/** A run on the canvas: the way taken so far, where it stands, and what is not taken, faint. notes are lines for steps. */
export function trailLooks(d: Definition, trail: string[], here: string | undefined, notes: Map<string, string>, t: TFunction): Looks {
  const x = taken(d, trail);
  const looks: Looks = { steps: new Map(), ways: new Map() };
  for (const id of [entryID, ...Object.keys(d.nodes ?? {})]) {
    const note = notes.get(id);
    const look: Look = id === here ? { colour: "enji", sign: `● ${t("place.here")}`, note } : x.steps.has(id) ? { colour: "teal", sign: `✓ ${t("place.passed")}`, note } : { faint: true };
    looks.steps.set(id, look);
    for (const w of waysOf(d, id)) looks.ways.set(wayKey(id, w.field), x.ways.has(wayKey(id, w.field)) ? { colour: "teal" } : { faint: true });
  }
  return looks;
}
