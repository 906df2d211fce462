import { expect, test } from "vitest";
import { changes, compare } from "./diff";
import { linesOf } from "./lines";

const shown = (a: string, b: string) => compare(a.split(""), b.split("")).map((r) => (r.same ? r.left : `${r.left ?? ""}>${r.right ?? ""}`)).join(" ");

test("what stayed stays, what changed stands side by side", () => {
  expect(shown("abc", "abc")).toBe("a b c");
  expect(shown("abc", "axc")).toBe("a b>x c");
  expect(shown("abc", "abxc")).toBe("a b >x c");
  expect(shown("abcd", "ad")).toBe("a b> c> d");
  expect(shown("abcdef", "bcxxef")).toBe("a> b c d>x >x e f");
  expect(compare([], ["a"])).toEqual([{ left: null, right: "a", same: false }]);
});
test("both sides are whole, also of very long texts", () => {
  const a = Array.from({ length: 3000 }, (_, i) => `a${i % 7}`);
  const b = Array.from({ length: 2500 }, (_, i) => `b${i % 5}`);
  const rows = compare(["same", ...a, "end"], ["same", ...b, "end"]);
  expect(rows.flatMap((r) => r.left ?? [])).toEqual(["same", ...a, "end"]);
  expect(rows.flatMap((r) => r.right ?? [])).toEqual(["same", ...b, "end"]);
  expect(rows.filter((r) => r.same)).toHaveLength(2);
});
test("only what is around a change is shown", () => {
  const got = changes(compare("abcdefghij".split(""), "abcdeXghij".split("")), 1);
  expect(got.map((r) => (typeof r === "number" ? r : r.right))).toEqual([4, "e", "X", "g", 3]);
  expect(changes(compare(["a"], ["a"]))).toEqual([1]);
});
test("the lines of a template are what a person wrote in it", () => {
  const block = { id: "1", kind: "text", text: "一行目\n二行目" };
  const variant = { subject: "件名", html: "<p>made</p>", source: { kind: "blocks", mjml: "<mjml>made</mjml>", blocks: [block] } };
  const lines = linesOf({ channel: "email", variants: { ja: variant } });
  expect(lines).toContain("variants.ja.subject: 件名");
  expect(lines).toContain("variants.ja.source.blocks[0].text: 一行目");
  expect(lines).toContain("二行目");
  expect(lines.join("\n")).not.toMatch(/made|\.id/);
  expect(linesOf({ variants: { ja: { html: "<p>\nown</p>", source: { kind: "html" } } } })).toContain("own</p>");
  expect(linesOf({ variants: { ja: { html: "<p>made</p>", source: { kind: "mjml", mjml: "<mjml>" } } } }).join()).toBe("variants.ja.source.kind: mjml,variants.ja.source.mjml: <mjml>");
  expect(linesOf({ words: [{ word: "若返", why: { ja: "わけ", en: "why" } }] })).toEqual(["若返 / わけ / why"]);
});
