import { Anchor, Badge, Button, Card, Group, Progress, SimpleGrid, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { useApi } from "../api";
import { count } from "../format";
import { pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox, Through } from "../parts/Page";

export function Segments() {
  const { t } = useTranslation();
  const go = useNavigate();
  const segments = useApi("/segments", {}, { refetchInterval: 5_000 });
  const gallery = useApi("/segments/gallery", {}, { staleTime: Infinity });
  const journeys = useApi("/journeys", {}, { staleTime: 60_000 });
  const titles = new Map((journeys.data?.items ?? []).map((j) => [j.name, pick(j.title)]));
  const items = segments.data?.items ?? [];
  const left = (gallery.data?.items ?? []).filter((g) => !items.some((s) => s.name === g.name));
  return (
    <Page title={t("nav.segments")} about={t("segments.about")} through={segments.data?.complete_through} actions={<Button size="xs" onClick={() => void go("/segments/new")}>{t("segments.new")}</Button>}>
      {segments.error && !segments.data && <ProblemBox error={segments.error} retry={() => void segments.refetch()} />}
      {!segments.data && !segments.error && <Loading />}
      {segments.data && items.length === 0 && <Empty title={t("segments.none")}>{t("segments.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("segments.name")}</Table.Th><Table.Th ta="right">{t("segments.members")}</Table.Th><Table.Th>{t("segments.usedIn")}</Table.Th><Table.Th>{t("segments.fresh")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((s) => (
                  <Table.Tr key={s.name}>
                    <Table.Td miw={220}><Anchor component={Link} to={`/segments/${s.name}`} fw={600}>{pick(s.title)}</Anchor><Text size="xs" c="dimmed" lineClamp={1}>{pick(s.description)}</Text></Table.Td>
                    <Table.Td ta="right" className="num"><Anchor component={Link} to={`/people?segment=${s.name}`}>{count(s.members)}</Anchor></Table.Td>
                    <Table.Td><Group gap={4}>{s.used_in.map((j) => <Badge key={j} component={Link} to={`/journeys/${j}`} variant="light" style={{ cursor: "pointer" }}>{titles.get(j) || j}</Badge>)}</Group></Table.Td>
                    <Table.Td>{s.progress ? <Progress value={(100 * s.progress.done) / Math.max(1, s.progress.of)} w={100} aria-label={t("segments.progress")} /> : <Through at={s.complete_through} />}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {left.length > 0 && (
        <>
          <Text fw={700}>{t("segments.gallery")}</Text>
          <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }} spacing="md">
            {left.map((g) => (
              <Card key={g.name} withBorder padding="md" component={Link} to={`/segments/new?from=${g.name}`} className="plain">
                <Text fw={600} size="sm">{pick(g.title)}</Text>
                <Text size="xs" c="dimmed">{pick(g.description)}</Text>
              </Card>
            ))}
          </SimpleGrid>
        </>
      )}
    </Page>
  );
}
