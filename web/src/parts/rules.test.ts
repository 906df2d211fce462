import { expect, test } from "vitest";
import { capOf, daysOf, put, putCalendar, rangeOf, shareOf } from "./rules";

test("what the form does not know stays, what says nothing is not written", () => {
  const body = { timezone: "Asia/Tokyo", links: { shop: "https://shop.example/" }, caps: { marketing: { default: "2/7d" } }, holdout: 5 };
  expect(put(body, { holdout: 0 })).toEqual({ timezone: "Asia/Tokyo", links: { shop: "https://shop.example/" }, caps: { marketing: { default: "2/7d" } } });
  expect(put(body, { caps: {} })).toEqual({ timezone: "Asia/Tokyo", links: { shop: "https://shop.example/" }, holdout: 5 });
  expect(put({}, { send_days: {} })).toEqual({});
  expect(put({}, { quiet_hours: { off: true } })).toEqual({ quiet_hours: { off: true } });
});
test("a calendar at its defaults is none", () => {
  const body = putCalendar({}, { closed: ["2026-12-31"], payday: 31 });
  expect(body).toEqual({ calendar: { closed: ["2026-12-31"], payday: 31 } });
  expect(putCalendar(body, { closed: [], payday: undefined })).toEqual({});
});
test("caps and days are read as they are written", () => {
  expect([capOf("2/7d"), capOf("none")]).toEqual([{ count: "2", period: "7d" }, { count: "", period: "" }]);
  expect([daysOf("2026-12-29/2027-01-03"), daysOf("2026-12-31")]).toEqual([["2026-12-29", "2027-01-03"], ["2026-12-31", ""]]);
  expect([rangeOf("2026-12-29", "2027-01-03"), rangeOf("2026-12-31", ""), rangeOf("2026-12-31", "2026-12-31")]).toEqual(["2026-12-29/2027-01-03", "2026-12-31", "2026-12-31"]);
});
test("a time is a share of the day", () => {
  expect(["00:00", "06:00", "13:30", "24:00"].map(shareOf)).toEqual([0, 25, 56.25, 100]);
});
