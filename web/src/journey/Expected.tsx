import { Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { pick } from "../i18n";
import type { Definition, Entry } from "./model";

const ask = (name: string, entry: Entry, signal: AbortSignal) => request("post", "/journeys/{name}/expected", { path: { name }, body: { definition: { entry } as never }, signal });
type Answer = Awaited<ReturnType<typeof ask>>;

/** How many people would enter in a month, from own history; nothing until it is known. */
export function ExpectedEntries({ name, d }: { name: string; d: Definition }) {
  const { t } = useTranslation();
  const [entry] = useDebouncedValue(d.entry, 500);
  const begins = name !== "" && Boolean(entry.event || entry.events?.length || entry.segment || entry.date || entry.called);
  const { data } = useQuery<Answer, ApiError>({ enabled: begins, queryKey: ["journey expected", name, entry], queryFn: ({ signal }) => ask(name, entry, signal), placeholderData: keepPreviousData, retry: false, staleTime: 300_000 });
  if (!data || !begins) return null;
  return <Text size="sm" role="status"><Text span c="dimmed">{t("build.expected")} </Text>{pick(data.sentence)}</Text>;
}
