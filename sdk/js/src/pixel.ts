// For Shopify's customer events (Settings, Customer events, Add custom pixel). Its sandbox has no page of its own: the addresses and
// the cookies are those that Shopify hands out. Shapes: https://shopify.dev/docs/api/web-pixels-api/standard-events
import { isBot, session } from "./context";
import { Queue } from "./queue";
import type { Json, Message } from "./types";

/** What Shopify gives a pixel; only what is used here. */
export interface Sandbox {
  analytics: { subscribe: (name: string, f: (event: PixelEvent) => void) => unknown };
  browser?: { cookie?: { get: (name?: string) => Promise<string> } };
  init?: { data?: { customer?: { id?: string | number } | null } };
}

export interface PixelEvent {
  id: string;
  name: string;
  clientId?: string;
  timestamp?: string;
  context?: { document?: { location?: { href?: string; pathname?: string; search?: string }; referrer?: string; title?: string }; navigator?: { userAgent?: string; language?: string } };
  data?: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- another system's shapes, each read with care below
}

export interface PixelOptions extends Sandbox {
  writeKey: string;
  host: string;
}

/* eslint-disable @typescript-eslint/no-explicit-any */
type Foreign = any;

/** Ids come as numbers, texts, or gid://shopify/Order/123?x=y: webhooks tell the same ones as 123. */
export function plainId(id: unknown): string | undefined {
  const text = id === null || id === undefined ? "" : String(id);
  return /^gid:/.test(text) ? text.replace(/\?.*$/, "").split("/").pop() : text || undefined;
}

const amount = (money: Foreign): string | undefined => (money?.amount === undefined || money.amount === null ? undefined : String(money.amount));

function product(variant: Foreign, more: Json = {}): Json {
  return {
    product_id: plainId(variant?.product?.id) ?? plainId(variant?.id),
    sku: variant?.sku || undefined,
    name: variant?.product?.title ?? variant?.title,
    brand: variant?.product?.vendor || undefined,
    category: variant?.product?.type || undefined,
    variant: variant?.title || undefined,
    price: amount(variant?.price),
    currency: variant?.price?.currencyCode,
    image_url: variant?.image?.src,
    url: variant?.product?.url,
    ...more,
  };
}

const cartLine = (l: Foreign): Json => product(l?.merchandise, { quantity: l?.quantity });
const checkoutLine = (l: Foreign): Json => product(l?.variant, { name: l?.variant?.product?.title ?? l?.title, quantity: l?.quantity });

function checkout(c: Foreign): Json {
  return {
    checkout_id: c?.token ?? undefined,
    currency: c?.currencyCode,
    value: amount(c?.totalPrice),
    products: (c?.lineItems ?? []).map(checkoutLine),
  };
}

function order(c: Foreign): Json {
  return {
    ...checkout(c),
    value: undefined,
    order_id: plainId(c?.order?.id) ?? c?.token,
    version: 1, // what the shop's own webhook tells of the order is newer in any case
    subtotal: amount(c?.subtotalPrice),
    total: amount(c?.totalPrice),
    tax: amount(c?.totalTax),
    shipping: amount(c?.shippingLine?.price),
    discount: amount(c?.discountsAmount),
    coupon: (c?.discountApplications ?? []).find((d: Foreign) => d?.type === "DISCOUNT_CODE")?.title,
    payment_method: c?.transactions?.[0]?.gateway,
  };
}

type Call = [event: string, properties: Json];

/** What each standard event of Shopify is here. */
export const mapping: Record<string, (data: Foreign) => Call> = {
  product_viewed: (d) => ["Product Viewed", product(d?.productVariant)],
  collection_viewed: (d) => ["Product List Viewed", { list_id: plainId(d?.collection?.id), category: d?.collection?.title, products: (d?.collection?.productVariants ?? []).map((v: Foreign) => product(v)) }],
  search_submitted: (d) => ["Products Searched", { query: d?.searchResult?.query, results: d?.searchResult?.productVariants?.length }],
  product_added_to_cart: (d) => ["Product Added", cartLine(d?.cartLine)],
  product_removed_from_cart: (d) => ["Product Removed", cartLine(d?.cartLine)],
  cart_viewed: (d) => ["Cart Viewed", { cart_id: plainId(d?.cart?.id), value: amount(d?.cart?.cost?.totalAmount), currency: d?.cart?.cost?.totalAmount?.currencyCode, products: (d?.cart?.lines ?? []).map(cartLine) }],
  checkout_started: (d) => ["Checkout Started", checkout(d?.checkout)],
  payment_info_submitted: (d) => ["Payment Info Entered", checkout(d?.checkout)],
  checkout_completed: (d) => ["Order Completed", order(d?.checkout)],
};

/** translate makes calls of one of Shopify's events: the event itself, and who the customer is once a checkout tells it. */
export function translate(e: PixelEvent, anonymousId: string, customer?: string): Message[] {
  const where = e.context?.document;
  const context: Json = {
    library: { name: "@enishi/sdk/pixel" },
    page: { url: where?.location?.href, path: where?.location?.pathname, search: where?.location?.search, title: where?.title, referrer: where?.referrer },
    userAgent: e.context?.navigator?.userAgent,
    locale: e.context?.navigator?.language,
  };
  const c = e.data?.checkout;
  const userId = customer ?? plainId(c?.order?.customer?.id);
  const call = { timestamp: e.timestamp ?? new Date().toISOString(), anonymousId, userId, context };
  const out: Message[] = [];
  if (e.name === "page_viewed") out.push({ ...call, type: "page", messageId: e.id, properties: {} });
  const known = Object.prototype.hasOwnProperty.call(mapping, e.name) ? mapping[e.name] : undefined;
  if (known) {
    const [event, properties] = known(e.data);
    out.push({ ...call, type: "track", messageId: e.id, event, properties: JSON.parse(JSON.stringify(properties)) as Json });
  }
  if (e.name === "checkout_completed" && (c?.email || c?.phone)) {
    const traits: Json = { email: c.email || undefined, phone: c.phone || undefined };
    out.push({ ...call, type: "identify", messageId: e.id + ":person", traits: JSON.parse(JSON.stringify(traits)) as Json });
  }
  return out;
}

/** start sends the shop's customer events. Whether the pixel runs at all is Shopify's to decide, by what the visitor agreed to. */
export function start(options: PixelOptions): void {
  let out = false;
  const queue = new Queue({ url: options.host.replace(/\/+$/, "") + "/v1/batch", writeKey: options.writeKey, linger: 50, limit: 500, allowed: () => !out, rejected: (list) => console.warn("enishi: events were refused", list), dropped: () => {} });
  addEventListener("pagehide", () => queue.leave());
  const cookie = async (name: string) => (await options.browser?.cookie?.get(name).catch(() => "")) ?? "";
  const take = async (e: PixelEvent) => {
    out = (await cookie("enishi_consent")) === "out";
    if (out) return queue.clear();
    // The storefront's SDK and the pixel are one browser: its id, and Shopify's own where the SDK does not run.
    const anonymousId = (await cookie("enishi_id")) || e.clientId || "";
    const s = session(e.context?.document?.location?.search ?? "", Date.now());
    for (const m of translate(e, anonymousId, plainId(options.init?.data?.customer?.id))) {
      Object.assign(m.context, { sessionId: s.id }, s.campaign && { campaign: s.campaign }, s.clickIds && { clickIds: s.clickIds }, isBot() && { bot: true });
      queue.add(m);
    }
  };
  for (const name of ["page_viewed", ...Object.keys(mapping)]) options.analytics.subscribe(name, (e) => void take(e));
}
