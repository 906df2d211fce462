import { afterEach, expect, test } from "vitest";
import { chartTime, setZone } from "./zone";

afterEach(() => setZone("Asia/Tokyo"));

test("a chart reads by the shop's clock, whatever the browser's zone is", () => {
  const shown = (zone: string, iso: string) => {
    setZone(zone);
    return new Date(chartTime(iso)).toISOString();
  };
  expect(shown("Asia/Tokyo", "2026-11-30T15:30:00Z")).toBe("2026-12-01T00:30:00.000Z");
  expect(shown("America/New_York", "2026-07-01T02:00:00Z")).toBe("2026-06-30T22:00:00.000Z");
  expect(shown("UTC", "2026-07-01T02:00:00Z")).toBe("2026-07-01T02:00:00.000Z");
});
