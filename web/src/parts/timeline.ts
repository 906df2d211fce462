import type { TimelineItem } from "../types";

/** How many pages in a row become one line. */
const few = 3;

/** Events of a day, those of the site that follow each other as one list. */
export function folded(items: TimelineItem[]): TimelineItem[][] {
  const out: TimelineItem[][] = [];
  for (let i = 0; i < items.length; ) {
    let end = i;
    while (end < items.length && items[end].kind === "web") end++;
    if (end - i >= few) out.push(items.slice(i, end));
    else for (const x of items.slice(i, Math.max(end, i + 1))) out.push([x]);
    i = Math.max(end, i + 1);
  }
  return out;
}

/** The months from the first to the last, those in which nothing happened too. */
export function monthsBetween(known: { month: string; events: number }[]): { month: string; events: number }[] {
  if (known.length === 0) return [];
  const events = new Map(known.map((m) => [m.month, m.events]));
  const out = [];
  const last = known[known.length - 1].month;
  for (let at = known[0].month; at <= last && out.length < 600; ) {
    out.push({ month: at, events: events.get(at) ?? 0 });
    const [y, m] = at.split("-").map(Number);
    at = m === 12 ? `${y + 1}-01` : `${y}-${String(m + 1).padStart(2, "0")}`;
  }
  return out;
}
