import { expect, test } from "vitest";
import type { Delivery, ProblemDetail } from "../types";
import { deliveryOf, draftOf, newRule, numberOf, rampOf, saidOf } from "./limits";

const saved: Delivery = {
  limits: [{ destination: "email:*:docomo", per_second: 2.5, connections: 1 }, { destination: "email:default", per_day: 50000 }],
  warm_up: [{ account: "email:default", begin: "2026-04-01", days: [50, 100], groups: { docomo: [20, 40] } }, { account: "email:news", begin: "2026-05-01" }],
  shares: { gmail: 50, other: 0 }, keep_days: 400,
};

test("what was saved is saved again as it was", () => {
  expect(deliveryOf(draftOf(saved))).toEqual({ delivery: saved, wrong: [] });
  expect(deliveryOf(draftOf({}))).toEqual({ delivery: {}, wrong: [] });
});
test("numbers are taken in any width, and nothing else is", () => {
  expect(["", "12", "１２", "1,200", "2.5", " 7 "].map(numberOf)).toEqual([0, 12, 12, 1200, 2.5, 7]);
  expect(["x", "-1", "1e3", "10通"].every((s) => Number.isNaN(numberOf(s)))).toBe(true);
  expect(rampOf("50, 100、２００ 400")).toEqual([50, 100, 200, 400]);
});
test("what is no number is named by its place", () => {
  const d = draftOf(saved);
  d.limits[1].per_day = "many";
  d.limits[0].connections = "1.5";
  d.warmUp[0].days = "50, x";
  d.warmUp[0].groups.docomo = "1.5";
  d.keepDays = "a year";
  expect(deliveryOf(d).wrong).toEqual(["limits[0].connections", "limits[1].per_day", "warm_up[0].groups.docomo", "warm_up[0].days", "keep_days"]);
});
test("a rule without numbers keeps its destination", () => {
  const d = draftOf({});
  d.limits.push(newRule("line:default"));
  expect(deliveryOf(d).delivery).toEqual({ limits: [{ destination: "line:default" }] });
});
test("what the server says stands at its place", () => {
  const problems: ProblemDetail[] = [{ location: "warm_up[1].begin", message: "first day", message_ja: "初日" }, { location: "shares", message: "too much", message_ja: "超過" }];
  expect([saidOf(problems, "warm_up[1]", true), saidOf(problems, "warm_up", true), saidOf(problems, "warm_up[0]", true), saidOf(problems, "shares", false), saidOf(undefined, "shares", false)]).toEqual(["初日", "初日", "", "too much", ""]);
});
