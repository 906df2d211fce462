import { request, type Got } from "../api";
import { parts } from "./ids";

export type StaticList = Got<"/lists">["items"][number];

interface Filling {
  action: "add" | "remove";
  ids?: string;
  expression?: string;
  segment?: string;
  measure?: string;
  among?: string;
  n?: number;
  seed?: string;
  upload?: string;
  reason: string;
}

export interface Filled {
  changed: number;
  already: number;
  missed: { line: number; id: string; why: string }[];
  done: number; // parts
  of: number;
}

/** Fills a list: ids part by part, the rest at once. said hears how far it is; signal stops it between two parts. */
export async function fill(name: string, body: Filling, said: (so: Filled) => void, signal: AbortSignal): Promise<Filled> {
  const todo = body.ids === undefined ? [{ text: undefined, before: 0 }] : parts(body.ids);
  const sum: Filled = { changed: 0, already: 0, missed: [], done: 0, of: todo.length };
  for (const part of todo) {
    if (signal.aborted) break;
    const answer = await request("post", "/lists/{name}/fill", { path: { name }, body: { ...body, ids: part.text } });
    sum.changed += answer.changed;
    sum.already += answer.already;
    sum.missed.push(...answer.not_found.map((r) => ({ ...r, line: r.line + part.before })));
    sum.done++;
    said({ ...sum });
  }
  return sum;
}
