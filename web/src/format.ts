import { language } from "./i18n";
import { shopZone } from "./zone";

const locale = () => (language() === "ja" ? "ja-JP" : "en-GB");
const missing = (iso?: string | null) => !iso || iso.startsWith("0001-") || iso.startsWith("1970-01-01T00:00:00");

/** 2026年11月21日(土) 14:05 */
export function instant(iso?: string | null): string {
  if (missing(iso)) return "—";
  return new Intl.DateTimeFormat(locale(), { timeZone: shopZone(), year: "numeric", month: "long", day: "numeric", weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(iso!));
}
/** 11/21 14:05, with the year when it is not this one */
export function short(iso?: string | null): string {
  if (missing(iso)) return "—";
  const d = new Date(iso!);
  const old = d.getFullYear() !== new Date().getFullYear();
  return new Intl.DateTimeFormat(locale(), { timeZone: shopZone(), year: old ? "numeric" : undefined, month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(d);
}
export function day(iso?: string | null): string {
  if (missing(iso)) return "—";
  return new Intl.DateTimeFormat(locale(), { timeZone: shopZone(), year: "numeric", month: "long", day: "numeric" }).format(new Date(iso!));
}
/** 2026年11月, of 2026-11 */
export const month = (m: string): string => new Intl.DateTimeFormat(locale(), { timeZone: "UTC", year: "numeric", month: "long" }).format(new Date(m + "-01"));
/** 14:05:31 */
export function clock(iso?: string | null): string {
  if (missing(iso)) return "—";
  return new Intl.DateTimeFormat(locale(), { timeZone: shopZone(), hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(new Date(iso!));
}
/** 14:05:31 today, the whole instant when it was another day: a replay's clock, a shop that stood still. */
export function fresh(iso?: string | null): string {
  return !missing(iso) && day(iso) === day(new Date().toISOString()) ? clock(iso) : instant(iso);
}
/** 3 分前 */
export function ago(iso?: string | null, now = Date.now()): string {
  if (missing(iso)) return "—";
  const seconds = Math.round((new Date(iso!).getTime() - now) / 1000);
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]] as const) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(seconds, "second");
}
export const count = (n?: number | null): string => (n == null ? "—" : new Intl.NumberFormat(locale()).format(n));
/** How big a file is: 12 KB, 3.4 MB. */
export function bytes(n: number): string {
  const [value, unit] = n < 1e6 ? [Math.max(1, n / 1e3), "kilobyte"] : n < 1e9 ? [n / 1e6, "megabyte"] : [n / 1e9, "gigabyte"];
  return new Intl.NumberFormat(locale(), { style: "unit", unit: unit as string, maximumFractionDigits: (value as number) < 10 && unit !== "kilobyte" ? 1 : 0 }).format(value as number);
}
export const percent = (share?: number | null): string => (share == null ? "—" : new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(share));
/** A small share, where a thousandth matters: 0.12 %. */
export const share = (n?: number | null): string => (n == null ? "—" : new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 2 }).format(n));
/** ¥12,345: amounts come as decimal text and stay so; the sign and the commas are put around it. */
export function money(amount?: string | null, currency = "JPY"): string {
  if (amount == null || amount === "") return "—";
  const [whole, fraction = ""] = amount.replace("-", "").split(".");
  const sign = amount.startsWith("-") ? "−" : "";
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const cents = currency === "JPY" ? "" : "." + fraction.padEnd(2, "0").slice(0, 2);
  const symbol: Record<string, string> = { JPY: "¥", USD: "$", EUR: "€", BRL: "R$" };
  return sign + (symbol[currency] ?? currency + " ") + grouped + cents;
}
/** アメリカ合衆国, of US */
export const country = (code: string): string => {
  try {
    return new Intl.DisplayNames(locale(), { type: "region" }).of(code) ?? code;
  } catch {
    return code; // of a configuration that names none
  }
};
