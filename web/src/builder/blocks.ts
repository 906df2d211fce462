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

export const moved = (root: Block, place: Place, by: 1 | -1): Block =>
  among(root, place, (m, i) => (i + by < 0 || i + by >= m.length ? m : m.toSpliced(i, 1).toSpliced(i + by, 0, m[i])));

export const added = (root: Block, place: Place, b: Block): Block => {
  const parent = at(root, place);
  return replaced(root, place, { ...parent, blocks: [...(parent.blocks ?? []), b] });
};

/** A condition on a field, as it begins: the usual comparison, a value where there is a usual one. */
export function begun(field: LanguageField, name: string): Block {
  const b: Block = { kind: "value", field: name };
  switch (field.kind) {
    case "flag":
      return { ...b, operator: "true" };
    case "time":
      return { ...b, operator: ">", as: "ago", value: "30d" };
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

/** The kind of what is compared: of a list's measure that of its field, except that an average is a number. */
export const kindOf = (b: Block, field?: LanguageField): string => (b.quantity === "avg" && field?.kind !== "money" ? "number" : (field?.kind ?? ""));

/** A block whose operator was chosen: what is compared keeps its value where that still means something. */
export function compared(b: Block, kind: string, operator: string, as = ""): Block {
  const { as: oldAs, value, values, to, ...rest } = b;
  const counts = b.kind === "list" && !measures.includes(b.quantity ?? "");
  if (counts) return b;
  const next: Block = { ...rest, operator };
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
  if (kind === "time") return as === "now" ? { ...next, as } : { ...next, as: as as Block["as"], value: oldAs === as ? value : as === "ago" ? "30d" : "" };
  const number = kind === "whole" || kind === "money" || kind === "number" || (kind === "trait" && [">", ">=", "<", "<="].includes(operator));
  const was = value ?? values?.[0] ?? "";
  return { ...next, as: number ? "number" : "text", value: number && !/^-?\d+(\.\d+)?$/.test(was) ? "" : was };
}
