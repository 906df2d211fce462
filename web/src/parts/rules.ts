import { tidy } from "../journey/model";

/** What the form changes of the setting "journeys"; all else in it stays as it is. */
export interface RulesBody {
  caps?: Record<string, { default: string }>;
  quiet_hours?: { from?: string; to?: string; channels?: string[]; off?: boolean };
  send_days?: { weekdays?: string[]; not_on_holidays?: boolean; not_on_closed_days?: boolean };
  calendar?: { closed?: string[]; holidays?: string[]; weekend?: string[]; hours?: { from: string; to: string }; cutoff?: string; payday?: number };
  holdout?: number;
  [other: string]: unknown;
}

/** What a cap may be for. */
export const capNames = ["marketing", "marketing.email", "marketing.line", "transactional", "transactional.email", "transactional.line"];

/** 2/7d as how many and how long; what is no cap ("none") has neither. */
export function capOf(text: string): { count: string; period: string } {
  const m = /^(\d+)\/(\d+[smhdw])$/.exec(text);
  return { count: m?.[1] ?? "", period: m?.[2] ?? "" };
}

/** The setting with something changed; parts that say nothing any more are left out. */
export function put(body: RulesBody, by: Partial<RulesBody>): RulesBody {
  const next = tidy({ ...body, ...by });
  for (const part of ["caps", "calendar", "send_days"] as const) if (next[part] && Object.keys(next[part]).length === 0) delete next[part];
  if (!next.holdout) delete next.holdout;
  return next;
}

/** The calendar with something changed: what stands at its default is not written. */
export const putCalendar = (body: RulesBody, by: NonNullable<RulesBody["calendar"]>): RulesBody => put(body, { calendar: tidy({ ...body.calendar, ...by }) });

/** 2026-12-29/2027-01-03 as its first and last day; the last of one day alone is empty. */
export function daysOf(text: string): [string, string] {
  const [from, to = ""] = text.split("/");
  return [from, to];
}
export const rangeOf = (from: string, to: string): string => (to && to !== from ? `${from}/${to}` : from);

/** 21:00 as its share of a day, in per cent. */
export function shareOf(time: string): number {
  const [h, m] = time.split(":").map(Number);
  return ((h * 60 + m) / 1440) * 100;
}
