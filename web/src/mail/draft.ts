import { useEffect, useRef, useState } from "react";
import { root } from "../api";
import type { TemplateDefinition, TemplateVariant } from "../types";
import { toMJML, type Look, type MailBlock } from "./blocks";
import { compile, type Trouble } from "./compile";

const key = (name: string) => `enishi-draft${root}-${name}`;

interface Kept { version: number; definition: TemplateDefinition }

function kept(name: string): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(key(name)) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

export function forget(name: string) {
  try {
    localStorage.removeItem(key(name));
  } catch {
    // private windows keep nothing
  }
}

/** What is being edited: with undo and redo, and kept on this device until it is saved. */
export function useDraft(name: string, version: number, saved: TemplateDefinition) {
  const [base, setBase] = useState(version);
  const [restored, setRestored] = useState(() => { const k = kept(name); return k !== null && k.version === version && JSON.stringify(k.definition) !== JSON.stringify(saved); });
  const [steps, setSteps] = useState(() => ({ list: [restored ? kept(name)!.definition : saved], at: 0 }));
  const last = useRef({ at: 0, what: "" });
  const now = steps.list[steps.at];
  const dirty = JSON.stringify(now) !== JSON.stringify(saved);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (!dirty) return forget(name);
      try {
        localStorage.setItem(key(name), JSON.stringify({ version: base, definition: now } satisfies Kept));
      } catch {
        // a full or private store: saving a version still works
      }
    }, 400);
    return () => clearTimeout(timer);
  }, [name, now, dirty, base]);
  /** what names the field: typing on in one is one step to undo. */
  const change = (to: TemplateDefinition, what = "") => {
    const joins = what !== "" && what === last.current.what && Date.now() - last.current.at < 1500;
    last.current = { at: Date.now(), what };
    setSteps(({ list, at }) => { const begun = list.slice(0, joins && at > 0 ? at : at + 1); return { list: [...begun, to].slice(-100), at: Math.min(begun.length, 99) }; });
  };
  const go = (by: number) => { last.current.what = ""; setSteps((s) => ({ ...s, at: Math.max(0, Math.min(s.list.length - 1, s.at + by)) })); };
  return { now, change, dirty, base, restored, canUndo: steps.at > 0, canRedo: steps.at < steps.list.length - 1, undo: () => go(-1), redo: () => go(1), saved: (v: number) => { setBase(v); setRestored(false); forget(name); },
    discard: () => { forget(name); setRestored(false); change(saved); } };
}

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
