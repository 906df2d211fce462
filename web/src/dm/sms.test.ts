import { expect, test } from "vitest";
import { smsLength } from "./sms";

test("parts of an SMS by its letters", () => {
  expect(smsLength("Hello")).toEqual({ units: 5, parts: 1, per: 160, wide: false, over: false });
  expect(smsLength("a".repeat(160)).parts).toBe(1);
  expect(smsLength("a".repeat(161))).toMatchObject({ parts: 2, per: 153 });
  expect(smsLength("€".repeat(80))).toMatchObject({ units: 160, parts: 1 });
  expect(smsLength("あ".repeat(70))).toMatchObject({ parts: 1, wide: true, over: false });
  expect(smsLength("あ".repeat(71))).toMatchObject({ parts: 2, per: 67 });
  expect(smsLength("あ".repeat(134)).parts).toBe(2);
  expect(smsLength("あ".repeat(660))).toMatchObject({ parts: 10, over: false });
  expect(smsLength("あ".repeat(661)).over).toBe(true);
  // A letter beyond the basic plane takes two units, as carriers count it.
  expect(smsLength("𠮷").units).toBe(2);
});
