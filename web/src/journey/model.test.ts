import { expect, test } from "vitest";
import { boxHeight, boxWidth, layout, neighbour } from "./layout";
import { aimed, begun, connected, emptyJourney, entryID, inserted, reached, removable, removed, waysOf, type Definition } from "./model";
import { fieldOf, missing, placeOf, plainText } from "./problems";

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

const crosses = (a: { x: number; y: number; w: number; h: number }, b: { x: number; y: number; w: number; h: number }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
/** Boxes, words and the places where ways pass rows: none on another. */
function apart(d: Definition, wide = 90) {
  const { boxes, ways, left, right } = layout(d, [], () => wide);
  const all = [...boxes.map((b) => ({ what: b.id, x: b.x, y: b.y, w: boxWidth, h: boxHeight })), ...ways.map((w) => ({ what: `${w.from}.${w.field}`, x: w.word.x - wide / 2, y: w.word.y - 22, w: wide, h: 44 }))];
  for (const a of all) for (const b of all) if (a !== b) expect(crosses(a, b), `${a.what} on ${b.what}`).toBe(false);
  for (const w of ways) for (const p of w.points.slice(1, -1)) for (const b of boxes) expect(crosses({ x: p.x, y: p.y, w: 0.1, h: 0.1 }, { x: b.x, y: b.y, w: boxWidth, h: boxHeight }), `${w.from}.${w.field} through ${b.id}`).toBe(false);
  for (const a of all) expect(a.x >= left && a.x + a.w <= right, a.what).toBe(true);
}

test("boxes stand below what leads to them, in the order of the ways", () => {
  const d = put(put(forked(), "branch", "else", "points").definition, "message", "next", "wait").definition;
  const { boxes, ways } = layout(d);
  const at = new Map(boxes.map((b) => [b.id, b]));
  for (const w of ways) expect(at.get(w.to)!.y, w.field).toBeGreaterThan(at.get(w.from)!.y);
  expect(at.get("message")!.x).toBeLessThan(at.get("points")!.x);
  expect(at.get("exit")!.row).toBe(4);
  expect(layout(d)).toEqual(layout(structuredClone(d)));
  apart(d);
});
test("steps in a line stand below each other", () => {
  let d = empty;
  for (let i = 0; i < 30; i++) d = put(d, entryID, "start", "wait").definition;
  expect(new Set(layout(d).boxes.map((b) => b.x)).size).toBe(1);
});
test("a large journey with branches that meet again is laid out without anything on anything", () => {
  let d = empty;
  for (let i = 0; i < 4; i++) {
    const b = put(d, entryID, "start", "branch");
    const three = { ...b.definition.nodes![b.id], branches: [...b.definition.nodes![b.id].branches!, { if: "x", next: b.definition.nodes![b.id].else! }] };
    d = { ...b.definition, nodes: { ...b.definition.nodes, [b.id]: three } };
    for (const field of ["branches[0].next", "branches[1].next", "else"]) for (const type of ["message", "wait"] as const) d = put(d, b.id, field, type).definition;
  }
  expect(Object.keys(d.nodes!).length).toBe(29);
  apart(d, 150);
});
test("a way back is drawn beside everything, one that skips rows between", () => {
  const d: Definition = { ...empty, start: "wait", nodes: { wait: { type: "wait", until_event: { event: "cart.updated" }, timeout: "1h", next: "wait", on_timeout: "exit" }, exit: { type: "exit" } } };
  expect(layout(d).ways.map((w) => [w.from, w.to, w.back ?? false])).toEqual([[entryID, "wait", false], ["wait", "exit", false], ["wait", "wait", true]]);
  apart(d);
  const skip = layout(forked()).ways.find((w) => w.field === "else")!;
  expect(skip.points.length).toBeGreaterThan(3);
  apart(forked());
});
test("arrow keys follow the ways and the rows", () => {
  const placed = layout(put(forked(), "branch", "else", "points").definition);
  expect(["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"].map((k) => neighbour(placed, "message", k))).toEqual(["exit", "branch", undefined, "points"]);
  expect(neighbour(placed, entryID, "ArrowUp")).toBeUndefined();
});
test("a step that nothing leads to is still shown", () => {
  expect(layout({ ...empty, nodes: { ...empty.nodes, alone: { type: "exit" } } }).boxes.map((b) => b.id).sort()).toEqual(["alone", "exit", entryID]);
});

test("what is left open is said at its step", () => {
  expect(missing(forked())).toEqual([{ at: entryID, code: "entry" }, { at: "branch", code: "condition" }, { at: "message", code: "template" }]);
  const d = { ...empty, entry: { event: "order.placed", reentry: "never" } };
  expect(missing(d)).toEqual([]);
  expect(missing({ ...d, entry: { date: "birthday", yearly: true, reentry: "never" } })).toEqual([]);
  expect(missing({ ...d, entry: { date: "", reentry: "never" } })).toEqual([{ at: entryID, code: "date" }]);
  expect(missing({ ...d, nodes: { exit: { type: "wait", until_event: { events: [] }, next: "gone" } } }).map((x) => x.code)).toEqual(["happening", "timeout", "next"]);
});
test("a problem of the server goes to its field", () => {
  expect(["nodes.crm.webhook.url", "nodes.crm.webhook.headers.X-Shop", "nodes.say.templates.line", "nodes.b.branches[1].if", "entry.date", "cap.default"].map(fieldOf)).toEqual(["url", "headers", "template", "condition", "date", "default"]);
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
