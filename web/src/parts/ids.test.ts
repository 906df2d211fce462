import { expect, test } from "vitest";
import { idsIn, parts } from "./ids";

test("every part of a file has its head, and lines keep their numbers", () => {
  const file = "\ufeffname,Email\r\n" + ["a", "b", "c", "d", "e"].map((x) => `${x},${x}@x.example`).join("\r\n") + "\r\n";
  const got = parts(file, 2);
  expect(got.map((p) => p.text)).toEqual(["name,Email\na,a@x.example", "name,Email\nb,b@x.example\nc,c@x.example", "name,Email\nd,d@x.example\ne,e@x.example"]);
  // c stands in line 4 of the file and in line 3 of its part.
  expect(got.map((p) => p.before)).toEqual([0, 1, 3]);
  expect(idsIn(file)).toBe(5);
});
test("lines without a head are cut as they are", () => {
  expect(parts("a\nb\n\nc", 2)).toEqual([{ text: "a\nb", before: 0 }, { text: "\nc", before: 2 }]);
  expect(idsIn("a\nb\n\nc")).toBe(3);
  expect(parts("", 2)).toEqual([]);
});
test("a cell that goes on in the next line is not cut", () => {
  expect(parts('id,note\n1,"two\nlines"\n2,x', 2).map((p) => p.text)).toEqual(['id,note\n1,"two\nlines"', "id,note\n2,x"]);
});
