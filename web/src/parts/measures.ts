// What people are put in order by, as a form has it: a field of the person, so much of a list, or whatever is written.
export interface Measured { kind: "field" | "list" | "text"; text: string; quantity: string; list: string; field: string; time: string; days: string }

const none: Measured = { kind: "text", text: "", quantity: "count", list: "", field: "", time: "", days: "" };

export const quantities = ["count", "sum", "avg", "max", "min"];

/** The measure of an expression; what has no other form is text. */
export function readMeasure(text: string, fields: string[]): Measured {
  if (fields.includes(text)) return { ...none, kind: "field", text };
  const counted = /^count\((\w+)(?:, \.(\w+) > ago\("(\d+)d"\))?\)$/.exec(text);
  if (counted) return { ...none, kind: "list", text, list: counted[1], time: counted[2] ?? "", days: counted[3] ?? "" };
  const all = /^(sum|avg|max|min)\((\w+), \.(\w+)\)$/.exec(text);
  if (all) return { ...none, kind: "list", text, quantity: all[1], list: all[2], field: all[3] };
  const some = /^(sum|avg|max|min)\(filter\((\w+), \.(\w+) > ago\("(\d+)d"\)\), \.(\w+)\)$/.exec(text);
  if (some) return { kind: "list", text, quantity: some[1], list: some[2], time: some[3], days: some[4], field: some[5] };
  return { ...none, text };
}

/** The expression of a measure of a list; time is the list's field that days are counted by. */
export function writeMeasure(m: Measured): string {
  const recent = m.time && Number(m.days) > 0 ? `.${m.time} > ago("${m.days}d")` : "";
  if (m.quantity === "count") return `count(${m.list}${recent && ", " + recent})`;
  return `${m.quantity}(${recent ? `filter(${m.list}, ${recent})` : m.list}, .${m.field})`;
}
