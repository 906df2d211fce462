import { useMemo } from "react";
import { useApi } from "../api";
import i18n, { language, pick, type Text } from "../i18n";
import type { Titles } from "./words";

/** What journeys refer to, by the titles that people know. */
export function useTitles(): Titles {
  const templates = useApi("/templates", {}, { staleTime: 30_000 });
  const segments = useApi("/segments", {}, { staleTime: 30_000 });
  const journeys = useApi("/journeys", {}, { staleTime: 30_000 });
  const traits = useApi("/segments/values", { query: { field: "traits" } }, { staleTime: 60_000 });
  const spoken = language();
  return useMemo(() => {
    const of = (items: { name: string; title: Text }[] | undefined) => new Map((items ?? []).map((x) => [x.name, pick(x.title) || x.name]));
    return { template: of(templates.data?.items), segment: of(segments.data?.items), journey: of(journeys.data?.items), trait: new Map((traits.data?.items ?? []).map((v): [string, string] => [v.value, pick(v.label) || v.value])).set("birthday", i18n.t("build.birthday")) };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [templates.data, segments.data, journeys.data, traits.data, spoken]);
}
