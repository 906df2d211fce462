import { expect, test } from "vitest";
import { emptyJourney, entryID, type Definition } from "./model";
import { daily, dateIn, midnight, spanOf, triedLooks, wayCounts, type NodeCounts } from "./tries";

test("the last whole months, over the turn of a year", () => {
  expect(spanOf("3m", "2026-11-22")).toEqual({ from: "2026-08-01", to: "2026-10-31" });
  expect(spanOf("1m", "2026-01-05")).toEqual({ from: "2025-12-01", to: "2025-12-31" });
  expect(spanOf("1y", "2024-03-31")).toEqual({ from: "2023-03-01", to: "2024-02-29" });
});
test("a day begins at the shop's midnight, also where clocks change", () => {
  expect(midnight("2026-08-01", "Asia/Tokyo")).toBe("2026-07-31T15:00:00.000Z");
  expect(midnight("2026-03-08", "America/New_York")).toBe("2026-03-08T05:00:00.000Z");
  expect(midnight("2026-03-09", "America/New_York")).toBe("2026-03-09T04:00:00.000Z");
  expect(dateIn(Date.parse("2026-07-31T15:00:00Z"), "Asia/Tokyo")).toBe("2026-08-01");
});

const d: Definition = { ...emptyJourney({ ja: "試し", en: "Try" }), start: "is", nodes: { is: { type: "branch", branches: [{ if: "x", next: "say" }], else: "exit" }, say: { type: "message", next: "exit" }, exit: { type: "exit" } } };
const n = (of: string, count: number) => ({ of, count, people: count });
const node = (id: string, type: string, came: number, sent = 0, not = 0): NodeCounts => ({ id, type, came: n(`node:${id}`, came), waiting: n("", 0), sent: n(`sent_at:${id}`, sent), not_sent: n("", not) });
const nodes = [node("is", "branch", 10), node("say", "message", 4, 3, 1), node("exit", "exit", 10)];

test("a way is counted where nothing else leads to its end", () => {
  expect([...wayCounts(d, nodes)].map(([way, x]) => [way, x.count])).toEqual([[`${entryID}.start`, 10], ["is.branches[0].next", 4]]);
});
test("each number on the canvas opens the people it counts", () => {
  const opened: string[] = [];
  const looks = triedLooks(d, n("entered", 10), nodes, String, (x) => opened.push(x.of), ((k: string) => k) as never);
  looks.steps.get("say")!.door!();
  looks.steps.get(entryID)!.door!();
  looks.ways.get("is.branches[0].next")!.door!();
  expect(opened).toEqual(["sent_at:say", "entered", "node:say"]);
  expect(triedLooks(d, n("entered", 0), [node("say", "message", 0)], String, () => undefined, ((k: string) => k) as never).steps.get("say")).toMatchObject({ faint: true });
});
test("days without a message are days, too", () => {
  const x = daily([{ day: "2026-08-30", channel: "line", count: 2 }, { day: "2026-09-01", channel: "email", count: 1 }]);
  expect(x.days).toEqual(["2026-08-30", "2026-08-31", "2026-09-01"]);
  expect([x.channels, x.of("line"), x.of("email")]).toEqual([["email", "line"], [2, 0, 0], [0, 0, 1]]);
  expect(daily([]).days).toEqual([]);
});
