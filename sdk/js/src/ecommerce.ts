import { Client } from "./client";
import type { CallOptions, Json } from "./types";

/** Amounts are decimal texts ("1980") or numbers, tax included, in the currency of the call. */
export type Amount = string | number;

export interface Product {
  product_id?: string;
  sku?: string;
  name?: string;
  brand?: string;
  category?: string;
  variant?: string;
  price?: Amount;
  currency?: string;
  quantity?: number;
  coupon?: string;
  position?: number;
  url?: string;
  image_url?: string;
  [property: string]: unknown;
}

/** A product needs product_id, or sku in its place. */
export type AProduct = Product & ({ product_id: string } | { sku: string });

export interface Cart {
  cart_id?: string;
  value?: Amount;
  currency?: string;
  products?: AProduct[];
  [property: string]: unknown;
}

export interface Checkout extends Cart {
  checkout_id?: string;
  order_id?: string;
  step?: number;
  shipping_method?: string;
  payment_method?: string;
}

export interface Order {
  order_id: string;
  currency?: string;
  total?: Amount;
  subtotal?: Amount;
  revenue?: Amount;
  shipping?: Amount;
  tax?: Amount;
  discount?: Amount;
  coupon?: string;
  payment_method?: string;
  cart_id?: string;
  checkout_id?: string;
  products?: AProduct[];
  [property: string]: unknown;
}

export interface List {
  list_id?: string;
  category?: string;
  products?: AProduct[];
  [property: string]: unknown;
}

/** What each call takes, by the names of Segment's e-commerce specification v2. */
export interface Calls {
  productsSearched: { query: string; results?: number; [property: string]: unknown };
  productListViewed: List;
  productListFiltered: List;
  productClicked: AProduct;
  productViewed: AProduct;
  productAdded: AProduct & Cart;
  productRemoved: AProduct & Cart;
  cartViewed: Cart;
  checkoutStarted: Checkout;
  checkoutStepViewed: Checkout;
  checkoutStepCompleted: Checkout;
  paymentInfoEntered: Checkout;
  orderCompleted: Order;
  orderUpdated: Order;
  orderRefunded: Order;
  orderCancelled: Order;
  couponApplied: { coupon_id: string; order_id?: string; cart_id?: string; discount?: Amount; [property: string]: unknown };
  productAddedToWishlist: AProduct & { wishlist_id?: string };
  productRemovedFromWishlist: AProduct & { wishlist_id?: string };
  wishlistProductAddedToCart: AProduct & { wishlist_id?: string; cart_id?: string };
  productShared: AProduct & { share_via?: string };
  cartShared: Cart & { share_via?: string };
  productReviewed: { product_id: string; review_id: string; review_body?: string; rating?: number; [property: string]: unknown };
  signedUp: Json;
}

export type Ecommerce = { [K in keyof Calls]: (properties: Calls[K], options?: CallOptions) => void };

declare module "./client" {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface Client extends Ecommerce {}
}

const calls: (keyof Calls)[] = [
  "productsSearched",
  "productListViewed",
  "productListFiltered",
  "productClicked",
  "productViewed",
  "productAdded",
  "productRemoved",
  "cartViewed",
  "checkoutStarted",
  "checkoutStepViewed",
  "checkoutStepCompleted",
  "paymentInfoEntered",
  "orderCompleted",
  "orderUpdated",
  "orderRefunded",
  "orderCancelled",
  "couponApplied",
  "productAddedToWishlist",
  "productRemovedFromWishlist",
  "wishlistProductAddedToCart",
  "productShared",
  "cartShared",
  "productReviewed",
  "signedUp",
];

/** The name of a call's event: productAddedToWishlist is "Product Added to Wishlist". */
export const eventName = (call: string): string =>
  (call[0].toUpperCase() + call.slice(1)).replace(/(?!^)[A-Z]/g, " $&").replace(/ (To|From) /g, (s) => s.toLowerCase());

for (const call of calls) {
  (Client.prototype as unknown as Json)[call] = function (this: Client, properties: Json, options?: CallOptions) {
    this.track(eventName(call), properties, options);
  };
}
