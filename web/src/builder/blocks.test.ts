import { expect, test } from "vitest";
import type { Block } from "../types";
import { added, at, begunList, besides, compared, duplicated, grouped, nameOf, relocated, replaced, stepped, type Place } from "./blocks";

const leaf = (field: string): Block => ({ kind: "value", field, operator: "true" });
const root: Block = { kind: "all", blocks: [leaf("a"), { kind: "any", blocks: [leaf("b"), leaf("c")] }] };

test("blocks are changed in their place and the rest stays", () => {
  expect(replaced(root, [1, 0], null).blocks![1].blocks).toEqual([leaf("c")]);
  expect(replaced(root, [1, 1], leaf("x")).blocks![1].blocks).toEqual([leaf("b"), leaf("x")]);
  expect(duplicated(root, [0]).blocks!.map((b) => b.field)).toEqual(["a", "a", undefined]);
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

const value = (field: string): Block => ({ kind: "value", field });
const tree = (): Block => ({ kind: "all", blocks: [value("a"), { kind: "any", blocks: [value("b"), value("c")] }, { kind: "list", list: "orders", blocks: [value("x"), value("y")] }, value("d")] });
const written = (b: Block): string => (b.blocks ? `${b.list ?? b.kind}(${b.blocks.map(written).join(" ")})` : (b.field ?? ""));

test("a block goes to any place that can have it, and says where it is then", () => {
  const f = (from: Place, to: Place, want: string | null, place?: Place) => {
    const got = relocated(tree(), from, to);
    expect(got && written(got.root)).toBe(want);
    if (got) expect([at(got.root, got.place), got.place]).toEqual([at(tree(), from), place]);
  };
  f([0], [1, 1], "all(any(b a c) orders(x y) d)", [0, 1]);
  f([1, 0], [0], "all(b a any(c) orders(x y) d)", [0]);
  f([1, 1], [4], "all(a any(b) orders(x y) d c)", [4]);
  f([3], [0], "all(d a any(b c) orders(x y))", [0]);
  f([0], [4], "all(any(b c) orders(x y) d a)", [3]);
  f([1], [1, 0], null); // into itself
  f([0], [2, 0], null); // what is said of a person is not said of an order
  f([2, 0], [0], null);
  f([2, 1], [2, 0], "all(a any(b c) orders(y x) d)", [2, 0]);
});

test("the arrows go through groups, and stay in a list", () => {
  const f = (place: Place, by: 1 | -1, want: string | null, there?: Place) => {
    const got = stepped(tree(), place, by);
    expect(got && written(got.root)).toBe(want);
    if (got) expect(got.place).toEqual(there);
  };
  f([0], 1, "all(any(a b c) orders(x y) d)", [0, 0]);
  f([0], -1, null);
  f([1, 0], -1, "all(a b any(c) orders(x y) d)", [1]);
  f([1, 1], 1, "all(a any(b) c orders(x y) d)", [2]);
  f([2], -1, "all(a any(b c orders(x y)) d)", [1, 2]);
  f([2, 1], 1, null);
  f([2, 0], 1, "all(a any(b c) orders(y x) d)", [2, 1]);
  f([3], -1, "all(a any(b c) d orders(x y))", [2]);
});

test("after a block is taken away the work goes on beside it", () => {
  expect([besides(tree(), [0]), besides(tree(), [3]), besides({ kind: "all", blocks: [value("a")] }, [0])]).toEqual([[0], [2], []]);
});

test("questions keep their value, instants of the calendar begin with the month", () => {
  expect(compared({ kind: "value", field: "in_segment", operator: "true", as: "text", value: "vip" }, "segment", "false")).toEqual({ kind: "value", field: "in_segment", operator: "false", as: "text", value: "vip" });
  expect(compared({ kind: "value", field: "at", operator: ">", as: "ago", value: "7d" }, "time", ">=", "calendar")).toEqual({ kind: "value", field: "at", operator: ">=", as: "calendar", value: "this_month" });
});
