// A coupon as the form has it, and as LINE takes it.

export const benefits = ["percent", "yen", "gift", "free", "others"] as const;
export interface CouponDraft { title: string; benefit: (typeof benefits)[number]; amount: number; from: string; to: string; again: boolean; public: boolean; description: string; condition: string; code: string; image: string }

/** Times are typed as in Japan, where LINE's official accounts are: 2026-12-01T10:00. */
const seconds = (local: string): number => Math.floor(Date.parse(`${local}:00+09:00`) / 1000);

/** What keeps a coupon from being made: a key of the words couponWrong; empty: nothing. */
export function couponWrong(d: CouponDraft): string {
  if (!d.title.trim() || [...d.title].length > 60) return "title";
  if (d.benefit === "percent" && !(d.amount >= 1 && d.amount <= 99)) return "percent";
  if (d.benefit === "yen" && !(d.amount >= 1)) return "yen";
  if (!(seconds(d.to) > seconds(d.from))) return "period";
  return "";
}

export function couponOf(d: CouponDraft): Record<string, unknown> {
  const price = d.benefit === "percent" ? { type: "percentage", percentage: d.amount } : { type: "fixed", fixedAmount: d.amount };
  return {
    title: d.title.trim(), startTimestamp: seconds(d.from), endTimestamp: seconds(d.to), timezone: "ASIA_TOKYO", visibility: d.public ? "PUBLIC" : "UNLISTED", maxUseCountPerTicket: d.again ? -1 : 1,
    acquisitionCondition: { type: "normal" }, reward: d.benefit === "percent" || d.benefit === "yen" ? { type: "discount", priceInfo: price } : { type: d.benefit },
    ...(d.description.trim() && { description: d.description.trim() }), ...(d.condition.trim() && { usageCondition: d.condition.trim() }), ...(d.code.trim() && { couponCode: d.code.trim() }), ...(d.image && { imageUrl: d.image }),
  };
}

/** The days that a new coupon begins with: from today's midnight for two weeks, in Japan. */
export function twoWeeks(now: number): { from: string; to: string } {
  const day = (n: number) => new Date(now + 9 * 3_600_000 + n * 86_400_000).toISOString().slice(0, 10);
  return { from: `${day(0)}T00:00`, to: `${day(14)}T23:59` };
}
