import type { TFunction } from "i18next";
import i18n, { joined, pick, type Text } from "../i18n";
import { entryID, type Definition, type Happening, type Step } from "./model";

/** What has a title of its own: templates, segments, other journeys, traits; by name. */
export interface Titles { template: Map<string, string>; segment: Map<string, string>; journey: Map<string, string>; trait: Map<string, string> }

// order.payment_failed is order_payment_failed among the words.
const eventKey = (event: string) => event.replace(".", "_");
export const eventWord = (event: string, t: TFunction): string => t(`eventType.${eventKey(event)}`, { defaultValue: event });

/** The events that have a word, by name. */
export function events(): string[] {
  const words = i18n.getResourceBundle(i18n.language, "translation") as { eventType: Record<string, string> };
  return Object.keys(words.eventType).map((k) => k.replace(/^(price_alert|stock_alert|[a-z]+)_/, "$1."));
}

/** 3 日, of 3d. */
export function duration(d: string | undefined, t: TFunction): string {
  const m = /^(-?\d+)([smhdw])$/.exec(d ?? "");
  return m ? t(`unit.${m[2]}`, { n: m[1], count: Number(m[1]) }) : (d ?? "");
}

/** の 7 日前, of -7d. */
const offsetWord = (offset: string | undefined, t: TFunction): string => (offset && !/^-?0/.test(offset) ? t(offset.startsWith("-") ? "flow.before" : "flow.after", { d: duration(offset.replace("-", ""), t) }) : "");

export function happening(h: Happening | undefined, t: TFunction, titles: Titles): string {
  if (h?.segment) return t(h.entered === false ? "flow.left" : "flow.segment", { name: titles.segment.get(h.segment) ?? h.segment });
  return joined((h?.event ? [h.event] : (h?.events ?? [])).map((e) => eventWord(e, t)));
}

const titled = (title: Partial<Text> | undefined): string => (title ? pick({ ja: title.ja ?? "", en: title.en ?? "" }) : "");

/** What a step is called: as somebody named it, else by what it does. */
export function nameOf(d: Definition, id: string, t: TFunction, titles: Titles): string {
  if (id === entryID) {
    const e = d.entry;
    if (e.sweep) return t("flow.sweep", { name: titles.segment.get(e.segment ?? "") ?? e.segment ?? "" });
    if (e.date) return t(e.yearly ? "flow.dateYearly" : "flow.date", { trait: titles.trait.get(e.date) ?? e.date, offset: offsetWord(e.offset, t) });
    return happening(e, t, titles) || t(e.called ? "flow.called" : "flow.unset");
  }
  const n = d.nodes?.[id];
  return n ? titled(n.title) || describe(n, t, titles) : id;
}

export function describe(n: Step, t: TFunction, titles: Titles): string {
  switch (n.type) {
    case "wait":
      if (n.for) return t("flow.waitFor", { d: duration(n.for, t) });
      if (n.until) return moment(n, t, titles);
      if (n.until_true !== undefined) return t("flow.waitTrue");
      return n.until_event?.event || n.until_event?.events?.length || n.until_event?.segment ? t("flow.waitHappens", { what: happening(n.until_event, t, titles) }) : t("flow.waitEvent");
    case "message": {
      const all = n.template ? [n.template] : [...new Set(n.channels?.map((c) => n.templates?.[c]).filter((x) => x !== undefined))];
      return all.map((x) => titles.template.get(x) ?? x).join(" / ") || t("flow.noTemplate");
    }
    case "split":
      return t("flow.split", { n: n.ways?.length ?? 0 });
    case "holdout":
      return t("flow.holdout", { n: n.percent ?? 0 });
    case "webhook":
      return /^https?:\/\/([^/?#]+)/.exec(n.webhook?.url ?? "")?.[1] ?? t("flow.unset");
    case "points":
      return t("flow.points", { n: n.points?.amount ?? 0 });
    case "start":
    case "leave":
      return (n.journey && titles.journey.get(n.journey)) || n.journey || t("flow.unset");
  }
  return t(`node.${n.type}`, { defaultValue: n.type });
}

function moment(n: Step, t: TFunction, titles: Titles): string {
  const u = n.until!;
  if (u.shop_hours) return t("flow.untilHours");
  if (u.cutoff) return t("flow.untilCutoff");
  if (u.best_hour) return t("flow.untilBest");
  if (u.date !== undefined) return t("flow.untilDate", { trait: titles.trait.get(u.date.trim()) ?? (u.date.trim() || t("flow.unset")), offset: offsetWord(u.offset, t), time: u.time ?? "10:00" });
  const days = u.day ? t(`build.day_${u.day}`) : joined((u.weekdays ?? []).map((w) => t(`weekday.${w}`)));
  return t("flow.untilTime", { time: `${days ? `${days} ` : ""}${u.time ?? ""}` });
}

/** The second line of a box. */
export function detail(d: Definition, id: string, t: TFunction): string {
  const n = d.nodes?.[id];
  if (id === entryID) return t(`reentry.${reentryKind(d.entry.reentry)}`, { d: duration(d.entry.reentry.split(":")[1], t) });
  if (n?.type === "message") return (n.channels ?? []).map((c) => t(`channel.${c}`)).join(" → ");
  if (n?.type === "branch") return t("flow.conditions", { n: n.branches?.length ?? 0 });
  if (n?.timeout) return t("flow.atMost", { d: duration(n.timeout, t) });
  return "";
}

export const reentryKind = (rule: string): string => (rule.startsWith("after:") ? "after" : rule || "never");

/** What a way is called; conditions are the words of expressions, where they are known. */
export function wayWord(d: Definition, id: string, field: string, t: TFunction, conditions?: Map<string, string>): string {
  const n = d.nodes?.[id];
  const i = Number(/\[(\d+)\]/.exec(field)?.[1] ?? 0);
  if (n?.type === "branch") return field === "else" ? t("flow.else") : conditions?.get(n.branches![i]?.if ?? "") || (n.branches!.length > 1 ? t("flow.ifNth", { n: i + 1 }) : t("flow.if"));
  if (n?.type === "split") {
    const sum = n.ways!.reduce((s, w) => s + w.weight, 0) || 1;
    return [titled(n.ways![i]?.title), `${Math.round((1000 * (n.ways![i]?.weight ?? 0)) / sum) / 10}%`].filter(Boolean).join(" ");
  }
  if (n?.type === "holdout") return t("flow.sameWay");
  if (field === "on_failure") return t("flow.failed");
  if (field === "on_timeout") return n?.until?.date ? t("flow.noDate") : t("flow.timeout");
  if (field === "next" && (n?.until_event || n?.until_true !== undefined)) return n.until_event ? t("flow.happened") : t("flow.if");
  return "";
}
