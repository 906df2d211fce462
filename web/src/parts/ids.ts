const atOnce = 10_000; // lines of ids that one request carries, so that a large file shows how far it is

// The heads by which the server knows a column of ids: a part without its file's head would be read by its first column.
const heads = ["id", "profile_id", "customer_id", "email", "mail", "phone", "line_user_id"];

const headed = (line: string): boolean => line.replace(/^\ufeff/, "").split(",").some((c) => heads.includes(c.trim().replace(/^"|"$/g, "").toLowerCase()));

/** A text of ids in parts of so many lines, each with the head of its file. before is what a line's number is short of. */
export function parts(text: string, size = atOnce): { text: string; before: number }[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const out: { text: string; before: number }[] = [];
  let begin = 0;
  let quoted = false; // a cell in quotes may go on in the next line
  lines.forEach((line, i) => {
    if ((line.split('"').length - 1) % 2) quoted = !quoted;
    if ((quoted || i + 1 - begin < size) && i < lines.length - 1) return;
    const own = lines.slice(begin, i + 1).join("\n");
    const repeated = begin > 0 && headed(lines[0]);
    if (own.trim()) out.push({ text: repeated ? lines[0] + "\n" + own : own, before: repeated ? begin - 1 : begin });
    begin = i + 1;
  });
  return out;
}

/** How many lines of a text hold an id. */
export const idsIn = (text: string): number => {
  const lines = text.split(/\r?\n/).filter((l) => l.trim());
  return lines.length - (lines.length > 0 && headed(lines[0]) ? 1 : 0);
};
