import { Button, Card, Group, MultiSelect, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { clock, count } from "../format";
import { pick } from "../i18n";
import { Loading, ProblemBox } from "./Page";

/** The segments whose members get messages without emoji. */
export function NoEmoji() {
  const { t } = useTranslation();
  const saved = useApi("/settings/{name}", { path: { name: "journeys" } }, { refetchOnWindowFocus: false });
  const segments = useApi("/segments", {}, { staleTime: 30_000 });
  const [now, setNow] = useState<string[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [at, setAt] = useState("");
  const failed = saved.error ?? segments.error;
  const kept = (saved.data?.body as { no_emoji?: string[] } | undefined)?.no_emoji ?? [];
  const chosen = now ?? kept;
  const save = async () => {
    try {
      const { no_emoji: _, ...rest } = saved.data!.body as Record<string, unknown>;
      await request("put", "/settings/{name}", { path: { name: "journeys" }, body: { body: chosen.length > 0 ? { ...rest, no_emoji: chosen } : rest, expect: saved.data!.version } });
      setAt(new Date().toISOString());
      setError(null);
      await saved.refetch();
      setNow(null);
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("noEmoji.title")}</Title>
      {failed && (!saved.data || !segments.data) ? <ProblemBox error={failed} retry={() => { void saved.refetch(); void segments.refetch(); }} /> : !saved.data || !segments.data ? <Loading lines={2} /> : (
        <Stack gap="md">
          <MultiSelect label={t("noEmoji.segments")} description={t("noEmoji.about")} placeholder={chosen.length > 0 ? undefined : t("noEmoji.nobody")} searchable clearable nothingFoundMessage={t("nav.nothing")} value={chosen} onChange={setNow}
            data={segments.data.items.map((s) => ({ value: s.name, label: `${pick(s.title) || s.name}${t("paren", { text: t("broadcast.nPeople", { n: count(s.members) }) })}` }))} />
          {error && <ProblemBox error={error} />}
          <Group justify="flex-end" gap="md">{at && <Text size="xs" c="dimmed" role="status">{t("mail.saved", { at: clock(at).slice(0, 5) })}</Text>}<Button disabled={JSON.stringify(chosen) === JSON.stringify(kept)} onClick={() => void save()}>{t("mail.save")}</Button></Group>
        </Stack>
      )}
    </Card>
  );
}
