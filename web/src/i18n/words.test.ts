import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import en from "./en.json";
import ja from "./ja.json";

type Tree = { [key: string]: string | Tree };
const flat = (tree: Tree, prefix = ""): Map<string, string> => new Map(Object.entries(tree).flatMap(([k, v]) => (typeof v === "string" ? [[prefix + k, v] as const] : [...flat(v, `${prefix}${k}.`)])));
const words = { ja: flat(ja as Tree), en: flat(en as Tree) };
const source = (dir: string): string => readdirSync(dir, { withFileTypes: true }).map((e) => (e.isDirectory() ? source(join(dir, e.name)) : /\.tsx?$/.test(e.name) && !e.name.includes(".test.") ? readFileSync(join(dir, e.name), "utf8") : "")).join("\n");
const text = source(join(import.meta.dirname, ".."));

// Keys stand in the source as text, or their family as `family.${...}`.
const used = new Set([...text.matchAll(/["'`]([a-zA-Z]+(?:\.[a-zA-Z0-9_]+)*)["'`]/g)].map((m) => m[1]));
const families = new Set([...text.matchAll(/`([a-zA-Z]+\.(?:[a-z_]+_)?)\$\{/g)].map((m) => m[1]));

test("both languages have the same keys", () => {
  // English has a singular, which Japanese has not.
  expect([...words.ja.keys()].sort()).toEqual([...words.en.keys()].filter((k) => !k.endsWith("_one")).sort());
});
test("no text is empty, and both take the same values", () => {
  const holes = (s: string) => [...s.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort().join();
  for (const [key, value] of words.ja) {
    expect(value.trim(), key).not.toBe("");
    expect(holes(words.en.get(key)!), key).toBe(holes(value));
  }
});
test("every key that is used is there", () => {
  const asked = [...text.matchAll(/\bt\("([^"]+)"/g)].map((m) => m[1]);
  expect(asked.filter((k) => !words.ja.has(k))).toEqual([]);
});
test("no key is unused", () => {
  expect([...words.ja.keys()].filter((k) => !used.has(k) && ![...families].some((f) => k.startsWith(f)))).toEqual([]);
});
test("Japanese texts are Japanese", () => {
  const allowed = /^(LINE|SMS|SNS|Instagram|Messenger|[^A-Za-z]*)$/;
  expect([...words.ja].filter(([, v]) => !/[ぁ-んァ-ヶ一-龠]/.test(v) && !allowed.test(v.replace(/\{\{\w+\}\}/g, "").trim())).map(([k]) => k)).toEqual([]);
});
