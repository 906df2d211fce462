import { afterEach, beforeEach, vi } from "vitest";
import type { Client } from "../src/client";
import type { Json, Message, Options } from "../src/types";

/** What reached the collector: batches, and how it answers the next ones. */
export interface Collector {
  batches: Message[][];
  beacons: Message[][];
  answers: (number | "lost" | "cut" | { status: number; body?: Json; headers?: Record<string, string> })[];
  events: () => Message[];
}

/** collector stands in for the network: "lost" arrives and the answer does not, "cut" does not arrive. */
export function collector(): Collector {
  const c: Collector = { batches: [], beacons: [], answers: [], events: () => [...c.batches, ...c.beacons].flat() };
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (!String(url).endsWith("/v1/batch")) return new Response("{}");
    const next = c.answers.shift() ?? 202;
    if (next === "cut") throw new TypeError("no connection");
    const batch = (JSON.parse(init.body as string) as { batch: Message[]; writeKey: string }).batch;
    const answer = typeof next === "object" ? next : { status: next === "lost" ? 202 : next };
    if (answer.status < 300) c.batches.push(batch);
    if (next === "lost") throw new TypeError("the answer is lost");
    return new Response(JSON.stringify((answer as { body?: Json }).body ?? {}), { status: answer.status, headers: (answer as { headers?: Record<string, string> }).headers });
  });
  navigator.sendBeacon = (_url, body) => {
    void (body as Blob).text().then((text) => c.beacons.push((JSON.parse(text) as { batch: Message[] }).batch));
    return true;
  };
  return c;
}

/** Locks are what a browser has for all its tabs; a tab that is closed gives its own up. */
export class Locks {
  held = new Set<string>();
  request(name: string, options: unknown, f?: (lock: unknown) => unknown): Promise<unknown> {
    const run = (f ?? options) as (lock: unknown) => unknown;
    if (this.held.has(name)) return Promise.resolve(run(null));
    this.held.add(name);
    return Promise.resolve(run({ name })).finally(() => this.held.delete(name));
  }
}

export const key = "wk_test";
export const host = "https://enishi.shop.example";

/** tab loads the SDK anew, as another tab of the same browser does. */
export async function tab(options: Partial<Options> = {}): Promise<Client> {
  vi.resetModules();
  const { load } = await import("../src/index");
  return load({ writeKey: key, host, pages: false, linger: 10, ...options });
}

export function zone(name: string): void {
  Intl.DateTimeFormat.prototype.resolvedOptions = () => ({ timeZone: name }) as Intl.ResolvedDateTimeFormatOptions;
}

export function online(is: boolean): void {
  Object.defineProperty(navigator, "onLine", { configurable: true, get: () => is });
  if (is) dispatchEvent(new Event("online"));
}

export function visit(url: string): void {
  (window as unknown as { happyDOM: { setURL: (url: string) => void } }).happyDOM.setURL(url);
}

const pushState = history.pushState;
let listening: (() => void)[] = [];

/** gone ends the pages that are open: the browser tells them, and nothing of them runs any more. */
export function gone(): void {
  dispatchEvent(new Event("pagehide"));
  for (const stop of listening) stop();
  listening = [];
  vi.clearAllTimers();
  (navigator.locks as unknown as Locks).held.clear();
  history.pushState = pushState;
}

for (const target of [window, document] as EventTarget[]) {
  const add = target.addEventListener.bind(target);
  target.addEventListener = (name: string, f: EventListenerOrEventListenerObject | null) => {
    add(name, f);
    listening.push(() => target.removeEventListener(name, f));
  };
}
globalThis.addEventListener = window.addEventListener;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  visit("https://www.shop.example/");
  localStorage.clear();
  sessionStorage.clear();
  for (const c of document.cookie.split("; ")) {
    for (const domain of ["", "; domain=shop.example", "; domain=www.shop.example"]) document.cookie = c.split("=")[0] + "=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT" + domain;
  }
  Object.defineProperty(navigator, "locks", { configurable: true, value: new Locks() });
  Object.defineProperty(navigator, "onLine", { configurable: true, get: () => true });
  zone("Asia/Tokyo");
});

afterEach(() => {
  gone();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** pass lets time go by, with everything that was due in it. */
export const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
