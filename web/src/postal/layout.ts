import type { Sender } from "./settings";

// What a postal template prints (channels/dm/postal/layout): lengths in mm from the upper left corner of the trimmed sheet, type in points.

interface Coupon { title?: string; terms?: string; code?: string }
export interface Block { kind: string; x: number; y: number; w: number; h: number; text?: string; image?: string; size?: number; font?: string; align?: string; direction?: string; colour?: string; fill?: string; line?: number }
interface Face { name: string; background?: string; blocks: Block[] }
export interface PostalContent {
  product?: string; size?: string; direction?: string; font?: string; colour?: string; mark?: string; office?: string; sender?: Sender; letter?: boolean; grams?: number;
  headline?: string; text?: string; image?: string; url?: string; coupon?: Coupon; faces?: Face[];
}

/** The sheets, each face's width and height in mm. */
export const sheets: Record<string, { w: number; h: number; inside?: { w: number; h: number } }> = {
  hagaki: { w: 100, h: 148 }, crimped: { w: 100, h: 148, inside: { w: 200, h: 148 } }, ofuku: { w: 200, h: 148 }, dl: { w: 235, h: 120 }, a4: { w: 210, h: 297 }, a4_folded: { w: 210, h: 297 },
};
export const kinds = ["text", "image", "qr", "code", "barcode", "address", "sender", "mark", "rule", "coupon"] as const;

export const faceSize = (size: string | undefined, face: string): { w: number; h: number } => {
  const s = sheets[size ?? "hagaki"] ?? sheets.hagaki;
  return face === "inside" && s.inside ? s.inside : s;
};
export const facesOf = (size: string | undefined): string[] => ["address", "back", ...(sheets[size ?? "hagaki"]?.inside ? ["inside"] : [])];

/** A block as it begins, within its sheet. */
export function begunBlock(kind: string, sheet: { w: number; h: number }, text: string): Block {
  const wide = sheet.w - 20;
  const at = (w: number, h: number, more: Partial<Block> = {}): Block => ({ kind, x: 10, y: 10, w: Math.min(w, wide), h: Math.min(h, sheet.h - 20), ...more });
  switch (kind) {
    case "text": return at(wide, 30, { text, size: 10 });
    case "image": return at(60, 40, { image: "" });
    case "qr": return at(20, 20);
    case "code": return at(40, 6, { size: 8 });
    case "barcode": return { kind, x: Math.max(0, (sheet.w - 66) / 2), y: sheet.h - 14, w: 66, h: 5, size: 8 };
    case "address": return at(80, 60, { size: 14 });
    case "sender": return at(40, 25, { size: 7 });
    case "mark": return at(20, 20);
    case "rule": return at(wide, 1, { line: 0.3 });
    case "coupon": return at(wide, 25);
  }
  return at(30, 10);
}
