import { describe, expect, it, vi } from "vitest";
import { collector, gone, online, pass, tab } from "./world";

const names = (c: { events: () => { event?: string }[] }) => c.events().map((m) => m.event);

describe("the queue", () => {
  it("gathers events into one request", async () => {
    const c = collector();
    const e = await tab();
    for (let i = 0; i < 5; i++) e.track("e" + i);
    await pass(20);
    expect(c.batches.map((b) => b.length)).toEqual([5]);
  });

  it("repeats what was not acknowledged, with the same ids", async () => {
    const c = collector();
    const e = await tab();
    c.answers = [503, "cut", "lost"];
    e.track("a");
    await pass(20);
    expect(c.events()).toEqual([]);
    await pass(10_000);
    expect(names(c)).toEqual(["a", "a"]); // once with the answer lost
    expect(new Set(c.events().map((m) => m.messageId)).size).toBe(1);
    expect(localStorage.length).toBe(2); // the id and the session: nothing waits
  });

  it("waits with jitter that grows, and as long as it is told", async () => {
    const c = collector();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const e = await tab();
    c.answers = [503, 503, { status: 429, headers: { "Retry-After": "30" } }];
    e.track("a");
    await pass(10); // refused
    expect(c.answers).toHaveLength(2);
    await pass(499);
    expect(c.answers).toHaveLength(2);
    await pass(2);
    expect(c.answers).toHaveLength(1);
    await pass(980);
    expect(c.answers).toHaveLength(1);
    e.track("b"); // must not shorten the wait
    await pass(10);
    expect(c.answers).toHaveLength(1);
    await pass(20);
    expect(c.answers).toHaveLength(0);
    await pass(31_900);
    expect(names(c)).toEqual([]);
    await pass(200);
    expect(names(c)).toEqual(["a", "b"]);
  });

  it("that waits after a failure is not hurried by more events", async () => {
    const c = collector();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const e = await tab();
    c.answers = [503];
    e.track("a");
    await pass(20);
    for (let i = 0; i < 150; i++) e.track("e" + i);
    await e.flush();
    await pass(400);
    expect(c.events()).toEqual([]);
    await pass(200);
    expect(c.events()).toHaveLength(151);
  });

  it("survives a reload without a connection", async () => {
    const c = collector();
    online(false);
    const e = await tab();
    e.track("a");
    await pass(1000);
    gone();
    await pass(10);
    c.beacons = []; // without a connection they go nowhere
    const next = await tab();
    next.track("b");
    await pass(1000);
    expect(c.batches).toEqual([]);
    online(true);
    await pass(1000);
    expect(c.batches.flat().map((m) => m.event)).toEqual(["a", "b"]);
  });

  it("of a tab that lives is not taken by another", async () => {
    const c = collector();
    c.answers = ["cut"];
    const one = await tab();
    one.track("a");
    await pass(20);
    const two = await tab();
    two.track("b");
    await pass(20);
    expect(names(c)).toEqual(["b"]);
    await pass(2000);
    expect(names(c)).toEqual(["b", "a"]);
  });

  it("of a closed tab is taken by one of two others", async () => {
    const c = collector();
    online(false);
    (await tab()).track("a");
    gone();
    await pass(10);
    c.beacons = [];
    await tab();
    await tab();
    online(true);
    await pass(2000);
    expect(names(c)).toEqual(["a"]);
  });

  it("is sent by a beacon when the page goes, and again by the next page", async () => {
    const c = collector();
    const e = await tab();
    e.track("a");
    gone();
    await tab();
    await pass(20);
    expect(c.beacons.flat().map((m) => m.event)).toContain("a");
    expect(c.batches.flat().map((m) => m.event)).toContain("a");
    expect(new Set(c.events().map((m) => m.messageId)).size).toBe(1);
  });

  it("drops the oldest when it is full, and says so", async () => {
    const c = collector();
    online(false);
    const e = await tab({ limit: 3 });
    let dropped = 0;
    e.on("dropped", (n) => (dropped += n));
    for (let i = 0; i < 5; i++) e.track("e" + i);
    online(true);
    await pass(20);
    expect(names(c)).toEqual(["e2", "e3", "e4"]);
    expect(dropped).toBe(2);
  });

  it("forgets what the server would refuse as too old", async () => {
    const c = collector();
    localStorage.setItem("enishi_queue:gone", JSON.stringify({ at: 0, items: [{ event: "old", timestamp: new Date(Date.now() - 8 * 86400_000).toISOString() }, { event: "fresh", timestamp: new Date().toISOString() }] }));
    await tab();
    await pass(20);
    expect(names(c)).toEqual(["fresh"]);
  });

  it("keeps requests under what browsers allow after a page's end", async () => {
    const c = collector();
    const e = await tab();
    for (let i = 0; i < 12; i++) e.track("e" + i, { text: "縁".repeat(3000) });
    await pass(20);
    expect(c.batches.length).toBeGreaterThan(1);
    expect(names(c)).toHaveLength(12);
    for (const b of c.batches) expect(new TextEncoder().encode(JSON.stringify(b)).length).toBeLessThan(48_000);
  });

  it("does not repeat what can only be refused again", async () => {
    const c = collector();
    const e = await tab();
    const refused = vi.fn();
    vi.spyOn(console, "warn").mockImplementation(() => {});
    e.on("rejected", refused);
    c.answers = [{ status: 400, body: { rejected: [{ index: 0, code: "missing", reason: "x", reason_ja: "y" }] } }];
    e.track("bad");
    await pass(60_000);
    e.track("good");
    await pass(20);
    expect(names(c)).toEqual(["good"]);
    expect(refused).toHaveBeenCalledTimes(1);
  });

  it("makes a batch that is too large smaller", async () => {
    const c = collector();
    const e = await tab();
    c.answers = [413];
    for (let i = 0; i < 4; i++) e.track("e" + i);
    await pass(20);
    expect(c.batches.map((b) => b.length)).toEqual([2, 2]);
  });
});
