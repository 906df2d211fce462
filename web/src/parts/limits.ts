import type { Delivery, ProblemDetail } from "../types";

// What is typed stays text until it is saved: a half-written number is nobody's mistake yet.
export const numbers = ["per_second", "connections", "per_day", "per_month"] as const;
export type RuleDraft = { key: number; destination: string } & Record<(typeof numbers)[number], string>;
export type WarmUpDraft = { key: number; account: string; begin: string; days: string; groups: Record<string, string> };
export type Draft = { limits: RuleDraft[]; warmUp: WarmUpDraft[]; shares: Record<string, string>; keepDays: string };

let keys = 0;
const text = (n?: number) => (n ? String(n) : "");
export const newRule = (destination: string): RuleDraft => ({ key: ++keys, destination, per_second: "", connections: "", per_day: "", per_month: "" });
export const newWarmUp = (account: string, begin: string): WarmUpDraft => ({ key: ++keys, account, begin, days: "", groups: {} });

/** The saved setting as it is edited. */
export function draftOf(d: Delivery): Draft {
  return {
    limits: (d.limits ?? []).map((r) => ({ key: ++keys, destination: r.destination, per_second: text(r.per_second), connections: text(r.connections), per_day: text(r.per_day), per_month: text(r.per_month) })),
    warmUp: (d.warm_up ?? []).map((w) => ({ key: ++keys, account: w.account, begin: w.begin, days: (w.days ?? []).join(", "), groups: Object.fromEntries(Object.entries(w.groups ?? {}).map(([g, days]) => [g, (days ?? []).join(", ")])) })),
    shares: Object.fromEntries(Object.entries(d.shares ?? {}).map(([g, n]) => [g, String(n)])),
    keepDays: text(d.keep_days),
  };
}

/** A number as it is typed, in whatever width; 0: none, NaN: it is no number. */
export function numberOf(typed: string): number {
  const s = typed.normalize("NFKC").replaceAll(",", "").trim();
  return s === "" ? 0 : /^\d+(\.\d+)?$/.test(s) ? Number(s) : NaN;
}

/** 50, 100、200: the days of a ramp. */
export const rampOf = (typed: string): number[] => typed.normalize("NFKC").split(/[\s,、]+/).filter(Boolean).map(numberOf);

const set = <T extends Record<string, unknown>>(x: T): Partial<T> => Object.fromEntries(Object.entries(x).filter(([, v]) => v !== 0 && !(Array.isArray(v) && v.length === 0))) as Partial<T>;

/** What is saved, and the places that hold no number, named as the server names them. */
export function deliveryOf(d: Draft): { delivery: Delivery; wrong: string[] } {
  const wrong: string[] = [];
  const read = (place: string, typed: string, whole = true) => {
    const n = numberOf(typed);
    if (Number.isNaN(n) || (whole && !Number.isInteger(n))) wrong.push(place);
    return n;
  };
  const ramp = (place: string, typed: string) => {
    const days = rampOf(typed);
    if (days.some((n) => !Number.isInteger(n))) wrong.push(place);
    return days;
  };
  const delivery: Delivery = {
    ...(d.limits.length > 0 && { limits: d.limits.map((r, i) => ({ destination: r.destination, ...set(Object.fromEntries(numbers.map((k) => [k, read(`limits[${i}].${k}`, r[k], k !== "per_second")]))) })) }),
    ...(d.warmUp.length > 0 && {
      warm_up: d.warmUp.map((w, i) => {
        const groups = Object.fromEntries(Object.entries(w.groups).map(([g, typed]) => [g, ramp(`warm_up[${i}].groups.${g}`, typed)] as const).filter(([, days]) => days.length > 0));
        return { account: w.account, begin: w.begin, ...set({ days: ramp(`warm_up[${i}].days`, w.days) }), ...(Object.keys(groups).length > 0 && { groups }) };
      }),
    }),
    ...(Object.values(d.shares).some((x) => x.trim()) && { shares: Object.fromEntries(Object.entries(d.shares).filter(([, x]) => x.trim()).map(([g, x]) => [g, read(`shares.${g}`, x)])) }),
    ...set({ keep_days: read("keep_days", d.keepDays) }),
  };
  return { delivery, wrong };
}

/** What the server says about a place of a setting, or what stands under it. */
export function saidOf(problems: ProblemDetail[] | undefined, place: string, japanese: boolean): string {
  const found = problems?.find((e) => e.location === place || e.location?.startsWith(`${place}.`) || e.location?.startsWith(`${place}[`));
  return found ? (japanese && found.message_ja) || found.message : "";
}
