import { asksFirst, contextOf, uuid, zone } from "./context";
import { Queue } from "./queue";
import { read, readCookie, remove, widestDomain, write, writeCookie } from "./storage";
import type { CallOptions, Json, Message, Options, Rejected } from "./types";

const idKey = "enishi_id";
const userKey = "enishi_user";
const consentKey = "enishi_consent";

export type Consent = "in" | "out";

/** What `on` tells: each call on its way, what was refused or dropped, and a changed consent. */
export interface Listeners {
  message: (m: Message) => void;
  rejected: (list: Rejected[]) => void;
  dropped: (n: number) => void;
  consent: (c: Consent) => void;
}

/** Client is one connection of a page to Enishi. Its calls are those of analytics.js. */
export class Client {
  private queue: Queue;
  private domain: string;
  private referrer = document.referrer;
  private shown = ""; // the address whose page view was sent
  private listeners: { [K in keyof Listeners]?: Listeners[K][] } = {};

  constructor(private options: Options) {
    if (!options.writeKey || !options.host) throw new Error("enishi: writeKey and host are required");
    this.domain = options.cookieDomain ?? widestDomain();
    this.queue = new Queue({
      url: options.host.replace(/\/+$/, "") + "/v1/batch",
      writeKey: options.writeKey,
      linger: options.linger ?? 250,
      limit: options.limit ?? 500,
      allowed: () => this.allowed(),
      rejected: (list) => {
        console.warn("enishi: events were refused", list);
        this.emit("rejected", list);
      },
      dropped: (n) => this.emit("dropped", n),
    });
    addEventListener("online", () => this.queue.online());
    addEventListener("pagehide", () => this.queue.leave());
    addEventListener("pageshow", (e) => e.persisted && this.queue.back());
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && void this.queue.flush());
    const asked = new URLSearchParams(location.search).get("enishi_optout");
    if (asked !== null) this.optOut();
    else if (this.allowed()) this.refresh();
  }

  /** start sends page views as the options say. */
  start(): this {
    if (this.options.pages === false) return this;
    this.view();
    if (this.options.pages === "history") {
      const push = history.pushState;
      history.pushState = (...args) => {
        push.apply(history, args);
        setTimeout(() => this.view()); // when the page has its new title
      };
      addEventListener("popstate", () => setTimeout(() => this.view()));
    }
    return this;
  }

  private view(): void {
    const address = location.origin + location.pathname + location.search;
    if (address === this.shown) return;
    if (this.shown) this.referrer = this.shown;
    this.shown = address;
    this.page();
  }

  /** track tells what the visitor did; names of Segment's e-commerce specification get their meaning. */
  track(event: string, properties: Json = {}, options?: CallOptions): void {
    this.send("track", { event, properties }, options);
  }

  /** identify tells who the visitor is: the shop's own customer id, and what is known of them. */
  identify(userId?: string | null | Json, traits: Json = {}, options?: CallOptions): void {
    if (userId && typeof userId === "object") return this.identify(null, userId, options);
    if (userId && this.allowed()) write(userKey, String(userId));
    this.send("identify", { traits }, options);
  }

  /** page(properties), page(name, properties) or page(category, name, properties). */
  page(...args: (string | Json | undefined)[]): void {
    const texts = args.filter((a): a is string => typeof a === "string");
    const properties = args.find((a): a is Json => typeof a === "object") ?? {};
    const [name, category] = texts.reverse();
    this.send("page", { name, category, properties });
  }

  /** group tells the company, club or household that the visitor belongs to. */
  group(groupId: string, traits: Json = {}, options?: CallOptions): void {
    this.send("group", { groupId, traits }, options);
  }

  /** alias tells that previousId (default: this browser's id) and userId are one person. */
  alias(userId: string, previousId: string = this.anonymousId(), options?: CallOptions): void {
    this.send("alias", { previousId }, { ...options, userId });
  }

  /** reset forgets who the visitor is, as on signing out: what follows is somebody else's until identified. */
  reset(): void {
    remove(userKey);
    remove("enishi_session");
    if (this.allowed()) this.setAnonymousId(uuid());
  }

  /** ready calls f when the SDK takes calls. */
  ready(f: () => void): void {
    setTimeout(f);
  }

  /** on calls f at each occurrence of what it names. */
  on<K extends keyof Listeners>(what: K, f: Listeners[K]): void {
    (this.listeners[what] ??= [] as never).push(f as never);
  }

  private emit<K extends keyof Listeners>(what: K, value: Parameters<Listeners[K]>[0]): void {
    for (const f of this.listeners[what] ?? []) (f as (v: typeof value) => void)(value);
  }

  /** setAnonymousId gives this browser another id, such as that of a session of the shop's server. */
  setAnonymousId(id: string): void {
    if (!this.allowed()) return;
    write(idKey, id);
    writeCookie(idKey, id, this.domain);
    this.askServer(id);
  }

  /** The id of this browser, the same in all tabs; empty while the visitor has not agreed. */
  anonymousId(): string {
    if (!this.allowed()) return "";
    const kept = () => readCookie(idKey) || read(idKey) || "";
    if (!kept()) this.setAnonymousId(uuid());
    return kept(); // another tab may have been quicker
  }

  /** The customer id that identify was called with; undefined after reset. */
  userId(): string | undefined {
    return read(userKey) ?? undefined;
  }

  // refresh puts the end of the id's life off: cookie and localStorage hold it both, and either may have been cleared.
  private refresh(): void {
    const id = this.anonymousId();
    write(idKey, id);
    writeCookie(idKey, id, this.domain);
    this.askServer(id);
  }

  // askServer has the id set again by the server, since Safari keeps what a script sets for 7 days only.
  private askServer(id: string): void {
    if (!this.options.serverCookie) return;
    fetch(this.options.host.replace(/\/+$/, "") + "/sdk/id", { method: "POST", body: id, headers: { "Content-Type": "text/plain" }, credentials: "include", keepalive: true }).catch(() => {});
  }

  /** flush sends what waits now. */
  flush(): Promise<void> {
    return this.queue.flush();
  }

  /** optOut withdraws: nothing more is sent from this browser, and its id and what was not sent yet are forgotten. */
  optOut(): void {
    write(consentKey, "out");
    writeCookie(consentKey, "out", this.domain);
    this.queue.clear();
    for (const key of [idKey, userKey, "enishi_session"]) remove(key);
    writeCookie(idKey, "", this.domain);
    this.emit("consent", "out");
  }

  /** optIn agrees; the page that the visitor is on is the first thing sent. */
  optIn(): void {
    const before = this.allowed();
    write(consentKey, "in");
    writeCookie(consentKey, "in", this.domain);
    this.emit("consent", "in");
    if (before) return;
    this.refresh();
    if (this.shown) this.page();
  }

  /** What the visitor chose; undefined while they did not. A cookie holds it too, so that it is valid on sub-domains. */
  consent(): Consent | undefined {
    const chosen = readCookie(consentKey) ?? read(consentKey);
    return chosen === "in" || chosen === "out" ? chosen : undefined;
  }

  /** Whether events are sent and an id is kept. */
  allowed(): boolean {
    const chosen = this.consent();
    if (chosen) return chosen === "in";
    return this.options.consent !== "opt-in" && !asksFirst(zone()) && !(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;
  }

  /** push is how calls come that were made before this script was loaded: ["track", "Product Viewed", {...}]. */
  push(...calls: [string, ...unknown[]][]): void {
    for (const [name, ...args] of calls) {
      const f = (this as unknown as Record<string, unknown>)[name];
      if (typeof f === "function") f.apply(this, args);
      else console.warn("enishi: there is no call " + name);
    }
  }

  private send(type: Message["type"], content: Partial<Message>, options: CallOptions = {}): void {
    if (!this.allowed()) return;
    const m: Message = {
      type,
      messageId: options.messageId ?? uuid(),
      timestamp: options.timestamp ?? new Date().toISOString(),
      anonymousId: options.anonymousId ?? this.anonymousId(),
      userId: options.userId ?? this.userId(),
      ...content,
      context: { ...contextOf(this.referrer, Date.now()), ...options.context },
    };
    this.emit("message", m);
    this.queue.add(m);
  }
}
