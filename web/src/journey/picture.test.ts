import { expect, test } from "vitest";
import { boxHeight, boxWidth } from "./layout";
import { begun, emptyJourney, entryID, inserted, type Definition } from "./model";
import { picture, wrapped } from "./picture";

const wide = (text: string) => [...text].reduce((n, c) => n + (c.charCodeAt(0) < 0x250 ? 1 : 2), 0);

test("a text is broken where it is too wide, a Latin word only when it must", () => {
  expect(wrapped("カートに商品が残っているか", 12, 3, wide)).toEqual(["カートに商品", "が残っている", "か"]);
  expect(wrapped("Wait for the cart", 9, 3, wide)).toEqual(["Wait for", "the cart"]);
  expect(wrapped("abcdefghij", 4, 5, wide)).toEqual(["abcd", "efgh", "ij"]);
  expect(wrapped("", 4, 2, wide)).toEqual([]);
});
test("what does not fit ends in …, within the width", () => {
  const lines = wrapped("カートに商品が残っているか", 12, 2, wide);
  expect(lines).toHaveLength(2);
  expect(lines[1].endsWith("…")).toBe(true);
  expect(wide(lines[1])).toBeLessThanOrEqual(12);
});
test("everything is within the picture, ways that pass rows included", () => {
  const put = (d: Definition, from: string, field: string, type: Parameters<typeof begun>[0]) => inserted(d, from, field, (to) => begun(type, to)).definition;
  const d = put(put(emptyJourney({ ja: "試し", en: "Try" }), entryID, "start", "branch"), "branch", "branches[0].next", "message");
  const p = picture(d);
  for (const b of p.boxes) {
    expect(b.x).toBeGreaterThanOrEqual(0);
    expect(b.x + boxWidth).toBeLessThanOrEqual(p.width);
    expect(b.y + boxHeight).toBeLessThanOrEqual(p.height);
  }
  expect(p.ways.length).toBeGreaterThan(3);
  for (const w of p.ways) for (const x of w.points) expect(x.x >= 0 && x.x <= p.width && x.y >= 0 && x.y <= p.height, w.field).toBe(true);
});
