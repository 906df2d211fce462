import type { TFunction } from "i18next";
import { wayKey, type Look, type Looks } from "./looks";
import { entryID, waysOf, type Definition } from "./model";

// What a try on the past found, put on the canvas. Shapes: POST /journeys/{name}/simulations.

export interface Counted { of: string; count: number; people: number }
export interface NodeCounts { id: string; type: string; came: Counted; waiting: Counted; sent: Counted; not_sent: Counted }

export const spans = ["3m", "1m", "1y", "own"] as const;
export type Span = (typeof spans)[number];

/** Whole months before today (2026-11-22): the three before this one, the one, or the twelve; to is the last day. */
export function spanOf(span: Exclude<Span, "own">, today: string): { from: string; to: string } {
  const [y, m] = today.split("-").map(Number);
  const date = (month: number, day: number) => new Date(Date.UTC(y, month, day)).toISOString().slice(0, 10);
  return { from: date(m - 1 - { "3m": 3, "1m": 1, "1y": 12 }[span], 1), to: date(m - 1, 0) };
}

const wall = (at: number, zone: string): string => new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(new Date(at));
/** The day of an instant in a zone: 2026-11-22. */
export const dateIn = (at: number, zone: string): string => wall(at, zone).slice(0, 10);
/** The instant at which a day begins in a zone. */
export function midnight(date: string, zone: string): string {
  const at = Date.parse(`${date}T00:00:00Z`);
  const offset = (ms: number) => Date.parse(`${wall(ms, zone).replace(" ", "T")}Z`) - ms;
  return new Date(at - offset(at - offset(at))).toISOString(); // the offset of that night: clocks may change during the day
}

export const nextDay = (date: string): string => new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);

/** How many took a way, where that is certain: all who came to a step came by it when no other way leads there. */
export function wayCounts(d: Definition, nodes: NodeCounts[]): Map<string, Counted> {
  const came = new Map(nodes.map((n) => [n.id, n.came]));
  const leads = new Map<string, string[]>();
  for (const id of [entryID, ...Object.keys(d.nodes ?? {})]) for (const w of waysOf(d, id)) leads.set(w.to, [...(leads.get(w.to) ?? []), wayKey(id, w.field)]);
  const out = new Map<string, Counted>();
  for (const [to, ways] of leads) if (ways.length === 1 && came.has(to)) out.set(ways[0], came.get(to)!);
  return out;
}

/** The counts on the canvas; each opens its people. */
export function triedLooks(d: Definition, entered: Counted, nodes: NodeCounts[], count: (n: number) => string, open: (x: Counted) => void, t: TFunction): Looks {
  const looks: Looks = { steps: new Map([[entryID, note(t("tries.entered", { n: count(entered.count) }), entered, open)]]), ways: new Map() };
  for (const n of nodes) {
    const text = n.type === "message" ? t("tries.messages", { sent: count(n.sent.count), not: count(n.not_sent.count) }) : n.waiting.count > 0 ? t("tries.waits", { came: count(n.came.count), n: count(n.waiting.count) }) : t("tries.came", { n: count(n.came.count) });
    looks.steps.set(n.id, n.came.count ? note(text, n.type === "message" && n.sent.count ? n.sent : n.came, open) : { faint: true, note: text });
  }
  for (const [way, x] of wayCounts(d, nodes)) looks.ways.set(way, x.count ? note(count(x.count), x, open) : { faint: true });
  return looks;
}

const note = (text: string, x: Counted, open: (x: Counted) => void): Look => ({ note: text, door: x.people ? () => open(x) : undefined });

/** The days of a time with what each channel would have sent, days without a message included. */
export function daily(days: { day: string; channel: string; count: number }[]): { days: string[]; channels: string[]; of: (channel: string) => number[] } {
  const channels = [...new Set(days.map((x) => x.channel))].sort();
  const all: string[] = [];
  const known = days.map((x) => x.day).sort();
  for (let day = known[0]; day && day <= known[known.length - 1]; day = nextDay(day)) all.push(day);
  const by = new Map(days.map((x) => [`${x.day} ${x.channel}`, x.count]));
  return { days: all, channels, of: (channel) => all.map((day) => by.get(`${day} ${channel}`) ?? 0) };
}
