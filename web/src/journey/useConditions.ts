import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { wordOf } from "./conditions";
import type { Definition } from "./model";
import { phrase } from "./phrase";

/** The question that gives the blocks of an expression; what is asked once is kept. */
export const blocksOf = (expression: string) => ({ queryKey: ["condition words", expression], queryFn: ({ signal }: { signal: AbortSignal }) => request("post", "/segments/blocks", { body: { expression }, signal }), staleTime: Infinity, retry: false });

/** The conditions of a journey's branches in words, by expression; those that no words are known for (yet) are missing. */
export function useConditions(d: Definition): Map<string, string> {
  const { t } = useTranslation();
  const all = [...new Set(Object.values(d.nodes ?? {}).flatMap((n) => (n.type === "branch" ? (n.branches ?? []).map((b) => b.if) : [])))].filter((x) => x.trim());
  const asked = all.filter((x) => !wordOf(x));
  const lang = useApi("/segments/language", {}, { staleTime: Infinity, enabled: asked.length > 0 });
  const answers = useQueries({ queries: asked.map(blocksOf) });
  const words = all.map((x) => {
    const known = wordOf(x);
    const blocks = known ? undefined : answers[asked.indexOf(x)]?.data?.blocks;
    return [x, known ? t(`known.${known}`) : blocks && lang.data ? phrase(blocks, lang.data.fields, t) : ""] as const;
  }).filter(([, word]) => word);
  const key = JSON.stringify(words);
  // The same words are the same map: the canvas is laid out by it.
  return useMemo(() => new Map(JSON.parse(key) as [string, string][]), [key]);
}
