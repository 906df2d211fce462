import type { Look } from "./blocks";

/** What the compiler says of a place in the MJML. */
export interface Trouble { line: number; message: string }

/** Makes the HTML of MJML, styles inlined. The compiler is large and is loaded when a mail is edited. */
export async function compile(mjml: string): Promise<{ html: string; troubles: Trouble[] }> {
  const { default: run } = await import("mjml-browser");
  try {
    const { html, errors } = run(mjml, { validationLevel: "soft" });
    return { html: html.trim(), troubles: errors.map((e) => ({ line: e.line, message: e.message })) };
  } catch (e) {
    return { html: "", troubles: [{ line: 0, message: (e as Error).message }] };
  }
}

/** The colours and letters of a brand kit, where it says any. */
export function lookOf(brand: Record<string, unknown> | undefined, language: string, otherwise: Look): Look {
  const value = (name: string) => {
    const v = brand?.[name];
    return (typeof v === "string" ? v : (v as Record<string, string> | undefined)?.[language]) || "";
  };
  return { colour: value("colour") || otherwise.colour, text: value("colour_text") || otherwise.text, background: value("colour_background") || otherwise.background, font: value("font").replaceAll('"', "'") || otherwise.font };
}
