import { expect, test } from "vitest";
import type { TemplateVariable } from "../types";
import { codeOf, grouped } from "./insertable";

const v = (name: string, kind: TemplateVariable["kind"] = "text", value = "", made_up = false): TemplateVariable => ({ name, kind, value, made_up, label: { ja: name === "customer.points" ? "ポイント残高" : "", en: "" }, example: "", from: "message" });
const names = (all: TemplateVariable[], query = "") => Object.fromEntries(grouped(all, query).map(([g, list]) => [g, list.map((x) => `${x.name}=${x.value}`)]));

test("a list becomes a repetition, a truth a condition, an element what it is called inside", () => {
  expect(codeOf(v("customer.points"))).toBe("{{ customer.points }}");
  expect(codeOf(v("order.lines", "list"))).toBe("{% for line in order.lines %}{{ line.name }}  {{ line.price }} × {{ line.quantity }}\n{% endfor %}");
  expect(codeOf(v("order.lines[].price"))).toBe("{{ line.price }}");
  expect(codeOf(v("order.is_gift", "truth"))).toBe("{% if order.is_gift %}{% endif %}");
});
test("groups keep their order; places for others and words for writers are left out", () => {
  expect(names([v("language"), v("brand.tone", "words"), v("brand.name"), v("properties", "map"), v("customer.points")])).toEqual({ customer: ["customer.points="], brand: ["brand.name="], other: ["language="] });
  expect(grouped([v("language"), v("customer.points")], "").map(([g]) => g)).toEqual(["customer", "other"]);
});
test("elements are offered once, the person's own before made-up ones", () => {
  const made = v("order.lines[].name", "text", "見本", true);
  expect(names([made, v("cart.lines[].name", "text", "美容液")])).toEqual({ line: ["cart.lines[].name=美容液"] });
  expect(names([made, v("cart.lines[].name")])).toEqual({ line: ["order.lines[].name=見本"] });
});
test("a search looks at words, names and values, in any width", () => {
  const all = [v("customer.points", "number", "1200"), v("customer.full_name", "text", "佐藤 花子")];
  expect(names(all, "ﾎﾟｲﾝﾄ")).toEqual({ customer: ["customer.points=1200"] });
  expect(names(all, " FULL_")).toEqual({ customer: ["customer.full_name=佐藤 花子"] });
  expect(names(all, "花子")).toEqual({ customer: ["customer.full_name=佐藤 花子"] });
  expect(names(all, "ない")).toEqual({});
});
