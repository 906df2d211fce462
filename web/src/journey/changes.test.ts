import { expect, test } from "vitest";
import { differences } from "./changes";
import { comparedLooks } from "./looks";
import { begun, changed, connected, emptyJourney, entryID, inserted, removed, type Definition } from "./model";

const t = ((key: string) => key) as never;
const empty = emptyJourney({ ja: "試し", en: "Try" });
const put = (d: Definition, from: string, field: string, type: Parameters<typeof begun>[0]) => inserted(d, from, field, (to) => begun(type, to)).definition;
const base = (): Definition => put(put(empty, entryID, "start", "wait"), "wait", "next", "message");
const at = (a: Definition, b: Definition, id: string) => differences(a, b).changes.find((c) => c.at === id);

test("versions that say the same have no difference, whatever the order of their fields", () => {
  const d = base();
  const turned: Definition = JSON.parse(JSON.stringify({ ...d, nodes: { exit: d.nodes!.exit, message: { next: "exit", ...d.nodes!.message }, wait: d.nodes!.wait } }));
  expect(differences(d, turned)).toMatchObject({ changes: [], gone: [], come: [] });
});
test("a changed field is told with what it was and what it is", () => {
  const d = base();
  expect(at(d, changed(d, "wait", { for: "30m" }), "wait")).toEqual({ at: "wait", mark: "changed", fields: [{ field: "for", before: "1d", after: "30m" }] });
  expect(at(d, { ...d, priority: 8 }, "")).toEqual({ at: "", mark: "changed", fields: [{ field: "priority", before: undefined, after: 8 }] });
  expect(at(d, { ...d, entry: { event: "cart.updated", reentry: "never" } }, entryID)?.fields).toEqual([{ field: "event", before: undefined, after: "cart.updated" }]);
});
test("what becomes of people under way is no part of the drawing", () => {
  expect(differences(base(), { ...base(), in_flight: { then: "move" } }).changes).toEqual([]);
});
test("a step put in: it is added, the way before it is led elsewhere, both ways are in the picture", () => {
  const a = base();
  const b = put(a, "wait", "next", "holdout");
  const c = differences(a, b);
  expect(c.changes.map((x) => [x.at, x.mark])).toEqual([["wait", "changed"], ["holdout", "added"]]);
  expect(c.changes[0].fields).toEqual([{ field: "leads.next", before: "message", after: "holdout" }]);
  expect(c.come.map((w) => [w.from, w.to])).toEqual([["wait", "holdout"], ["holdout", "message"]]);
  expect(c.gone.map((w) => [w.from, w.to])).toEqual([["wait", "message"]]);
  const looks = comparedLooks(c, () => "", t);
  expect(looks.extra?.map((w) => w.to)).toEqual(["message"]);
  expect(looks.ways.get("wait.next")?.sign).toContain("＋");
  expect(looks.ways.get("wait.next~")?.sign).toContain("−");
});
test("a step taken away stays in the picture with its ways, marked", () => {
  const a = base();
  const b = removed(a, "message");
  const c = differences(a, b);
  expect(Object.keys(c.merged.nodes!).sort()).toEqual(["exit", "message", "wait"]);
  expect(c.changes.find((x) => x.at === "message")?.mark).toBe("removed");
  const looks = comparedLooks(c, () => "", t);
  expect(looks.steps.get("message")).toMatchObject({ dashed: true, sign: "− change.removed" });
  expect(looks.ways.get("message.next")?.dashed).toBe(true); // its own way, once
  expect(looks.extra?.map((w) => `${w.from}>${w.to}`)).toEqual(["wait>message"]);
});
test("a condition put before another changes no way of the other", () => {
  const one = put(empty, entryID, "start", "branch");
  const a = put(changed(one, "branch", { branches: [{ if: "ltv > 1", next: "exit" }] }), "branch", "branches[0].next", "message");
  const b = changed(a, "branch", { branches: [{ if: "ltv > 9", next: "exit" }, ...a.nodes!.branch.branches!] });
  const c = differences(a, b);
  expect(c.come.map((w) => [w.field, w.to])).toEqual([["branches[0].next", "exit"]]);
  expect(c.gone).toEqual([]);
  expect(c.changes[0].fields.map((f) => f.field)).toEqual(["branches[0]", "leads.branches[0].next"]);
  const turned = changed(b, "branch", { branches: [...b.nodes!.branch.branches!].reverse() });
  expect(differences(b, turned).changes[0].fields).toEqual([{ field: "order", before: [1, 2], after: [2, 1] }]);
});
test("a start that is led elsewhere is a change of the entry", () => {
  const a = base();
  expect(at(a, connected(a, entryID, "start", "exit"), entryID)?.fields).toEqual([{ field: "leads.start", before: "wait", after: "exit" }]);
});
