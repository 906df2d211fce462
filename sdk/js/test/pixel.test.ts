import { describe, expect, it } from "vitest";
import { mapping, plainId, start, translate, type PixelEvent } from "../src/pixel";
import { collector, host, key, pass } from "./world";

const variant = { id: "45737128657113", title: "50ml", sku: "KS-50", price: { amount: 1980, currencyCode: "JPY" }, image: { src: "https://cdn.example/1.jpg" }, product: { id: "8950526378201", title: "化粧水", vendor: "縁", type: "skincare", url: "/products/lotion" } };
const line = { merchandise: variant, quantity: 2, cost: { totalAmount: { amount: 3960, currencyCode: "JPY" } } };
const checkout = {
  token: "tok1",
  currencyCode: "JPY",
  email: "hana@mail.example",
  phone: null,
  totalPrice: { amount: 4460, currencyCode: "JPY" },
  subtotalPrice: { amount: 3960, currencyCode: "JPY" },
  totalTax: { amount: 405, currencyCode: "JPY" },
  shippingLine: { price: { amount: 500, currencyCode: "JPY" } },
  discountApplications: [{ type: "AUTOMATIC", title: "Spring" }, { type: "DISCOUNT_CODE", title: "HARU10" }],
  lineItems: [{ id: "1", title: "化粧水", quantity: 2, variant }],
  order: { id: "gid://shopify/OrderIdentity/5678?key=a", customer: { id: "gid://shopify/Customer/77" } },
  transactions: [{ gateway: "shopify_payments" }],
};
const data: Record<string, unknown> = {
  product_viewed: { productVariant: variant },
  collection_viewed: { collection: { id: "9", title: "スキンケア", productVariants: [variant] } },
  search_submitted: { searchResult: { query: "化粧水", productVariants: [variant, variant] } },
  product_added_to_cart: { cartLine: line },
  product_removed_from_cart: { cartLine: line },
  cart_viewed: { cart: { id: "c1", cost: line.cost, lines: [line] } },
  checkout_started: { checkout },
  payment_info_submitted: { checkout },
  checkout_completed: { checkout },
};
const event = (name: string): PixelEvent => ({
  id: "ev-" + name,
  name,
  clientId: "shopify-y",
  timestamp: "2026-11-22T01:02:03.000Z",
  data: data[name] ?? {},
  context: { document: { location: { href: "https://shop.example/p?utm_source=line", pathname: "/p", search: "?utm_source=line" }, title: "化粧水", referrer: "" }, navigator: { userAgent: "Mozilla/5.0", language: "ja" } },
});

describe("the pixel", () => {
  it("knows each event by the example of its shape", () => {
    expect(Object.keys(data).sort()).toEqual(Object.keys(mapping).sort());
    const seen = Object.keys(mapping).map((name) => [name, translate(event(name), "a1")[0]] as const);
    for (const [name, m] of seen) expect(m).toMatchObject({ type: "track", messageId: "ev-" + name, anonymousId: "a1", timestamp: "2026-11-22T01:02:03.000Z", context: { page: { path: "/p" } } });
    const of = (name: string) => seen.find(([n]) => n === name)![1];
    expect(of("product_viewed").properties).toEqual({ product_id: "8950526378201", sku: "KS-50", name: "化粧水", brand: "縁", category: "skincare", variant: "50ml", price: "1980", currency: "JPY", image_url: "https://cdn.example/1.jpg", url: "/products/lotion" });
    expect(of("product_added_to_cart").properties).toMatchObject({ product_id: "8950526378201", quantity: 2 });
    expect(of("search_submitted").properties).toEqual({ query: "化粧水", results: 2 });
    expect(of("cart_viewed").properties).toMatchObject({ cart_id: "c1", value: "3960", products: [{ sku: "KS-50" }] });
    expect(of("checkout_started").properties).toMatchObject({ checkout_id: "tok1", value: "4460" });
    expect(of("checkout_completed").properties).toMatchObject({ order_id: "5678", version: 1, total: "4460", subtotal: "3960", tax: "405", shipping: "500", coupon: "HARU10", payment_method: "shopify_payments", products: [{ quantity: 2 }] });
  });

  it("tells who bought", () => {
    const [order, person] = translate(event("checkout_completed"), "a1");
    expect(order.userId).toBe("77");
    expect(person).toMatchObject({ type: "identify", userId: "77", traits: { email: "hana@mail.example" }, messageId: "ev-checkout_completed:person" });
  });

  it.each([
    ["gid://shopify/Order/12", "12"],
    [12, "12"],
    ["12", "12"],
    [null, undefined],
    ["", undefined],
  ])("reads the id %s", (id, want) => expect(plainId(id)).toBe(want));

  it.each(Object.keys(mapping))("takes %s with nothing in it", (name) => {
    for (const empty of [undefined, null, {}, { checkout: {}, cart: {}, cartLine: {}, collection: {}, searchResult: {} }]) expect(translate({ ...event(name), data: empty }, "a1")).toHaveLength(1);
  });

  it("sends, as the storefront's browser, until the visitor opts out", async () => {
    const c = collector();
    const handlers: Record<string, (e: PixelEvent) => void> = {};
    const cookies: Record<string, string> = { enishi_id: "storefront-id" };
    start({ writeKey: key, host, analytics: { subscribe: (name, f) => (handlers[name] = f) }, browser: { cookie: { get: async (name) => cookies[name ?? ""] ?? "" } } });
    handlers.page_viewed(event("page_viewed"));
    handlers.checkout_completed(event("checkout_completed"));
    await pass(100);
    expect(c.events().map((m) => m.event ?? m.type)).toEqual(["page", "Order Completed", "identify"]);
    expect(c.events()[0]).toMatchObject({ anonymousId: "storefront-id", context: { campaign: { source: "line" } } });
    cookies.enishi_consent = "out";
    handlers.product_viewed(event("product_viewed"));
    await pass(100);
    expect(c.events()).toHaveLength(3);
  });
});
