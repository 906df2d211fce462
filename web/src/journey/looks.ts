import type { TFunction } from "i18next";
import type { Compared, Mark, Way } from "./changes";

/** How a box or a way is drawn otherwise than usual: never by colour alone, a sign and a word stand with it. */
export interface Look { colour?: string; sign?: string; faint?: boolean; dashed?: boolean; note?: string; door?: () => void }
/** By step, and by way as wayKey has it. extra are ways that the definition does not have. */
export interface Looks { steps: Map<string, Look>; ways: Map<string, Look>; extra?: OldWay[] }
interface OldWay extends Way { word: string }

export const wayKey = (from: string, field: string, extra = false): string => `${from}.${field}${extra ? "~" : ""}`;

const colours: Record<Mark, string> = { added: "teal", removed: "red", changed: "orange" };
const signs: Record<Mark, string> = { added: "＋", removed: "−", changed: "≠" };
export const markOf = (mark: Mark, t: TFunction): Look => ({ colour: colours[mark], sign: `${signs[mark]} ${t(`change.${mark}`)}`, dashed: mark === "removed" });

/** Two versions in one picture; word is what a way of the older one is called. */
export function comparedLooks(c: Compared, word: (w: Way) => string, t: TFunction): Looks {
  const steps = new Map(c.changes.filter((x) => x.at !== "").map((x) => [x.at, markOf(x.mark, t)]));
  const removed = new Set(c.changes.filter((x) => x.mark === "removed").map((x) => x.at));
  const extra = c.gone.filter((w) => !removed.has(w.from)).map((w) => ({ ...w, word: word(w) }));
  const ways = new Map<string, Look>(c.come.map((w) => [wayKey(w.from, w.field), markOf("added", t)]));
  for (const w of c.gone) ways.set(wayKey(w.from, w.field, !removed.has(w.from)), markOf("removed", t));
  return { steps, ways, extra };
}
