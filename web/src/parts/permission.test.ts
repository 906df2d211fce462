import { expect, test } from "vitest";
import { methodOf } from "./permission";

test("a method is taken apart", () => {
  expect(methodOf("form:signup@2")).toEqual({ kind: "form", name: "signup", version: "2" });
  expect(methodOf("form:a:b@2026-04")).toEqual({ kind: "form", name: "a:b", version: "2026-04" });
  expect(methodOf("double_opt_in")).toEqual({ kind: "double_opt_in", name: "", version: "" });
  expect(methodOf("")).toEqual({ kind: "", name: "", version: "" });
});
