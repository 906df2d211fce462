import type { Block, LanguageField } from "../types";

// A block's place is the indices on the way to it. The server names it blocks, blocks.0, blocks.0.2.
export type Place = number[];
export const nameOf = (place: Place): string => ["blocks", ...place].join(".");

export const isGroup = (b: Block): boolean => b.kind === "all" || b.kind === "any" || b.kind === "none";

/** The builder stands in a group, even when the expression is a single condition. */
export const grouped = (b: Block): Block => (isGroup(b) ? b : { kind: "all", blocks: [b] });

/** The block with another one at a place; null takes it away. */
export function replaced(root: Block, place: Place, by: Block | null): Block {
  const [first, ...rest] = place;
  if (first === undefined) return by ?? { kind: "all", blocks: [] };
  const members = root.blocks ?? [];
  if (rest.length === 0 && by === null) return { ...root, blocks: members.filter((_, i) => i !== first) };
  return { ...root, blocks: members.map((m, i) => (i === first ? replaced(m, rest, by) : m)) };
}

export const at = (root: Block, place: Place): Block => place.reduce((b, i) => b.blocks![i], root);

/** The member at a place changed for others: none, itself moved, itself twice. */
function among(root: Block, place: Place, change: (members: Block[], i: number) => Block[]): Block {
  const parent = at(root, place.slice(0, -1));
  return replaced(root, place.slice(0, -1), { ...parent, blocks: change([...(parent.blocks ?? [])], place[place.length - 1]) });
}

export const duplicated = (root: Block, place: Place): Block => among(root, place, (m, i) => m.toSpliced(i, 0, structuredClone(m[i])));

/** The list whose elements the members at a place are about; empty: they are about the person. */
const contextOf = (root: Block, parent: Place): string => {
  for (let n = parent.length; n >= 0; n--) {
    const b = at(root, parent.slice(0, n));
    if (b.kind === "list") return parent.slice(0, n).join(".") + b.list;
  }
  return "";
};

const within = (outer: Place, inner: Place): boolean => outer.every((i, n) => inner[n] === i);

/** A block taken from one place and put before what stands at another; null where it cannot go. place is where it is then. */
export function relocated(root: Block, from: Place, to: Place): { root: Block; place: Place } | null {
  const parent = to.slice(0, -1);
  if (from.length === 0 || to.length === 0 || within(from, to.slice(0, -1)) || contextOf(root, from.slice(0, -1)) !== contextOf(root, parent)) return null;
  const block = at(root, from);
  const target = at(root, parent);
  const put = replaced(root, parent, { ...target, blocks: (target.blocks ?? []).toSpliced(to[to.length - 1], 0, block) });
  const old = [...from];
  if (parent.length < from.length && within(parent, from) && from[parent.length] >= to[to.length - 1]) old[parent.length]++;
  const place = [...to];
  const above = from.slice(0, -1);
  if (from.length <= to.length && within(above, to) && to[above.length] > from[above.length]) place[above.length]--;
  return { root: replaced(put, old, null), place };
}

/** One step up or down, into and out of groups on the way; null at the end. */
export function stepped(root: Block, place: Place, by: 1 | -1): { root: Block; place: Place } | null {
  const parent = place.slice(0, -1);
  const i = place[place.length - 1];
  const members = at(root, parent).blocks ?? [];
  const next = members[i + by];
  if (next) return relocated(root, place, isGroup(next) ? [...parent, i + by, by > 0 ? 0 : (next.blocks ?? []).length] : [...parent, by > 0 ? i + 2 : i - 1]);
  if (parent.length === 0) return null;
  return relocated(root, place, [...parent.slice(0, -1), parent[parent.length - 1] + (by > 0 ? 1 : 0)]);
}

/** Where to go on after a block was taken away: what follows it, else what was before it, else its group. */
export function besides(root: Block, place: Place): Place {
  const parent = place.slice(0, -1);
  const i = place[place.length - 1];
  const left = (at(root, parent).blocks ?? []).length - 1;
  return left > 0 ? [...parent, Math.min(i, left - 1)] : parent;
}

export const added = (root: Block, place: Place, b: Block): Block => {
  const parent = at(root, place);
  return replaced(root, place, { ...parent, blocks: [...(parent.blocks ?? []), b] });
};

/** A condition on a field, as it begins: the usual comparison, a value where there is a usual one. */
export function begun(field: { kind: string }, name: string): Block {
  const b: Block = { kind: "value", field: name };
  switch (field.kind) {
    case "flag":
      return { ...b, operator: "true" };
    case "time":
      return { ...b, operator: ">", as: "ago", value: "30d" };
    case "segment":
    case "onlist":
    case "top":
      return { ...b, operator: "true", as: "text", value: "" };
    case "birthday":
      return { ...b, operator: "true", as: "ago", value: "7d" };
    case "whole":
    case "money":
    case "number":
      return { ...b, operator: ">=", as: "number", value: "" };
    case "texts":
      return { ...b, operator: "has", as: "text", value: "" };
  }
  return { ...b, operator: "in", as: "text", values: [] };
}

/** A condition on a list begins with how often and since when. */
export function begunList(list: string, fields: LanguageField[]): Block {
  const time = fields.find((f) => f.collection === list && f.kind === "time");
  return { kind: "list", list, quantity: "at_least", value: "1", blocks: time ? [begun(time, time.name.slice(list.length + 1))] : [] };
}

export const measures = ["sum", "avg", "min", "max"];

/** A question is asked with a value and holds or does not: in_segment, in_list, top, birthday_within. */
export const isQuestion = (kind: string): boolean => ["segment", "onlist", "top", "birthday"].includes(kind);

/** The kind of what is compared: of a list's measure that of its field, except that an average is a number. */
export const kindOf = (b: Block, field?: LanguageField): string => (b.quantity === "avg" && field?.kind !== "money" ? "number" : (field?.kind ?? ""));

/** A block whose operator was chosen: what is compared keeps its value where that still means something. */
export function compared(b: Block, kind: string, operator: string, as = ""): Block {
  if (isQuestion(kind)) return { ...b, operator };
  const { as: oldAs, value, values, to, fold, ...rest } = b;
  const counts = b.kind === "list" && !measures.includes(b.quantity ?? "");
  if (counts) return b;
  const next: Block = { ...rest, operator, ...(fold && !["present", "missing", "true", "false", "<", "<=", ">", ">="].includes(operator) ? { fold } : {}) };
  switch (operator) {
    case "true":
    case "false":
    case "present":
    case "missing":
      return next;
    case "in":
    case "not in":
      return { ...next, as: "text", values: values ?? (value ? [value] : []) };
    case "between":
      return { ...next, as: "date", value: oldAs === "date" ? (value ?? "").slice(0, 10) : "", to: to ?? "" };
  }
  if (kind === "time") return as === "now" ? { ...next, as } : { ...next, as: as as Block["as"], value: oldAs === as ? value : as === "ago" ? "30d" : as === "calendar" ? "this_month" : "" };
  const number = kind === "whole" || kind === "money" || kind === "number" || (kind === "trait" && [">", ">=", "<", "<="].includes(operator));
  const was = value ?? values?.[0] ?? "";
  return { ...next, as: number ? "number" : "text", value: number && !/^-?\d+(\.\d+)?$/.test(was) ? "" : was };
}

/** The built-in rankings behind fields of the person. */
export const rfm: Record<string, string> = { rfm_r: "rfm-recency", rfm_f: "rfm-frequency", rfm_m: "rfm-monetary" };

/** Operators as the texts name them. */
export const codes: Record<string, string> = { "==": "eq", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le", in: "in", "not in": "not_in", contains: "contains", "not contains": "not_contains", startsWith: "starts", "not startsWith": "not_starts", endsWith: "ends", "not endsWith": "not_ends", present: "present", missing: "missing", true: "true", false: "false", between: "between", has: "has", "not has": "not_has" };
