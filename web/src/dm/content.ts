import type { Channel } from "../parts/channels";

// What the templates of SMS, push notifications and social DM hold (channels/content.go). Texts are Liquid.

export interface SmsContent { text?: string }
export interface PushContent { title?: string; body?: string; url?: string; image?: string; icon?: string; badge?: string; tag?: string; data?: Record<string, string>; ttl_seconds?: number; urgency?: string }
export interface QuickReply { content_type?: string; title: string; payload: string; image_url?: string }
export interface SocialButton { type: string; title: string; url?: string; payload?: string }
export interface SocialMessage { text?: string; attachment?: { type: string; payload?: { url?: string; template_type?: string; text?: string; buttons?: SocialButton[]; [other: string]: unknown } }; quick_replies?: QuickReply[]; [other: string]: unknown }
export interface SocialContent { messages?: SocialMessage[]; tag?: string; utility?: unknown }

export const urgencies = ["very-low", "low", "normal", "high"] as const;

export const socialKinds = ["text", "image", "buttons"] as const;
type SocialKind = (typeof socialKinds)[number];

/** The form of a message; "other" has none but JSON. */
export function socialKind(m: SocialMessage): SocialKind | "other" {
  const others = Object.keys(m).filter((k) => !["text", "attachment", "quick_replies"].includes(k));
  if (others.length > 0) return "other";
  if (m.text !== undefined && !m.attachment) return "text";
  if (m.attachment?.type === "image" && m.text === undefined) return "image";
  if (m.attachment?.type === "template" && m.attachment.payload?.template_type === "button") return "buttons";
  return "other";
}

export function socialMessage(kind: SocialKind, words: (key: string) => string): SocialMessage {
  switch (kind) {
    case "text": return { text: words("dm.begun_text") };
    case "image": return { attachment: { type: "image", payload: { url: "" } } };
    case "buttons": return { attachment: { type: "template", payload: { template_type: "button", text: words("dm.begun_text"), buttons: [{ type: "web_url", title: words("line.begun_label"), url: "{{ links.shop }}" }] } } };
  }
}

/** A field set, or left out where it is empty: what is not said is not sent. */
export const withField = <T extends object, K extends keyof T>(of: T, field: K, value: T[K] | undefined): T => {
  const { [field]: _, ...rest } = of;
  return (value === undefined || value === "" ? rest : { ...rest, [field]: value }) as T;
};

/** What a new template begins with. */
export function begunContent(channel: Channel, title: string, words: (key: string) => string): unknown {
  switch (channel) {
    case "sms": return { text: words("dm.begun_sms") };
    case "push": return { title, body: words("dm.begun_push"), url: "{{ links.shop }}" };
    case "postal": return { size: "hagaki", headline: title, text: words("piece.begun"), coupon: { title: words("piece.couponBegun") }, sender: { name: "{{ brand.name }}", address: "{{ brand.address }}" } };
    case "social": return { messages: [socialMessage("text", words)] };
  }
}
