// Instants come in UTC and are shown, and typed, in the shop's zone.
let zone = "Asia/Tokyo";
export const setZone = (z: string) => {
  zone = z || "Asia/Tokyo";
};
export const shopZone = (): string => zone;

/** An instant as a field for one has it, 2026-12-01T10:00 by the shop's clock. */
export function wall(iso?: string | null): string {
  if (!iso || iso.startsWith("0001-")) return "";
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(new Date(iso));
  const p = Object.fromEntries(parts.map((x) => [x.type, x.value]));
  return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}`;
}
/** An instant as a chart that counts in UTC (useUTC) has it, so that its axis reads by the shop's clock and not by the browser's. */
export const chartTime = (iso: string): number => Date.parse(`${wall(iso)}:00Z`);
/** The day of an instant by the shop's clock, 2026-12-01, and the instant at which a day begins. */
export const dateOf = (iso: string): string => wall(iso).slice(0, 10);
export const midnight = (date: string): string => fromWall(`${date}T00:00`);
/** And back. What a change of the clocks leaves out is the time after it. */
export function fromWall(text: string): string {
  const at = Date.parse(`${text}:00Z`);
  const ahead = (t: number) => Date.parse(`${wall(new Date(t).toISOString())}:00Z`) - t;
  return new Date(at - ahead(at - ahead(at))).toISOString();
}
