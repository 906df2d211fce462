import { expect, test } from "vitest";
import { amountOf, lean } from "./settings";

test("what is empty is left out, zero is not", () => {
  expect(lean({ title: "", hold_hours: 0, approval: { off: false }, seeds: [], recent: { pieces: 2, days: 30 }, schedule: { every: "week", days: ["mon"], at: "" } })).toEqual({ hold_hours: 0, recent: { pieces: 2, days: 30 }, schedule: { every: "week", days: ["mon"] } });
});

test("an amount is a plain decimal", () => {
  expect(amountOf("￥１，２３４．５")).toBe("1234.5");
  expect(amountOf("85 円")).toBe("85");
});
