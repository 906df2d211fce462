import { Anchor, Button, Card, Group, Loader, Modal, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, percent } from "../format";
import { pick } from "../i18n";
import { ProblemBox } from "./Page";

const previewOf = (expression: string, signal: AbortSignal) => request("post", "/segments/preview", { body: { expression }, signal });

/** Segments to start from: what each finds among the shop's own people is said before it is taken. */
export function SegmentGallery({ taken }: { taken: string[] }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [name, setName] = useState<string | null>(null);
  const gallery = useApi("/segments/gallery", {}, { staleTime: Infinity });
  const items = (gallery.data?.items ?? []).filter((g) => !taken.includes(g.name));
  const shown = gallery.data?.items.find((g) => g.name === name);
  const found = useQuery<Awaited<ReturnType<typeof previewOf>>, ApiError>({ queryKey: ["preview", shown?.expression], queryFn: ({ signal }) => previewOf(shown!.expression, signal), enabled: !!shown });
  if (items.length === 0) return null;
  return (
    <>
      <Text fw={700}>{t("segments.gallery")}</Text>
      <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }} spacing="md">
        {items.map((g) => (
          <Card key={g.name} withBorder padding="md" component="button" type="button" ta="left" style={{ cursor: "pointer" }} onClick={() => setName(g.name)}>
            <Text fw={600} size="sm">{pick(g.title)}</Text>
            <Text size="xs" c="dimmed">{pick(g.description)}</Text>
          </Card>
        ))}
      </SimpleGrid>
      <Modal opened={!!shown} onClose={() => setName(null)} title={<Text fw={700}>{pick(shown?.title)}</Text>} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
        <Stack gap="md">
          <Text size="sm">{pick(shown?.description)}</Text>
          {found.error && <ProblemBox error={found.error} />}
          {found.isPending && <Group gap="sm"><Loader size="xs" /><Text size="sm" c="dimmed">{t("segments.counting")}</Text></Group>}
          {found.data && (
            <div>
              <Text><Text span fz={24} fw={700} className="num">{t("segments.nPeople", { n: count(found.data.count) })}</Text> <Text span c="dimmed" size="sm">{t("segments.expected", { p: percent(found.data.share) })}</Text></Text>
              {shown && found.data.count > 0 && <Anchor component={Link} size="sm" to={`/people?where=${encodeURIComponent(shown.expression)}`}>{t("segments.seePeople")}</Anchor>}
            </div>
          )}
          <Text className="mono" c="dimmed" component="pre" m={0} style={{ whiteSpace: "pre-wrap" }}>{shown?.expression}</Text>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={() => setName(null)}>{t("cancel")}</Button>
            <Button onClick={() => void go(`/segments/new?from=${name}`)}>{t("segments.take")}</Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
