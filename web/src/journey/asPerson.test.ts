import { expect, test } from "vitest";
import { ahead, foreseenLooks, type Foreseen } from "./asPerson";
import { emptyJourney, entryID, type Definition } from "./model";

const d: Definition = { ...emptyJourney({ ja: "試し", en: "Try" }), start: "is", nodes: {
  is: { type: "branch", branches: [{ if: "ltv > 1", next: "out" }], else: "wait" }, out: { type: "holdout", percent: 10, next: "say" }, say: { type: "message", next: "exit" },
  wait: { type: "wait", until_event: { event: "cart.updated" }, timeout: "1d", next: "late", on_timeout: "exit" }, late: { type: "message", next: "exit" }, exit: { type: "exit" },
} };
const said = (text: string) => ({ ja: text, en: text });
const x = (over: Partial<Foreseen> = {}): Foreseen => ({ ways: [{ node: "is", field: "branches[0].next", held: false, open: false }, { node: "out", field: "next", held: false, open: false }], messages: [{ node: "say", channel: "line", decisions: [] }, { node: "late", channel: "", decisions: [{ channel: "email", sent: false, sentence: said("11/20 メール: 送りませんでした") }] }], ...over });

test("a branch is left by one way, a wait by each", () => {
  expect([...ahead(d, x()).steps].sort()).toEqual(["exit", "is", "out", "say", entryID].sort());
  const other = ahead(d, x({ ways: [{ node: "is", field: "else", held: false, open: false }] }));
  expect([...other.steps].sort()).toEqual(["exit", "is", "late", "wait", entryID].sort());
  expect(other.ways.has("wait.on_timeout") && other.ways.has("wait.next") && !other.ways.has("is.branches[0].next")).toBe(true);
});
test("what depends on an event leaves both ways open", () => {
  expect(ahead(d, x({ ways: [{ node: "is", field: "else", held: false, open: true }] })).steps.size).toBe(7);
});
test("behind a holdout nothing is sent", () => {
  const held = x({ ways: [{ node: "is", field: "branches[0].next", held: false, open: false }, { node: "out", field: "next", held: true, open: false }] });
  expect([...ahead(d, held).held].sort()).toEqual(["exit", "say"]);
  const looks = foreseenLooks(d, held, ((k: string) => k) as never, (text) => text?.ja ?? "");
  expect(looks.steps.get("out")?.sign).toBe("− asPerson.heldHere");
  expect(looks.steps.get("say")).toMatchObject({ sign: "− decision.notSent", note: "check.holdout" });
});
test("a message says by what it goes out, or why not", () => {
  const looks = (f: Foreseen) => foreseenLooks(d, f, ((k: string) => k) as never, (text) => text?.ja ?? "");
  expect(looks(x()).steps.get("say")?.sign).toBe("✓ channel.line");
  expect(looks(x()).steps.get("late")).toEqual({ faint: true });
  expect(looks(x({ ways: [{ node: "is", field: "else", held: false, open: false }] })).steps.get("late")?.note).toBe("送りませんでした");
});
