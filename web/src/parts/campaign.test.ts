import { expect, test } from "vitest";
import { fromWall, setZone, wall } from "../zone";
import type { BroadcastBody } from "../types";
import { asKind, asked, kindOf, kinds, newTest, tidyVariant, twins } from "./campaign";

const body: BroadcastBody = { title: { ja: "冬" }, segment: "all", channels: ["email"], templates: { email: "news" }, at: "2026-12-01T01:00:00Z", test: newTest("A"), again: { of: "spring", not: "clicked" } };

test("each kind is what it was made as, and keeps the time and the days", () => {
  const weekly = asKind({ ...body, schedule: { every: "day", time: "19:00", from: "2026-12-01", interval: 2, holidays: "skip" } }, "week");
  expect(weekly.schedule).toEqual({ every: "week", weekdays: ["tue"], time: "19:00", from: "2026-12-01", interval: 2, holidays: "skip" });
  for (const kind of kinds) expect(kindOf(asKind(body, kind).schedule)).toBe(kind);
});
test("who recurs has no moment, no comparison and is not sent again; who goes once keeps them", () => {
  expect(Object.keys(asKind(body, "payday")).sort()).toEqual(["channels", "schedule", "segment", "templates", "title"]);
  expect(asKind(body, "once")).toEqual(body);
});
test("variants that say the same are found", () => {
  expect(twins([{ subject: "A" }, { subject: "B" }])).toBeNull();
  expect(twins([{ subject: "A" }, { subject: "B" }, { subject: "A ", weight: 3 }])).toEqual([0, 2]);
  expect(twins([{ subject: "A" }, { subject: "A", time: "19:00" }])).toBeNull();
  expect(twins([{}, { templates: { email: "" }, accounts: {} }])).toEqual([0, 1]);
});
test("how many are asked first", () => {
  expect(asked(1000, { ...newTest(), share: 20 })).toEqual([100, 100]);
  expect(asked(300, { ...newTest(), share: 40, variants: [{}, { weight: 2 }] })).toEqual([40, 80]);
});
test("a variant says only what is its own", () => {
  expect(tidyVariant({ weight: 1, subject: " ", templates: { email: "" }, accounts: {}, time: "" })).toEqual({});
  expect(tidyVariant({ weight: 2, subject: "B", templates: { email: "news", line: "" }, accounts: { line: "shop" }, time: "19:00" })).toEqual({ weight: 2, subject: "B", templates: { email: "news" }, accounts: { line: "shop" }, time: "19:00" });
});
test("a moment is typed by the shop's clock", () => {
  setZone("Asia/Tokyo");
  expect(wall("2026-12-01T01:00:00Z")).toBe("2026-12-01T10:00");
  expect(fromWall("2026-12-01T10:00")).toBe("2026-12-01T01:00:00.000Z");
  setZone("Europe/Berlin");
  expect(fromWall("2026-10-25T12:00")).toBe("2026-10-25T11:00:00.000Z");
  expect(fromWall("2026-07-01T12:00")).toBe("2026-07-01T10:00:00.000Z");
  expect(wall(fromWall("2026-03-29T02:30"))).toBe("2026-03-29T03:30");
  setZone("Asia/Tokyo");
});
