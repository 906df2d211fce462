import { expect, test } from "vitest";
import { layout } from "./layout";
import { aimed, begun, connected, emptyJourney, entryID, inserted, reached, removable, removed, waysOf, type Definition } from "./model";
import { missing, placeOf, plainText } from "./problems";

const empty = emptyJourney({ ja: "試し", en: "Try" });
const put = (d: Definition, from: string, field: string, type: Parameters<typeof begun>[0]) => inserted(d, from, field, (to) => begun(type, to));

// entry -> branch -(if)-> message -> exit, -(else)-> exit
const forked = (): Definition => {
  const a = put(empty, entryID, "start", "branch").definition;
  return put(a, "branch", "branches[0].next", "message").definition;
};

test("a step is put on a way and leads on to where the way went", () => {
  const { definition, id } = put(empty, entryID, "start", "wait");
  expect(id).toBe("wait");
  expect(definition.start).toBe("wait");
  expect(definition.nodes!.wait.next).toBe("exit");
  expect(put(definition, "wait", "next", "wait").id).toBe("wait_2");
  expect(empty.nodes).toEqual({ exit: { type: "exit" } }); // what was before is what undo goes back to
});
test("only the way that was chosen changes", () => {
  const d = forked();
  expect(waysOf(d, "branch").map((w) => w.to)).toEqual(["message", "exit"]);
  const other = put(d, "branch", "else", "holdout").definition;
  expect(waysOf(other, "branch").map((w) => w.to)).toEqual(["message", "holdout"]);
});
test("a step taken away leaves its way whole, and takes with it what only it led to", () => {
  const d = put(forked(), "branch", "else", "points").definition;
  const gone = removed(d, "message");
  expect(waysOf(gone, "branch").map((w) => w.to)).toEqual(["exit", "points"]);
  const none = removed(d, "branch");
  expect(none.start).toBe("message");
  expect(Object.keys(none.nodes!).sort()).toEqual(["exit", "message"]);
});
test("an end that something leads to stays; a goal becomes an end", () => {
  expect(removable(empty, "exit")).toBe(false);
  expect(removed(empty, "exit")).toBe(empty);
  const d = put(forked(), "branch", "else", "goal").definition;
  expect(removed(d, "goal").nodes!.goal).toEqual({ type: "exit" });
});
test("a loop to itself does not keep a step from being taken away", () => {
  const d: Definition = { ...empty, start: "wait", nodes: { wait: { type: "wait", until_event: { event: "cart.updated" }, timeout: "1h", next: "wait", on_timeout: "exit" }, exit: { type: "exit" } } };
  expect(removed(d, "wait").start).toBe("exit");
});
test("a way is led elsewhere, to a step that is there", () => {
  const d = forked();
  expect(connected(d, "branch", "else", "message").nodes!.branch.else).toBe("message");
  expect(connected(d, "branch", "else", "nowhere")).toBe(d);
  expect([...reached(connected(d, entryID, "start", "exit"))]).toEqual(["exit"]);
});
test("what is pasted leads to where its new way goes", () => {
  const copy = aimed({ type: "split", ways: [{ weight: 1, next: "a" }, { weight: 2, next: "b" }] }, "exit");
  expect(copy.ways).toEqual([{ weight: 1, next: "exit" }, { weight: 2, next: "exit" }]);
  expect(aimed({ type: "wait", until_true: "x", timeout: "1d", next: "a", on_timeout: "b" }, "exit")).toMatchObject({ next: "exit", on_timeout: "exit" });
});

test("boxes stand below what leads to them and never on each other", () => {
  const d = put(put(forked(), "branch", "else", "points").definition, "message", "next", "wait").definition;
  const { boxes, ways } = layout(d);
  const at = new Map(boxes.map((b) => [b.id, b]));
  for (const w of ways) if (!w.beside) expect(at.get(w.to)!.y, w.field).toBeGreaterThan(at.get(w.from)!.y);
  for (const a of boxes) for (const b of boxes) if (a !== b && a.row === b.row) expect(Math.abs(a.x - b.x)).toBeGreaterThanOrEqual(268);
  expect(at.get("message")!.x).toBeLessThan(at.get("points")!.x); // in the order of the ways
  expect(at.get("exit")!.row).toBe(4);
  expect(layout(d)).toEqual(layout(structuredClone(d)));
});
test("a way back and one that skips a row are drawn beside", () => {
  const d: Definition = { ...empty, start: "wait", nodes: { wait: { type: "wait", until_event: { event: "cart.updated" }, timeout: "1h", next: "wait", on_timeout: "exit" }, exit: { type: "exit" } } };
  expect(layout(d).ways.map((w) => [w.from, w.to, w.beside !== undefined])).toEqual([[entryID, "wait", false], ["wait", "wait", true], ["wait", "exit", false]]);
});
test("a step that nothing leads to is still shown", () => {
  expect(layout({ ...empty, nodes: { ...empty.nodes, alone: { type: "exit" } } }).boxes.map((b) => b.id).sort()).toEqual(["alone", "exit", entryID]);
});

test("what is left open is said at its step", () => {
  expect(missing(forked())).toEqual([{ at: entryID, code: "entry" }, { at: "branch", code: "condition" }, { at: "message", code: "template" }]);
  const d = { ...empty, entry: { event: "order.placed", reentry: "never" } };
  expect(missing(d)).toEqual([]);
  expect(missing({ ...d, nodes: { exit: { type: "wait", until_event: { events: [] }, next: "gone" } } }).map((x) => x.code)).toEqual(["happening", "timeout", "next"]);
});
test("a problem of the server goes to its step, without its id", () => {
  const d = forked();
  expect(placeOf("nodes.message.templates.line", d)).toBe("message");
  expect(placeOf("nodes.gone.next", d)).toBe("");
  expect(placeOf("entry.where", d)).toBe(entryID);
  expect(placeOf("cap.default", d)).toBe("");
  expect(plainText('ステップ「message」: テンプレートがありません')).toBe("テンプレートがありません");
  expect(plainText('node "message": there is none')).toBe("there is none");
});
