import { expect, test } from "vitest";
import { begun, emptyJourney, entryID, inserted, type Definition } from "./model";
import { taken, trailLooks } from "./trail";

const put = (d: Definition, from: string, field: string, type: Parameters<typeof begun>[0]) => inserted(d, from, field, (to) => begun(type, to)).definition;
// entry -> wait -> branch -(if)-> message -> exit, -(else)-> exit
const forked = (): Definition => put(put(put(emptyJourney({ ja: "試し", en: "Try" }), entryID, "start", "wait"), "wait", "next", "branch"), "branch", "branches[0].next", "message");
const of = (d: Definition, ...trail: string[]) => { const x = taken(d, trail); return [[...x.steps].sort(), [...x.ways].sort()]; };

test("where a run rested is sure, and the way there when there is one", () => {
  expect(of(forked(), "wait")).toEqual([["wait", entryID].sort(), [`${entryID}.start`]]);
});
test("a branch between two traces is passed, by the way that leads to the second", () => {
  expect(of(forked(), "wait", "message")).toEqual([["branch", "message", "wait", entryID].sort(), [`${entryID}.start`, "branch.branches[0].next", "wait.next"].sort()]);
  expect(of(forked(), "wait", "exit")[1]).toContain("branch.else"); // not by the message: it would have left a trace
});
test("what several ways could have is not told", () => {
  const d = put(forked(), "branch", "else", "update");
  const two: Definition = { ...d, nodes: { ...d.nodes, branch: { type: "split", ways: [{ weight: 1, next: "update" }, { weight: 1, next: "points" }] }, points: { type: "points", next: "exit" } } };
  const [steps, ways] = of(two, "wait", "exit");
  expect(steps).toEqual(["branch", "exit", "wait", entryID].sort());
  expect(ways).toEqual([`${entryID}.start`, "wait.next"].sort());
});
test("a step that the version does not have is passed over", () => {
  expect(of(forked(), "gone", "wait")[0]).toEqual(["wait", entryID].sort());
});
test("the rest is faint, and where she stands says so", () => {
  const looks = trailLooks(forked(), ["wait"], "wait", new Map([["wait", "note"]]), ((k: string) => k) as never);
  expect(looks.steps.get("wait")).toMatchObject({ sign: "● place.here", note: "note" });
  expect(looks.steps.get("message")).toEqual({ faint: true });
  expect(looks.ways.get("wait.next")).toEqual({ faint: true });
});
