import { expect, test } from "vitest";
import { actionOf, actionWrong, added, beyond, finished, laid, layouts, moved, overlapping, resized, takes, type Menu, type MenuArea } from "./menu";

const size = { width: 2500, height: 843 };
const area = (x: number, y: number, width: number, height: number): MenuArea => ({ x, y, width, height, action: { type: "uri", label: "", uri: "https://shop.example/" } });

test("a layout covers the picture, each pixel once", () => {
  for (const rows of layouts) {
    const areas = laid(rows, size, []);
    expect(areas.reduce((n, a) => n + a.width * a.height, 0), rows.join()).toBe(size.width * size.height);
    expect(areas.some((_, i) => overlapping(areas, i)), rows.join()).toBe(false);
    expect(areas.some((a) => beyond(a, size)), rows.join()).toBe(false);
  }
  expect(laid([3], size, []).map((a) => a.width)).toEqual([833, 834, 833]);
});
test("another layout keeps what taps did", () => {
  const before = laid([2], size, []).map((a, i) => ({ ...a, action: { type: "message", label: "", text: `${i}` } }));
  expect(laid([1, 2], size, before).map((a) => a.action.text)).toEqual(["0", "1", undefined]);
});
test("areas stay on the picture", () => {
  expect(moved(area(10, 10, 100, 100), -50, 900, size)).toMatchObject({ x: 0, y: 743, width: 100 });
  expect(resized(area(2400, 0, 50, 100), 500, -500, size)).toMatchObject({ x: 2400, width: 100, height: 20 });
  expect(beyond(area(2401, 0, 100, 100), size)).toBe(true);
  expect(beyond(added(size), size)).toBe(false);
});
test("areas that share a place are found, neighbours are none", () => {
  expect(overlapping([area(0, 0, 100, 100), area(99, 99, 10, 10)], 1)).toBe(true);
  expect(overlapping([area(0, 0, 100, 100), area(100, 0, 10, 10)], 1)).toBe(false);
});
test("pictures that LINE takes", () => {
  const ok = { type: "png", size: 1000, width: 2500, height: 1686 };
  expect(takes(ok)).toBe(true);
  for (const wrong of [{ type: "webp" }, { size: (1 << 20) + 1 }, { width: 799 }, { width: 2501 }, { height: 249 }, { height: 1725 }]) expect(takes({ ...ok, ...wrong }), JSON.stringify(wrong)).toBe(false);
});
test("what is wrong with an action", () => {
  expect(actionWrong({ type: "uri", uri: "https://shop.example/" })).toBe("");
  expect(actionWrong({ type: "uri", uri: "tel:0120000000" })).toBe("");
  expect(actionWrong({ type: "uri", uri: "shop.example" })).toBe("uri");
  expect(actionWrong({ type: "uri", uri: "javascript:alert(1)" })).toBe("uri");
  expect(actionWrong({ type: "message", text: " " })).toBe("text");
  expect(actionWrong({ type: "message", text: "あ".repeat(301) })).toBe("text");
  expect(actionWrong({ type: "postback", data: "" })).toBe("data");
  expect(actionWrong({ type: "uri", uri: "https://a.example/", label: "あ".repeat(21) })).toBe("label");
  expect(actionWrong({ type: "datetimepicker" })).toBe("");
});
test("another type keeps the label", () => {
  expect(actionOf("message", { type: "uri", label: "見る", uri: "https://a.example/" })).toEqual({ type: "message", label: "見る", text: "見る" });
});
test("what is saved has no empty texts", () => {
  const m: Menu = { title: { ja: "a" }, image: "i", bar: "b", segment: "", priority: 0, open: false, off: false, areas: [{ ...area(0, 0, 1, 1), action: { type: "uri", label: "", uri: "https://a.example/" } }] };
  expect(finished(m)).toEqual({ title: { ja: "a" }, image: "i", bar: "b", areas: [{ x: 0, y: 0, width: 1, height: 1, action: { type: "uri", uri: "https://a.example/" } }] });
});
