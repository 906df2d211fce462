import { expect, test } from "vitest";
import { readMeasure, writeMeasure } from "./measures";

test("a measure of a list is the same after a look at the form", () => {
  for (const text of ["count(orders)", 'count(orders, .placed_at > ago("365d"))', "sum(lines, .quantity)", 'sum(filter(orders, .placed_at > ago("90d")), .revenue)']) {
    const m = readMeasure(text, ["ltv"]);
    expect(m.kind, text).toBe("list");
    expect(writeMeasure(m)).toBe(text);
  }
});
test("a field is one only where it is known, and the rest is kept as it is written", () => {
  expect(readMeasure("ltv", ["ltv"]).kind).toBe("field");
  expect(readMeasure("ltv", [])).toMatchObject({ kind: "text", text: "ltv" });
  expect(readMeasure("ltv / orders_count", ["ltv"])).toMatchObject({ kind: "text", text: "ltv / orders_count" });
});
test("without days everything counts", () => {
  expect(writeMeasure({ ...readMeasure('count(orders, .placed_at > ago("365d"))', []), days: "" })).toBe("count(orders)");
});
