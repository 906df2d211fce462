import { useEffect, useState } from "react";
import type { TemplateDefinition, TemplateVariant } from "../types";
import { toMJML, type Look, type MailBlock } from "./blocks";
import { compile, type Trouble } from "./compile";

/** The variant with the HTML of its source. */
export async function finished(v: TemplateVariant, look: Look, language: string): Promise<{ variant: TemplateVariant; troubles: Trouble[] }> {
  const source = v.source;
  if (!source || source.kind === "html") return { variant: v, troubles: [] };
  const mjml = source.kind === "blocks" ? toMJML((source.blocks ?? []) as MailBlock[], look, language) : (source.mjml ?? "");
  const { html, troubles } = await compile(mjml);
  return { variant: { ...v, html, source: { ...source, mjml } }, troubles };
}

export async function finishedAll(d: TemplateDefinition, look: (language: string) => Look): Promise<TemplateDefinition> {
  if (d.channel !== "email") return d;
  const variants: Record<string, TemplateVariant> = {};
  for (const [language, v] of Object.entries(d.variants)) variants[language] = (await finished(v, look(language), language)).variant;
  return { ...d, variants };
}

/** What is being edited with its HTML, a moment after the last change. */
export function useFinished(d: TemplateDefinition, language: string, look: Look) {
  const [done, setDone] = useState<{ definition: TemplateDefinition; troubles: Trouble[] } | null>(null);
  const colours = JSON.stringify(look);
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(async () => {
      const v = d.variants[language];
      const made = v && d.channel === "email" ? await finished(v, JSON.parse(colours) as Look, language) : { variant: v, troubles: [] };
      if (!gone) setDone({ definition: v ? { ...d, variants: { ...d.variants, [language]: made.variant } } : d, troubles: made.troubles });
    }, 250);
    return () => { gone = true; clearTimeout(timer); };
  }, [d, language, colours]);
  return done;
}
