import { expect, test } from "vitest";
import { couponOf, couponWrong, twoWeeks, type CouponDraft } from "./coupon";

const draft: CouponDraft = { title: "10% オフ", benefit: "percent", amount: 10, from: "2026-12-01T00:00", to: "2026-12-14T23:59", again: false, public: false, description: "", condition: "", code: "", image: "" };

test("a coupon as LINE takes it, in Japan's time", () => {
  expect(couponOf(draft)).toEqual({ title: "10% オフ", startTimestamp: Date.UTC(2026, 10, 30, 15) / 1000, endTimestamp: Date.UTC(2026, 11, 14, 14, 59) / 1000, timezone: "ASIA_TOKYO", visibility: "UNLISTED", maxUseCountPerTicket: 1, acquisitionCondition: { type: "normal" }, reward: { type: "discount", priceInfo: { type: "percentage", percentage: 10 } } });
  expect(couponOf({ ...draft, benefit: "yen", amount: 500, again: true, public: true, code: " A1 " })).toMatchObject({ reward: { type: "discount", priceInfo: { type: "fixed", fixedAmount: 500 } }, maxUseCountPerTicket: -1, visibility: "PUBLIC", couponCode: "A1" });
  expect(couponOf({ ...draft, benefit: "gift" })).toMatchObject({ reward: { type: "gift" } });
});
test("what keeps a coupon from being made", () => {
  expect(couponWrong(draft)).toBe("");
  for (const [wrong, to] of [["title", { title: " " }], ["title", { title: "あ".repeat(61) }], ["percent", { amount: 100 }], ["yen", { benefit: "yen", amount: 0 }], ["period", { to: "2026-11-01T00:00" }], ["period", { to: "" }]] as const) expect(couponWrong({ ...draft, ...to })).toBe(wrong);
});
test("two weeks begin on the day it is in Japan", () => {
  expect(twoWeeks(Date.UTC(2026, 10, 30, 15, 1))).toEqual({ from: "2026-12-01T00:00", to: "2026-12-15T23:59" });
});
