import { keys, parse, read, remove, write } from "./storage";
import type { Message, Rejected } from "./types";

const prefix = "enishi_queue:";
const batchBytes = 48_000; // browsers allow 64 KiB for all requests that outlive their page
const batchSize = 100;
const oldest = 6.5 * 24 * 3600_000; // the server takes browsers' events of the last 7 days
const abandoned = 10 * 60_000; // without locks: when a queue that nobody wrote to counts as left behind
const shortest = 1000;
const longest = 60_000;

interface Kept {
  at: number;
  items: Message[];
}

export interface QueueConfig {
  url: string; // of the collector's batch call
  writeKey: string;
  linger: number; // ms
  limit: number; // events
  allowed: () => boolean; // asked before each request: consent may have been withdrawn in another tab
  rejected: (list: Rejected[]) => void;
  dropped: (n: number) => void; // because the queue was full
}

/**
 * Queue sends messages in batches and keeps them in localStorage until the collector has them: over reloads, and while there is
 * no connection. Each tab writes to a queue of its own and holds a lock of its name; what a closed tab left behind is taken over
 * by one other. A message may reach the collector twice (the answer was lost, the page went away): its messageId makes it one.
 */
export class Queue {
  private items: Message[] = [];
  private key = "";
  private size = batchSize;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting = false; // after a failure: the timer is not to be shortened
  private sending: Promise<void> | undefined;
  private inFlight = 0;
  private abort: AbortController | undefined;
  private release: (() => void) | undefined;

  constructor(private cfg: QueueConfig) {
    this.open();
  }

  /** open begins a queue of this tab and takes over what others left behind. */
  open(): void {
    this.key = prefix + Math.random().toString(36).slice(2);
    this.hold();
    this.adopt();
  }

  private hold(): void {
    const locks = globalThis.navigator?.locks;
    if (!locks) return;
    locks.request(this.key, () => new Promise<void>((done) => (this.release = done))).catch(() => {});
  }

  private adopt(): void {
    const locks = globalThis.navigator?.locks;
    for (const key of keys(prefix)) {
      if (key === this.key) continue;
      if (locks) locks.request(key, { ifAvailable: true }, (lock) => void (lock && this.take(key))).catch(() => {});
      else if (Date.now() - (parse<Kept>(read(key))?.at ?? 0) > abandoned) this.take(key);
    }
  }

  private take(key: string): void {
    const items = parse<Kept>(read(key))?.items ?? [];
    const fresh = items.filter((m) => Date.now() - Date.parse(m.timestamp) < oldest);
    this.items.splice(this.inFlight, 0, ...fresh);
    this.keep();
    remove(key);
    this.soon(0);
  }

  private keep(): void {
    if (this.items.length) write(this.key, JSON.stringify({ at: Date.now(), items: this.items }));
    else remove(this.key);
  }

  add(m: Message): void {
    this.items.push(m);
    const over = this.items.length - this.cfg.limit;
    if (over > 0) {
      this.items.splice(this.inFlight, over);
      this.cfg.dropped(over);
    }
    this.keep();
    this.soon(this.items.length >= batchSize ? 0 : this.cfg.linger);
  }

  private soon(ms: number): void {
    if (this.timer !== undefined) {
      if (this.waiting || ms > 0) return;
      clearTimeout(this.timer);
    }
    this.timer = setTimeout(() => void this.flush(true), ms);
  }

  /** flush sends what waits and resolves when it is sent, or when it cannot be sent now. */
  flush(due = false): Promise<void> {
    if (this.waiting && !due) return Promise.resolve();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = false;
    this.sending ??= this.send().finally(() => (this.sending = undefined));
    return this.sending;
  }

  /** online tries at once: waiting was for the connection. */
  online(): void {
    this.failures = 0;
    void this.flush(true);
  }

  private async send(): Promise<void> {
    while (this.items.length) {
      if (!this.cfg.allowed()) return this.clear();
      if (navigator.onLine === false) return; // online() goes on
      const batch = this.batch(this.items);
      this.inFlight = batch.length;
      this.abort = typeof AbortController === "function" ? new AbortController() : undefined;
      const body = this.body(batch);
      let answer: Response;
      try {
        // text/plain is a simple request: browsers send it to another origin without asking first.
        answer = await fetch(this.cfg.url, { method: "POST", body, headers: { "Content-Type": "text/plain" }, credentials: "omit", keepalive: bytes(body) <= batchBytes, signal: this.abort?.signal });
      } catch {
        this.inFlight = 0;
        if (this.items.length) this.later();
        return;
      }
      this.inFlight = 0;
      if (answer.ok || this.final(answer.status, batch.length)) {
        this.items.splice(0, batch.length);
        this.keep();
        this.failures = 0;
        this.size = batchSize;
        await this.tell(answer);
      } else if (answer.status === 413) {
        this.size = batch.length >> 1;
      } else {
        return this.later(Number(answer.headers.get("Retry-After")) * 1000);
      }
    }
  }

  /** final tells whether sending the same again can only be refused again. */
  private final(status: number, length: number): boolean {
    if (status === 413) return length === 1;
    return status >= 400 && status < 500 && status !== 401 && status !== 408 && status !== 425 && status !== 429;
  }

  private async tell(answer: Response): Promise<void> {
    const said = (await answer.json().catch(() => ({}))) as { rejected?: Rejected[]; detail?: string; detail_ja?: string };
    if (said.rejected?.length) this.cfg.rejected(said.rejected);
    else if (!answer.ok) this.cfg.rejected([{ index: 0, code: String(answer.status), reason: said.detail ?? "", reason_ja: said.detail_ja ?? "" }]);
  }

  /** later waits with full jitter, so that browsers that failed together do not come back together. */
  private later(asked = 0): void {
    const most = Math.min(longest, shortest * 2 ** this.failures++);
    this.waiting = true;
    this.timer = setTimeout(() => void this.flush(true), (asked || 0) + Math.random() * most);
  }

  private batch(from: Message[]): Message[] {
    let n = 0;
    for (let sum = 0; n < from.length && n < this.size; n++) {
      sum += bytes(JSON.stringify(from[n])) + 1;
      if (n && sum > batchBytes - 200) break;
    }
    return from.slice(0, n);
  }

  private body(batch: Message[]): string {
    return JSON.stringify({ batch, sentAt: new Date().toISOString(), writeKey: this.cfg.writeKey });
  }

  /**
   * leave is for pages that go away: the browser sends a beacon after them. Nobody learns whether it arrived, so the messages
   * stay in the queue too, for the next page.
   */
  leave(): void {
    if (this.cfg.allowed()) {
      for (let rest = this.items.slice(this.inFlight); rest.length; ) {
        const batch = this.batch(rest);
        if (!navigator.sendBeacon?.(this.cfg.url, new Blob([this.body(batch)], { type: "text/plain" }))) break;
        rest = rest.slice(batch.length);
      }
    } else {
      this.clear();
    }
    this.release?.();
    this.release = undefined;
  }

  /** back is for pages that come back as they were: their queue may have been taken over meanwhile. */
  back(): void {
    this.items = [];
    this.open();
  }

  /** clear forgets everything unsent, of all tabs, and stops what is on its way. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = false;
    this.items = [];
    this.inFlight = 0;
    this.abort?.abort();
    for (const key of keys(prefix)) remove(key);
    remove(this.key);
  }
}

const bytes = (s: string): number => new TextEncoder().encode(s).length;
