import { expect, test } from "vitest";
import type { Block } from "../types";
import { added, begunList, compared, duplicated, grouped, moved, nameOf, replaced } from "./blocks";

const leaf = (field: string): Block => ({ kind: "value", field, operator: "true" });
const root: Block = { kind: "all", blocks: [leaf("a"), { kind: "any", blocks: [leaf("b"), leaf("c")] }] };

test("blocks are changed in their place and the rest stays", () => {
  expect(replaced(root, [1, 0], null).blocks![1].blocks).toEqual([leaf("c")]);
  expect(replaced(root, [1, 1], leaf("x")).blocks![1].blocks).toEqual([leaf("b"), leaf("x")]);
  expect(duplicated(root, [0]).blocks!.map((b) => b.field)).toEqual(["a", "a", undefined]);
  expect(moved(root, [0], 1).blocks!.map((b) => b.kind)).toEqual(["any", "value"]);
  expect(moved(root, [0], -1)).toEqual(root);
  expect(moved(root, [1, 1], -1).blocks![1].blocks!.map((b) => b.field)).toEqual(["c", "b"]);
  expect(added(root, [1], leaf("d")).blocks![1].blocks).toHaveLength(3);
  expect(root.blocks).toHaveLength(2);
  expect(nameOf([0, 2])).toBe("blocks.0.2");
  expect(grouped(leaf("a"))).toEqual({ kind: "all", blocks: [leaf("a")] });
});

test("another operator keeps the value where it means something", () => {
  const text: Block = { kind: "value", field: "prefecture", operator: "==", as: "text", value: "東京都" };
  expect(compared(text, "text", "in").values).toEqual(["東京都"]);
  expect(compared(compared(text, "text", "in"), "text", "contains").value).toBe("東京都");
  expect(compared(text, "text", "present")).toEqual({ kind: "value", field: "prefecture", operator: "present" });
  expect(compared({ ...text, field: "traits.size" }, "trait", ">=")).toMatchObject({ as: "number", value: "" });
  const time: Block = { kind: "value", field: "last_order_at", operator: ">", as: "ago", value: "7d" };
  expect(compared(time, "time", "<", "ago").value).toBe("7d");
  expect(compared(time, "time", ">=", "date")).toMatchObject({ as: "date", value: "" });
});

test("a list begins with how often and since when", () => {
  const field = (name: string, kind: "text" | "time") => ({ name, kind, collection: "views", type: "", label: { ja: "", en: "" }, about: { ja: "", en: "" }, operators: [], values: false });
  expect(begunList("views", [field("views.type", "text"), field("views.at", "time")])).toEqual({ kind: "list", list: "views", quantity: "at_least", value: "1", blocks: [{ kind: "value", field: "at", operator: ">", as: "ago", value: "30d" }] });
});
