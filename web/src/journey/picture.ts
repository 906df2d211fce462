import { boxHeight, boxWidth, layout, type Drawn, type Placed } from "./layout";
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

export interface Arrow extends Drawn { x1: number; y1: number; x2: number; y2: number; wordX: number; wordY: number; shift: number }
export interface Picture { boxes: Placed[]; arrows: Arrow[]; width: number; height: number }

const margin = 24;

/** Where everything stands, from 0 on; the canvas has the same places. */
export function picture(d: Definition): Picture {
  const { boxes, ways } = layout(d);
  const left = Math.min(...boxes.map((b) => b.x)) - margin;
  const right = Math.max(...boxes.map((b) => b.x + boxWidth));
  const beside = Math.max(0, ...ways.map((w) => (w.beside ? w.beside + 72 : 0)));
  const moved = boxes.map((b) => ({ ...b, x: b.x - left, y: b.y + margin }));
  const at = new Map(moved.map((b) => [b.id, b]));
  const arrows = ways.map((w): Arrow => {
    const [from, to] = [at.get(w.from)!, at.get(w.to)!];
    if (w.beside) {
      const [y1, y2] = [from.y + boxHeight / 2, to.y + boxHeight / 2];
      return { ...w, shift: 0, x1: from.x + boxWidth, y1, x2: to.x + boxWidth, y2, wordX: Math.max(from.x, to.x) + boxWidth + w.beside, wordY: (y1 + y2) / 2 };
    }
    const same = ways.filter((x) => x.from === w.from && x.to === w.to && x.beside === undefined);
    const shift = same.length > 1 ? (same.indexOf(w) - (same.length - 1) / 2) * 96 : 0;
    const [x1, x2] = [from.x + boxWidth / 2 + shift / 3, to.x + boxWidth / 2 + shift / 3];
    return { ...w, shift, x1, y1: from.y + boxHeight, x2, y2: to.y, wordX: (x1 + x2) / 2 + shift, wordY: (from.y + boxHeight + to.y) / 2 };
  });
  return { boxes: moved, arrows, width: right - left + margin + beside, height: Math.max(...moved.map((b) => b.y + boxHeight)) + margin };
}
