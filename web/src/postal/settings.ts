// The setting postal (channels/dm/postal/settings.go): how pieces are gathered, judged, printed and paid for, by account.

export interface Schedule { every?: string; days?: string[]; at?: string }
export interface PostalAddress { name?: string; kana?: string; company?: string; department?: string; job_title?: string; honorific?: string; postal_code?: string; prefecture?: string; city?: string; address1?: string; address2?: string; [other: string]: unknown }
export interface Sender { name?: string; postal_code?: string; address?: string; phone?: string; mark?: string; office?: string; licence?: string; return_to?: string }
export interface PostalAccount {
  title?: string; product?: string; schedule?: Schedule; hold_hours?: number; min_pieces?: number; budget?: { batch?: string; month?: string }; cost?: { print?: string; postage?: string };
  house?: string; household?: string; prefer?: string; recent?: { pieces?: number; days?: number }; approval?: { off?: boolean; role?: string }; response_days?: number;
  delivery?: { kind?: string; target?: string; pdf?: boolean; recipient?: string; encrypt?: string }; seeds?: PostalAddress[]; sender?: Sender; new_year?: boolean; landing?: string; coupon?: string;
  [other: string]: unknown;
}

/** Without what is empty at any depth: the server fills in what is not said. */
export function lean<T>(value: T): T {
  if (Array.isArray(value)) return value.map(lean) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, lean(v as unknown)]).filter(([, v]) => v !== undefined && v !== "" && v !== false && !(Array.isArray(v) && v.length === 0) && !(typeof v === "object" && v !== null && !Array.isArray(v) && Object.keys(v).length === 0))) as T;
}

/** An amount as it may be typed, full-width and with commas. */
export const amountOf = (typed: string): string => typed.normalize("NFKC").replace(/[,¥￥円\s]/g, "");
