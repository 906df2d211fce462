import { boxHeight, layout, type Drawn, type Placed } from "./layout";
import type { Definition } from "./model";

// The journey as a picture of its own: text and lines only, so that it can be printed, kept as a file and put into a document.

/** Lines of a text that are no wider than a width; the last one ends in … when there is more. Latin words are not torn. */
export function wrapped(text: string, width: number, lines: number, measure: (text: string) => number): string[] {
  const parts = text.match(/[!-~À-ɏ]+\s*|./gu) ?? [];
  const out: string[] = [];
  let line = "";
  for (const part of parts) {
    if (measure((line + part).trimEnd()) <= width) { line += part; continue; }
    if (line) out.push(line.trimEnd());
    line = part;
    while (measure(line.trimEnd()) > width && line.length > 1) { // a word that is wider than the box
      let n = line.length - 1;
      while (n > 1 && measure(line.slice(0, n)) > width) n--;
      out.push(line.slice(0, n));
      line = line.slice(n);
    }
  }
  if (line.trim()) out.push(line.trimEnd());
  if (out.length <= lines) return out;
  let last = out[lines - 1];
  while (last && measure(`${last}…`) > width) last = last.slice(0, -1);
  return [...out.slice(0, lines - 1), `${last}…`];
}

export interface Picture { boxes: Placed[]; ways: Drawn[]; width: number; height: number }

const margin = 24;

/** Where everything stands, from 0 on; the canvas has the same places but for the room that words take. */
export function picture(d: Definition, wide?: Parameters<typeof layout>[2]): Picture {
  const { boxes, ways, left, right } = layout(d, [], wide);
  const by = (p: { x: number; y: number }) => ({ x: p.x - left + margin, y: p.y + margin });
  return {
    boxes: boxes.map((b) => ({ ...b, ...by(b) })),
    ways: ways.map((w) => ({ ...w, points: w.points.map(by), word: by(w.word) })),
    width: right - left + 2 * margin, height: Math.max(...boxes.map((b) => b.y + boxHeight)) + 2 * margin,
  };
}
