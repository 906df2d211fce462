// A definition as lines that can be compared: what a person wrote, by its place, without what is made of it.

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const leaves = (v: Json): string[] => (v === null || v === "" ? [] : typeof v === "object" ? Object.values(v).flatMap(leaves) : [String(v)]);

function made(at: string, v: { [key: string]: Json }): Set<string> {
  const kind = (v.source as { kind?: string } | undefined)?.kind;
  if (kind === "blocks" || kind === "mjml") return new Set(["html"]);
  if (/\.source$/.test(at) && v.kind === "blocks") return new Set(["mjml"]);
  return new Set(/\.blocks\[\d+\]$/.test(at) ? ["id"] : []);
}

/** The lines of a definition. An entry of a list of words is one line: moving one does not change the others. */
export function linesOf(definition: unknown): string[] {
  const walk = (v: Json, at: string): string[] => {
    if (v === null || v === undefined || v === "") return [];
    if (typeof v !== "object") {
      const [first, ...rest] = String(v).split("\n");
      return [`${at}: ${first}`, ...rest];
    }
    if (/^words\[\d+\]$/.test(at)) return [leaves(v).join(" / ")];
    if (Array.isArray(v)) return v.flatMap((x, i) => walk(x, `${at}[${i}]`));
    const hidden = made(at, v);
    return Object.keys(v).sort().filter((k) => !hidden.has(k)).flatMap((k) => walk(v[k], at ? `${at}.${k}` : k));
  };
  return walk(definition as Json, "");
}
