import type { TFunction } from "i18next";
import type { Text } from "../i18n";
import { wayKey, type Look, type Looks } from "./looks";
import { entryID, waysOf, type Definition } from "./model";

/** What the server says a person would get (POST /journeys/{name}/preview), as far as the canvas needs it. */
export interface Foreseen {
  ways: { node: string; field: string; held: boolean; open: boolean }[];
  messages: { node: string; channel: string; decisions: { channel: string; sent: boolean; sentence: Text }[] }[];
}

/** The steps that the person can come to, and those of them behind a holdout that holds them out. A wait may end either way; a branch, a split and a holdout have one. */
export function ahead(d: Definition, x: Foreseen): { steps: Set<string>; ways: Set<string>; held: Set<string> } {
  const turns = new Map(x.ways.map((w) => [w.node, w]));
  const out = { steps: new Set<string>(), ways: new Set<string>(), held: new Set<string>() };
  const seen = new Set<string>();
  const free = new Set<string>(); // come to without being held out
  const todo: [id: string, held: boolean][] = [[entryID, false]];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [id, before] = next;
    if (seen.has(`${id} ${before}`)) continue;
    seen.add(`${id} ${before}`);
    out.steps.add(id);
    if (!before) free.add(id);
    const turn = turns.get(id);
    const held = before || (turn?.held ?? false);
    for (const w of waysOf(d, id)) {
      if (turn && !turn.open && turn.field !== w.field) continue;
      out.ways.add(wayKey(id, w.field));
      if (d.nodes?.[w.to]) todo.push([w.to, held]);
    }
  }
  for (const id of out.steps) if (!free.has(id)) out.held.add(id);
  return out;
}

/** pick reads a text of the server in the language of the page. */
export function foreseenLooks(d: Definition, x: Foreseen, t: TFunction, pick: (text: Text | undefined) => string): Looks {
  const a = ahead(d, x);
  const looks: Looks = { steps: new Map(), ways: new Map() };
  for (const id of [entryID, ...Object.keys(d.nodes ?? {})]) {
    looks.steps.set(id, a.steps.has(id) ? lookOf(id, a.held.has(id), x, t, pick) : { faint: true });
    for (const w of waysOf(d, id)) looks.ways.set(wayKey(id, w.field), a.ways.has(wayKey(id, w.field)) ? { colour: "teal" } : { faint: true });
  }
  return looks;
}

function lookOf(id: string, held: boolean, x: Foreseen, t: TFunction, pick: (text: Text | undefined) => string): Look {
  const turn = x.ways.find((w) => w.node === id);
  const message = x.messages.find((m) => m.node === id);
  if (turn?.open) return { colour: "orange", sign: `? ${t("asPerson.open")}` };
  if (turn?.held) return { colour: "orange", sign: `− ${t("asPerson.heldHere")}` };
  if (message && held) return { colour: "gray", sign: `− ${t("decision.notSent")}`, note: t("check.holdout") };
  if (message?.channel) return { colour: "teal", sign: `✓ ${t(`channel.${message.channel}`, { defaultValue: message.channel })}` };
  if (message) return { colour: "gray", sign: `− ${t("decision.notSent")}`, note: pick(message.decisions.at(-1)?.sentence).replace(/^.*?: /, "") };
  return { colour: "teal" };
}
