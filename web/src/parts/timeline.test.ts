import { expect, test } from "vitest";
import type { TimelineItem } from "../types";
import { folded, monthsBetween } from "./timeline";

const day = (kinds: string) => [...kinds].map((k, i) => ({ id: String(i), kind: { w: "web", o: "order", m: "message" }[k] }) as TimelineItem);
const shape = (kinds: string) => folded(day(kinds)).map((g) => g.length).join("");

test("pages in a row are one line from three on, and nothing is lost", () => {
  for (const [kinds, want] of [["", ""], ["w", "1"], ["ww", "11"], ["www", "3"], ["wwwo", "31"], ["owwwwm", "141"], ["wwoww", "11111"], ["oo", "11"]]) expect(shape(kinds), kinds).toBe(want);
});
test("months without events stand between the others", () => {
  expect(monthsBetween([{ month: "2025-11", events: 2 }, { month: "2026-02", events: 1 }])).toEqual([{ month: "2025-11", events: 2 }, { month: "2025-12", events: 0 }, { month: "2026-01", events: 0 }, { month: "2026-02", events: 1 }]);
  expect(monthsBetween([])).toEqual([]);
});
