import type { TemplateVariable } from "../types";

/** What a text takes in for a variable: a list is gone through, what is true or false decides whether something stands. */
export function codeOf(v: TemplateVariable): string {
  if (v.kind === "list") return `{% for line in ${v.name} %}{{ line.name }}  {{ line.price }} × {{ line.quantity }}\n{% endfor %}`;
  if (v.kind === "truth") return `{% if ${v.name} %}{% endif %}`;
  return `{{ ${v.name.includes("[].") ? v.name.replace(/^.*\[\]\./, "line.") : v.name} }}`;
}

const order = ["customer", "order", "cart", "line", "shipment", "product", "coupon", "links", "brand", "store", "other"];
const groupOf = (name: string) => (name.includes("[].") ? "line" : order.find((g) => name.startsWith(`${g}.`)) ?? "other");
const fold = (s: string) => s.normalize("NFKC").toLowerCase();

/**
 * The variables that fit a search, by the part that they belong to. The elements of all lists are one group, because they are the same
 * inside of a repetition; those of a list that the person has come before made-up ones. What is only a place for others to stand in, and
 * words that guide who writes, are not offered.
 */
export function grouped(all: TemplateVariable[], query: string): [string, TemplateVariable[]][] {
  const groups = new Map<string, Map<string, TemplateVariable>>(order.map((g) => [g, new Map()]));
  const asked = fold(query.trim());
  for (const v of all) {
    if (v.kind === "map" || v.kind === "words" || ![v.name, v.label.ja, v.label.en, v.value].some((s) => fold(s).includes(asked))) continue;
    const of = groups.get(groupOf(v.name))!;
    const before = of.get(codeOf(v));
    if (!before || (before.made_up && !v.made_up && v.value !== "")) of.set(codeOf(v), v);
  }
  return [...groups].filter(([, list]) => list.size > 0).map(([g, list]) => [g, [...list.values()]]);
}
