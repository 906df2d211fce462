import type { Text } from "./i18n";

export interface Session { name: string; role: "viewer" | "editor" | "approver" | "admin"; workspace: string; demo: boolean; timezone: string; sending: string; version: string }
export interface List<T> { items: T[]; next?: string; total?: number; complete_through?: string }
export interface Alert { id: string; kind: string; severity: "info" | "warning" | "error"; text: string; text_ja: string; at: string }
export interface Home {
  complete_through: string;
  arriving: { last_event_at: string; per_minute: number[]; by_type_24h: { type: string; label: Text; count: number }[] };
  totals: { people: number; orders: number; revenue: { amount: string; currency: string }; sends: number; dead: number; waiting_runs: number };
  today: { orders: number; revenue: { amount: string; currency: string }; new_people: number; sends: number };
  checklist: { id: string; done: boolean; title: Text; minutes: number; href: string }[];
  alerts: Alert[];
  journeys: { name: string; title: Text; status: string; running: number; entered_7d: number; sent_7d: number }[];
}
export interface LiveEvent { id: string; at: string; appended_at: string; type: string; label: Text; profile: string; name: string; summary: Text; source: string; order_id?: string; amount?: string; currency?: string }
export interface PersonRow { id: string; name: string; kana: string; identifiers: { kind: string; value: string }[]; prefecture: string; orders_count: number; ltv: string; currency: string; last_seen_at: string; last_order_at: string; reach: Record<string, boolean> }
export interface Order { order_id: string; status: string; status_label: Text; placed_at: string; total: string; currency: string; items: number; channel: string; store_id: string; shipments: { shipment_id: string; status: string; status_label: Text; carrier: string; tracking: string; delivered_at?: string; estimated_at?: string }[]; lines: { product_id: string; name: string; quantity: number; price: string }[] }
export interface Person {
  id: string; redirected_from?: string;
  name: { family: string; given: string; family_kana: string; given_kana: string; display: string };
  header: { orders_count: number; ltv: string; currency: string; last_order_at?: string; last_store?: string; subscription_orders: number };
  reach: { channel: string; ok: boolean; reason: Text }[];
  identifiers: { kind: string; scope: string; value: string; first_seen_at: string; last_seen_at: string; subject: string }[];
  traits: { name: string; label: Text; value: string; at: string }[];
  consents: { channel: string; purpose: string; state: string; at: string; method: string }[];
  hold: { reason: string; until: string } | null;
  risks: string[];
  segments: { name: string; title: Text; since: string; reasons: Text[] }[];
  runs: { id: string; journey: string; title: Text; node: string; node_title: Text; since: string; wait_until?: string; ended_at?: string; end?: string }[];
  next: { at: string; what: Text; journey: string }[];
  orders: Order[];
  merges: { link_offset: number; at: string; from: string; into: string; by: string; can_undo: boolean }[];
  complete_through: string;
}
export interface TimelineItem { id: string; at: string; type: string; label: Text; kind: string; summary: Text; detail: Record<string, unknown>; source: string; amount?: string; currency?: string }
export interface Decision { send_id: string; round: number; at: string; journey: string; journey_title: Text; node: string; channel: string; purpose: string; template: string; sent: boolean; reason: string; sentence: Text; checks: { name: string; label: Text; ok: boolean; detail: Text }[]; delivery: { state: string; at: string; code: string; reason: string } | null }
export interface Segment { name: string; title: Text; description: Text; expression: string; members: number; complete_through: string; progress?: { done: number; of: number }; version: number; owner: string; updated_at: string; used_in: string[] }
export interface Preview { valid: boolean; errors: { line: number; col: number; message: string; message_ja: string }[]; count: number; share: number; reach: { email: number; line: number; postal: number; none: number }; sample: { id: string; name: string; prefecture: string; orders_count: number; ltv: string }[]; took_ms: number; complete_through: string }
export interface JourneyRow { name: string; title: Text; status: string; purpose: string; version: number; entered: number; running: number; completed: number; sent: number; converted: number; updated_at: string }
export interface JourneyNode { type: string; next?: string; for?: string; timeout?: string; on_timeout?: string; template?: string; channels?: string[]; templates?: Record<string, string>; branches?: { if: string; next: string }[]; else?: string; until_event?: { events: string[] }; title?: Text; send_by?: string }
export interface Journey { name: string; version: number; status: string; definition: { title: Text; purpose: string; entry: Record<string, unknown>; nodes: Record<string, JourneyNode>; start?: string } & Record<string, unknown>; history: { version: number; actor: string; role: string; reason: string; at: string }[] }
export interface JourneyPeople { nodes: { id: string; type: string; title: Text; standing: number; passed: number; sent: number }[]; items: { profile: string; name: string; node: string; since: string; wait_until?: string }[] }
export interface OutboxRow { id: string; at: string; channel: string; from: string; to: string; name?: string; profile?: string; subject: string; preview: string; send_id: string; journey?: string; title?: Text }
export interface OutboxMessage extends OutboxRow { html?: string; text?: string; headers?: { name: string; value: string }[]; messages?: LineMessage[]; links?: { text: string; href: string }[] }
export interface LineMessage { type: string; text?: string; altText?: string; contents?: Record<string, unknown>; template?: Record<string, unknown>; originalContentUrl?: string; previewImageUrl?: string; quickReply?: { items: { action: { label: string } }[] } }
export interface DeadLetter { id: string; at: string; topic: string; partition: number; offset: number; stage: string; code: string; field: string; reason: string; reason_ja: string; type: string; raw: string; state: string }
export interface RevenuePoint { at: string; orders: number; revenue: string; new_customers: number; returning_customers: number; new_revenue: string; returning_revenue: string }
export interface Revenue { currency: string; currencies: string[]; series: RevenuePoint[]; totals: RevenuePoint; definition: Text; complete_through: string }
export interface Funnel { steps: { name: string; label: Text; people: number; share: number; from_previous: number }[]; definition: Text; complete_through: string }
export interface JourneyReport { rows: { journey: string; title?: Text; entered: number; running: number; completed: number; exited: number; sent: number; opened: number; clicked: number; converted: number; skipped_by_reason: Record<string, number> }[]; complete_through: string }
export interface MessageReport { rows: { name: string; decided: number; sent: number; delivered: number; opened: number; clicked: number; bounced: number; failed: number; refused: number; unknown: number; unsubscribed: number }[]; complete_through: string }
