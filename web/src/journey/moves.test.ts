import { expect, test } from "vitest";
import { begun, emptyJourney, entryID, inserted, type Definition } from "./model";
import { movesOn } from "./moves";

const put = (d: Definition, from: string, field: string, type: Parameters<typeof begun>[0]) => inserted(d, from, field, (to) => begun(type, to)).definition;
// entry -> wait -> branch -(if)-> message -> exit, -(else)-> exit
const forked = (): Definition => put(put(put(emptyJourney({ ja: "試し", en: "Try" }), entryID, "start", "wait"), "wait", "next", "branch"), "branch", "branches[0].next", "message");
const ways = (d: Definition, ...moves: [string, string, number][]) => Object.fromEntries(movesOn(d, moves.map(([from, to, count]) => ({ from, to, count }))).ways);

test("a way counts who surely took it, a branch who surely passed it", () => {
  const moves = [{ from: "", to: "wait", count: 9 }, { from: "wait", to: "message", count: 5 }, { from: "message", to: "exit", count: 4 }, { from: "wait", to: "exit", count: 2 }];
  const x = movesOn(forked(), moves);
  expect(Object.fromEntries(x.ways)).toEqual({ [`${entryID}.start`]: 9, "wait.next": 7, "branch.branches[0].next": 5, "branch.else": 2, "message.next": 4 });
  expect(Object.fromEntries(x.steps)).toEqual({ branch: 7 });
});
test("a way that some may have taken has no number", () => {
  const d = put(forked(), "branch", "else", "update");
  const two: Definition = { ...d, nodes: { ...d.nodes, branch: { type: "split", ways: [{ weight: 1, next: "update" }, { weight: 1, next: "points" }] }, points: { type: "points", next: "exit" } } };
  expect(ways(two, ["", "wait", 3], ["wait", "exit", 2])).toEqual({ [`${entryID}.start`]: 3, "wait.next": 2, "message.next": 0 });
});
test("a way back to where somebody stands has no number, nor what it shares with it", () => {
  const d: Definition = { ...forked(), start: "wait", nodes: { wait: { type: "wait", until_event: { event: "cart.updated" }, timeout: "1h", next: "wait", on_timeout: "exit" }, exit: { type: "exit" } } };
  expect(ways(d, ["", "wait", 3], ["wait", "exit", 1])).toEqual({ [`${entryID}.start`]: 3, "wait.on_timeout": 1 });
});
test("what another version's steps say is passed over", () => {
  expect(ways(forked(), ["", "wait", 3], ["gone", "exit", 1], ["wait", "gone", 1])[`wait.next`]).toBe(0);
});
