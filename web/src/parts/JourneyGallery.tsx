import { Badge, Button, Card, Group, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { pick } from "../i18n";
import type { JourneyExample } from "../types";
import { ProblemBox } from "./Page";

const fold = (s: string) => s.normalize("NFKC").toLowerCase();

/** Journeys to start from, below headings, with what the shop must have for each. */
export function JourneyGallery({ taken }: { taken: string[] }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [query, setQuery] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const gallery = useApi("/journeys/gallery", {}, { staleTime: 60_000 });
  const broadcasts = useApi("/broadcasts", {});
  const all = (gallery.data?.items ?? []).filter((g) => !taken.includes(g.name) && !broadcasts.data?.items.some((b) => b.name === g.name));
  const found = all.filter((g) => fold([g.title.ja, g.title.en, g.description.ja, g.description.en].join(" ")).includes(fold(query.trim())));
  const groups = found.map((g) => g.group).filter((g, i, list) => list.findIndex((x) => x.id === g.id) === i);
  const use = async (g: JourneyExample) => {
    try {
      await request("put", "/journeys/{name}", { path: { name: g.name }, body: { definition: g.definition, status: "draft", expect: 0, reason: "" } });
      void go(g.broadcast ? `/broadcasts/${g.name}` : `/journeys/${g.name}/edit`);
    } catch (e) {
      setError(e as ApiError);
    }
  };
  if (all.length === 0) return null;
  return (
    <Stack gap="md">
      <Group justify="space-between" align="end">
        <Title order={2} size="h5">{t("journeys.gallery")}</Title>
        <TextInput type="search" size="sm" w={{ base: "100%", xs: 260 }} aria-label={t("journeys.search")} placeholder={t("journeys.search")} value={query} onChange={(e) => setQuery(e.currentTarget.value)} />
      </Group>
      {error && <ProblemBox error={error} />}
      {found.length === 0 && <Text size="sm" c="dimmed" role="status">{t("journeys.noneFound")}</Text>}
      {groups.map((group) => (
        <Stack key={group.id} gap="xs" component="section" aria-label={pick(group.title)}>
          <Title order={3} size="h6">{pick(group.title)}</Title>
          <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }} spacing="md">
            {found.filter((g) => g.group.id === group.id).map((g) => <Example key={g.name} g={g} use={() => void use(g)} />)}
          </SimpleGrid>
        </Stack>
      ))}
    </Stack>
  );
}

function Example({ g, use }: { g: JourneyExample; use: () => void }) {
  const { t } = useTranslation();
  const unseen = g.events.filter((e) => !e.seen);
  return (
    <Card withBorder padding="md" style={{ display: "flex", flexDirection: "column" }}>
      <Text fw={600}>{pick(g.title)}</Text>
      <Text size="sm" c="dimmed" mb="xs">{pick(g.description)}</Text>
      <Group gap={6} mb="sm">
        <Badge size="sm" variant="light" color={g.purpose === "marketing" ? "grape" : "blue"} tt="none">{t(`purpose.${g.purpose}`)}</Badge>
        {g.channels.map((c) => <Badge key={c.channel} size="sm" variant="outline" color="gray" tt="none">{pick(c.title)}</Badge>)}
      </Group>
      {unseen.length > 0 && <Text size="xs" c="dimmed" mb="sm">{t(unseen.length < g.events.length ? "journeys.unseenSome" : "journeys.unseen", { events: unseen.map((e) => pick(e.title)).join(t("journeys.and")) })}</Text>}
      {g.segments.length > 0 && <Text size="xs" c="dimmed" mb="sm">{t("journeys.uses", { name: g.segments.map((s) => pick(s.title)).join(t("journeys.and")) })}</Text>}
      <Group mt="auto"><Button size="xs" variant="light" onClick={use}>{t("journeys.use")}</Button></Group>
    </Card>
  );
}
