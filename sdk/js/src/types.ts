/** A JSON object. */
export type Json = Record<string, unknown>;

/** What may be set beside a call. */
export interface CallOptions {
  /** When it happened, ISO 8601; default: now. */
  timestamp?: string;
  /** Makes repeats of the same event count once; default: a random UUID. */
  messageId?: string;
  /** Whose event it is, when not this browser's. */
  anonymousId?: string;
  userId?: string;
  /** Put over the context that the SDK finds out. */
  context?: Json;
}

/** One call on its way to the collector: an event of Segment's specification. */
export interface Message {
  type: "track" | "identify" | "page" | "group" | "alias";
  messageId: string;
  timestamp: string;
  anonymousId: string;
  userId?: string;
  event?: string;
  name?: string;
  category?: string;
  groupId?: string;
  previousId?: string;
  properties?: Json;
  traits?: Json;
  context: Json;
}

/** An event that the collector did not take, and why. */
export interface Rejected {
  index: number;
  message_id?: string;
  code: string;
  field?: string;
  reason: string;
  reason_ja: string;
}

export interface Options {
  /** The write key of the source (Settings, Keys). It can send events and read nothing. */
  writeKey: string;
  /** Where Enishi answers: https://enishi.example, with /w/NAME for a workspace. */
  host: string;
  /**
   * "notice" (default): events are sent until the visitor opts out; visitors whose time zone is in the EEA, the United Kingdom or
   * Switzerland and browsers that send Global Privacy Control are asked first. "opt-in": everybody is asked first. Until a
   * visitor who is asked first agrees (optIn), nothing is sent and no id is stored.
   */
  consent?: "notice" | "opt-in";
  /** Page views by themselves: "load" (default) each page that is loaded, "history" also navigation within it, false none. */
  pages?: "load" | "history" | false;
  /** Domain of the id's cookie; default: the widest that the browser allows (shop.jp on www.shop.jp). */
  cookieDomain?: string;
  /** Keeps the id in a cookie that host sets, for browsers that forget ids of scripts after 7 days. Host must be a sub-domain of the shop's domain. */
  serverCookie?: boolean;
  /** Milliseconds for which events are gathered before they are sent; default 250. */
  linger?: number;
  /** Most events kept while they cannot be sent; the oldest are dropped beyond; default 500. */
  limit?: number;
}
