import { describe, expect, it, vi } from "vitest";
import { readFileSync } from "node:fs";
import { collector, host, key, pass, tab, visit, zone } from "./world";

describe("calls", () => {
  it("are Segment's, with who, where and when", async () => {
    const c = collector();
    visit("https://www.shop.example/p/1?utm_source=line&utm_campaign=autumn&gclid=g1&color=red");
    const e = await tab();
    e.track("Video Played", { seconds: 3 });
    e.identify("C1", { email: "hana@mail.example" });
    e.page("Category", "Name", { a: 1 });
    e.group("G1", { plan: "gold" });
    e.alias("C1");
    await pass(20);
    const events = c.events();
    expect(events.map((m) => m.type)).toEqual(["track", "identify", "page", "group", "alias"]);
    expect(new Set(events.map((m) => m.messageId)).size).toBe(5);
    expect(new Set(events.map((m) => m.anonymousId))).toEqual(new Set([e.anonymousId()]));
    expect(events.map((m) => m.userId)).toEqual([undefined, "C1", "C1", "C1", "C1"]);
    expect(events[0]).toMatchObject({ event: "Video Played", properties: { seconds: 3 } });
    expect(events[1].traits).toEqual({ email: "hana@mail.example" });
    expect(events[2]).toMatchObject({ category: "Category", name: "Name", properties: { a: 1 } });
    expect(events[3]).toMatchObject({ groupId: "G1", traits: { plan: "gold" } });
    expect(events[4].previousId).toBe(e.anonymousId());
    expect(events[0].context).toMatchObject({ campaign: { source: "line", name: "autumn" }, clickIds: { gclid: "g1" }, page: { path: "/p/1", url: location.href } });
  });

  it("for commerce are the names of the specification", async () => {
    const c = collector();
    const e = await tab();
    e.productViewed({ product_id: "P1", price: "1980" });
    e.productAddedToWishlist({ sku: "S1" });
    e.orderCompleted({ order_id: "O1", total: 1980 });
    await pass(20);
    expect(c.events().map((m) => m.event)).toEqual(["Product Viewed", "Product Added to Wishlist", "Order Completed"]);
  });

  it("made before the script is loaded are made then, before the page view", async () => {
    const c = collector();
    const script = document.createElement("script");
    script.src = host + "/w/shop/sdk.js";
    script.dataset.key = key;
    Object.defineProperty(document, "currentScript", { configurable: true, get: () => script });
    // The snippet of docs/sdk.md.
    const snippet = /<script>(window\.enishi.*?)<\/script>/.exec(readFileSync("README.md", "utf8"))![1];
    delete window.enishi;
    new Function(snippet)();
    const early = window.enishi as unknown as { track: (...a: unknown[]) => void; push: (...a: unknown[]) => void; productViewed: (p: unknown) => void };
    early.track("Early", { n: 1 });
    early.productViewed({ product_id: "P1" });
    early.push(["identify", "C1"]);
    vi.resetModules();
    await import("../src/script");
    (window.enishi as unknown as typeof early).track("Late");
    await pass(300);
    expect(c.events().map((m) => m.event ?? m.type)).toEqual(["Early", "Product Viewed", "identify", "page", "Late"]);
    vi.resetModules();
    await import("../src/script"); // the same element twice
    await pass(300);
    expect(c.events()).toHaveLength(5);
    delete window.enishi;
  });
});

describe("page views", () => {
  it("follow the history when asked to", async () => {
    const c = collector();
    const e = await tab({ pages: "history" });
    history.pushState({}, "", "/a");
    await pass(20);
    history.pushState({}, "", "/a#part"); // the same page
    await pass(20);
    history.pushState({}, "", "/b");
    await pass(20);
    expect(c.events().map((m) => (m.context.page as { path: string }).path)).toEqual(["/", "/a", "/b"]);
    expect((c.events()[2].context.page as { referrer: string }).referrer).toBe("https://www.shop.example/a");
    e.optOut();
  });
});

describe("ids", () => {
  it("are one for all tabs and sub-domains, and new after reset", async () => {
    const c = collector();
    const one = await tab();
    const two = await tab();
    expect(two.anonymousId()).toBe(one.anonymousId());
    expect(document.cookie).toContain("enishi_id=" + one.anonymousId());
    one.identify("C1");
    two.track("x");
    await pass(20);
    expect(c.events().find((m) => m.event === "x")!.userId).toBe("C1");
    const before = one.anonymousId();
    one.reset();
    expect(one.anonymousId()).not.toBe(before);
    expect(two.anonymousId()).toBe(one.anonymousId());
    expect(two.userId()).toBeUndefined();
  });

  it("outlive a cleared cookie or a cleared storage", async () => {
    collector();
    const id = (await tab()).anonymousId();
    localStorage.clear();
    expect((await tab()).anonymousId()).toBe(id);
    expect(localStorage.getItem("enishi_id")).toBe(id);
    document.cookie = "enishi_id=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=shop.example";
    expect((await tab()).anonymousId()).toBe(id);
    expect(document.cookie).toContain(id);
  });

  it("live as long as the page where storage is refused", async () => {
    const c = collector();
    vi.stubGlobal("localStorage", undefined);
    const e = await tab();
    e.track("a");
    e.track("b");
    await pass(20);
    expect(c.events()).toHaveLength(2);
    expect(new Set(c.events().map((m) => m.anonymousId)).size).toBe(1);
  });
});

describe("sessions", () => {
  it("keep the campaign for 30 minutes without an event", async () => {
    const c = collector();
    visit("https://www.shop.example/?utm_source=line");
    const e = await tab();
    e.track("a");
    visit("https://www.shop.example/next");
    await pass(29 * 60_000);
    e.track("b");
    await pass(31 * 60_000);
    e.track("c");
    await pass(20);
    const [a, b, d] = c.events().map((m) => m.context);
    expect([a.campaign, b.campaign, d.campaign]).toEqual([{ source: "line" }, { source: "line" }, undefined]);
    expect(b.sessionId).toBe(a.sessionId);
    expect(d.sessionId).not.toBe(a.sessionId);
  });

  it("carry the code of the live view in this tab", async () => {
    const c = collector();
    visit("https://www.shop.example/?enishi_debug=K7");
    (await tab()).track("a");
    visit("https://www.shop.example/next");
    (await tab()).track("b");
    await pass(20);
    expect(c.events().map((m) => m.context.debug)).toEqual(["K7", "K7"]);
  });
});

describe("bots", () => {
  it.each([
    ["Mozilla/5.0 (compatible; Googlebot/2.1)", false, true],
    ["Mozilla/5.0 HeadlessChrome/120", false, true],
    ["Mozilla/5.0 Chrome/120", true, true],
    ["Mozilla/5.0 (Linux; Android; Cubot X30) Chrome/120", false, false],
  ])("%s, driven %s", async (agent, driven, want) => {
    const c = collector();
    vi.spyOn(navigator, "userAgent", "get").mockReturnValue(agent);
    Object.defineProperty(navigator, "webdriver", { configurable: true, value: driven });
    (await tab()).track("a");
    await pass(20);
    expect(c.events()[0].context.bot ?? false).toBe(want);
    Object.defineProperty(navigator, "webdriver", { configurable: true, value: false });
  });
});

describe("consent", () => {
  const stored = () => Object.keys(localStorage).concat(document.cookie ? document.cookie.split("; ") : []);

  it.each([
    ["notice", "Asia/Tokyo", true],
    ["notice", "Europe/Berlin", false],
    ["notice", "Europe/London", false],
    ["notice", "Europe/Moscow", true],
    ["notice", "Atlantic/Reykjavik", false],
    ["opt-in", "Asia/Tokyo", false],
  ] as const)("%s in %s", async (consent, timeZone, sends) => {
    const c = collector();
    zone(timeZone);
    const e = await tab({ consent, pages: "load" });
    e.track("a");
    e.identify("C1");
    await pass(20);
    expect(c.events().length > 0).toBe(sends);
    if (sends) return;
    expect(stored()).toEqual([]);
    expect(e.anonymousId()).toBe("");
    e.optIn();
    e.track("b");
    await pass(20);
    expect(c.events().map((m) => m.event ?? m.type)).toEqual(["page", "b"]);
  });

  it("asks first where the browser asks for privacy", async () => {
    const c = collector();
    Object.defineProperty(navigator, "globalPrivacyControl", { configurable: true, value: true });
    (await tab()).track("a");
    await pass(20);
    expect(c.events()).toEqual([]);
    Object.defineProperty(navigator, "globalPrivacyControl", { configurable: true, value: undefined });
  });

  it("withdrawn in one tab ends all, with what was not sent yet", async () => {
    const c = collector();
    const one = await tab();
    const two = await tab();
    c.answers = Array<"cut">(20).fill("cut"); // the pause before the next try is a random one
    two.identify("C1");
    await pass(20);
    expect(stored().some((k) => k.startsWith("enishi_queue:"))).toBe(true);
    one.optOut();
    c.answers = [];
    expect(stored().sort()).toEqual(["enishi_consent", "enishi_consent=out"]);
    two.track("a");
    one.track("b");
    dispatchEvent(new Event("pagehide"));
    await pass(120_000);
    expect(c.events()).toEqual([]);
    expect(stored().sort()).toEqual(["enishi_consent", "enishi_consent=out"]);
    (await tab({ pages: "load" })).track("c");
    await pass(20);
    expect(c.events()).toEqual([]);
  });

  it("is withdrawn by a link", async () => {
    const c = collector();
    visit("https://www.shop.example/?enishi_optout");
    (await tab()).track("a");
    await pass(20);
    expect(c.events()).toEqual([]);
  });
});
