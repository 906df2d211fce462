import type { BroadcastBody, BroadcastPage } from "../types";

export type Schedule = NonNullable<BroadcastBody["schedule"]>;
export type Test = NonNullable<BroadcastBody["test"]>;
export type Variant = Test["variants"][number];

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** How often a campaign goes, as the form asks it: a month has several ways to name its day. */
export const kinds = ["once", "day", "week", "month", "nth", "business", "payday"] as const;
export type Kind = (typeof kinds)[number];

export function kindOf(s?: Schedule): Kind {
  if (!s) return "once";
  if (s.every !== "month") return s.every as Kind;
  return s.payday ? "payday" : s.business_day ? "business" : s.nth ? "nth" : "month";
}

/** A campaign that goes as often as a kind says. What a kind cannot have goes: who recurs has no moment, no comparison, and is not sent again. */
export function asKind(b: BroadcastBody, kind: Kind): BroadcastBody {
  const { at, schedule: old, test, again, ...rest } = b;
  if (kind === "once") return { ...rest, ...(at && { at }), ...(test && { test }), ...(again && { again }) };
  const base = { time: old?.time ?? "10:00", ...(old?.from && { from: old.from }), ...(old?.until && { until: old.until }), ...(old?.holidays && { holidays: old.holidays }), ...(old?.interval && old.interval > 1 && { interval: old.interval }) };
  switch (kind) {
    case "day": return { ...rest, schedule: { ...base, every: "day" } };
    case "week": return { ...rest, schedule: { ...base, every: "week", weekdays: ["tue"] } };
    case "nth": return { ...rest, schedule: { ...base, every: "month", nth: 2, weekdays: ["fri"] } };
    case "business": return { ...rest, schedule: { ...base, every: "month", business_day: 1 } };
    case "payday": return { ...rest, schedule: { ...base, every: "month", payday: true } };
    case "month": return { ...rest, schedule: { ...base, every: "month", day: 1 } };
  }
}

export const newTest = (subject?: string): Test => ({ share: 20, after: "4h", by: "click", least: 100, auto: true, variants: [{ subject: subject ?? "" }, { subject: "" }] });

/** What a variant says for itself. */
const said = (v: Variant): string => JSON.stringify([v.subject?.trim() || "", Object.entries(v.templates ?? {}).filter(([, x]) => x).sort(), Object.entries(v.accounts ?? {}).filter(([, x]) => x).sort(), v.time || ""]);

/** Two variants that say the same, as [0, 1]: nothing is compared between them. */
export function twins(variants: Variant[]): [number, number] | null {
  const all = variants.map(said);
  const second = all.findIndex((x, i) => all.indexOf(x) < i);
  return second < 0 ? null : [all.indexOf(all[second]), second];
}

/** About how many people each variant is sent to first, of so many in all. */
export function asked(people: number, test: Test): number[] {
  const weights = test.variants.map((v) => Math.max(1, v.weight || 1));
  const all = weights.reduce((n, w) => n + w, 0);
  return weights.map((w) => Math.round((people * test.share * w) / (100 * all)));
}

/** A variant with nothing said where nothing is: its own texts only. */
export function tidyVariant(v: Variant): Variant {
  const named = (m?: Record<string, string>) => {
    const own = Object.entries(m ?? {}).filter(([, x]) => x);
    return own.length > 0 ? Object.fromEntries(own) : undefined;
  };
  const templates = named(v.templates), accounts = named(v.accounts);
  return { ...(v.weight && v.weight > 1 && { weight: v.weight }), ...(v.subject?.trim() && { subject: v.subject }), ...(templates && { templates }), ...(accounts && { accounts }), ...(v.time && { time: v.time }) };
}

export const broadcastColour = { draft: "gray", in_review: "blue", approved: "indigo", recurring: "teal", testing: "blue", missed: "red", scheduled: "blue", sending: "teal", sent: "gray", paused: "orange", cancelled: "gray" } as const;

/** The state of what is edited: of a campaign that recurs the draft that waits beside it. */
export const draftState = (page: BroadcastPage): BroadcastPage["status"] => page.draft ?? page.status;
