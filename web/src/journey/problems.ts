import { entryID, waysOf, type Definition, type Happening } from "./model";

/** What is wrong, and at which box: a step, the entry, or "" for the journey as a whole. Either code (a word of ours) or text (the server's); field is where in its form, as the forms have it. */
export interface Trouble { at: string; code?: string; text?: string; field?: string }

/** Whether nothing is said to happen yet. */
export const nothing = (h: Happening | undefined): boolean => !h || (!h.event && !h.events?.length && !h.segment);

/** What anybody who draws a journey leaves open for a while, said before the server is asked. */
export function missing(d: Definition): Trouble[] {
  const out: Trouble[] = [];
  const add = (at: string, code: string) => { if (!out.some((x) => x.at === at && x.code === code)) out.push({ at, code }); };
  if (!d.title.ja.trim() || !d.title.en.trim()) add("", "title");
  if (nothing(d.entry) && !d.entry.called && d.entry.date === undefined) add(entryID, "entry");
  if (d.entry.date !== undefined && !d.entry.date.trim()) add(entryID, "date");
  if ((d.exit_on ?? []).some(nothing)) add("", "exits");
  if (d.goal && nothing(d.goal)) add("", "goal");
  for (const [id, n] of Object.entries(d.nodes ?? {})) {
    switch (n.type) {
      case "wait":
        if (!n.for && !n.until && n.until_true === undefined && !n.until_event) add(id, "wait");
        if (n.until_event && nothing(n.until_event)) add(id, "happening");
        if (n.until_true !== undefined && !n.until_true.trim()) add(id, "condition");
        if ((n.until_event || n.until_true !== undefined) && !n.timeout) add(id, "timeout");
        if (n.reset_on && nothing(n.reset_on)) add(id, "reset");
        if (n.until?.date !== undefined && !n.until.date.trim()) add(id, "date");
        break;
      case "branch":
        if (!n.branches?.length || n.branches.some((b) => !b.if.trim())) add(id, "condition");
        break;
      case "split":
        if ((n.ways ?? []).length < 2) add(id, "ways");
        break;
      case "holdout":
        if (!n.percent || n.percent <= 0 || n.percent > 50) add(id, "percent");
        break;
      case "message":
        if (!n.template && !n.channels?.length) add(id, "channel");
        if (!n.template && n.channels?.some((c) => !n.templates?.[c])) add(id, "template");
        break;
      case "update":
        if (Object.keys(n.set ?? {}).length + (n.clear ?? []).length === 0) add(id, "update");
        if (n.set?.[""] !== undefined || n.clear?.includes("")) add(id, "trait");
        break;
      case "points":
        if (!n.points?.amount || n.points.amount < 1) add(id, "points");
        if (!n.points?.reason) add(id, "pointsReason");
        break;
      case "webhook":
        if (!/^https?:\/\/[^/]/.test(n.webhook?.url ?? "")) add(id, "url");
        break;
      case "start":
      case "leave":
        if (!n.journey) add(id, "journey");
    }
    if (waysOf(d, id).some((w) => !d.nodes?.[w.to])) add(id, "next");
  }
  return out;
}

/** Where a problem of the server belongs, by the path that it names. */
export function placeOf(location: string, d: Definition): string {
  const id = /(?:^|\.)nodes\.([a-z][a-z0-9_]*)/.exec(location)?.[1];
  if (id && d.nodes?.[id]) return id;
  return /(?:^|\.)(entry|start)\b/.test(location) ? entryID : "";
}

/** The field that a path of the server ends in: url of nodes.crm.webhook.url, template of nodes.say.templates.line. */
export function fieldOf(location: string): string {
  const words = location.replace(/\[\d+\]/g, "").split(".");
  const i = words.findIndex((w) => w === "templates" || w === "headers" || w === "set");
  const last = i >= 0 ? words[i] : words[words.length - 1];
  return { templates: "template", amount: "points", reason: "pointsReason", if: "condition", until_true: "condition", set: "trait" }[last] ?? last;
}

/** The sentence without the step's id before it: the list names the step by what the marketer calls it. */
export const plainText = (text: string): string => text.replace(/^ステップ「[^」]*」: |^node "[^"]*": /, "");
