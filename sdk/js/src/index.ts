import "./ecommerce";
import { Client } from "./client";
import type { Options } from "./types";

export { Client } from "./client";
export type { Consent, Listeners } from "./client";
export type { Amount, AProduct, Calls, Cart, Checkout, List, Order, Product } from "./ecommerce";
export type { CallOptions, Json, Message, Options, Rejected } from "./types";

/** load makes a client and begins with the page view. */
export const load = (options: Options): Client => new Client(options).start();
