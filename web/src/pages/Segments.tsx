import { Anchor, Button, Card, Checkbox, Group, Progress, Select, Stack, Table, Text, TextInput, Tooltip } from "@mantine/core";
import { IconFolder, IconSearch } from "@tabler/icons-react";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count } from "../format";
import { actor, pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { SegmentGallery } from "../parts/SegmentGallery";
import { SegmentTabs } from "../parts/SegmentTabs";
import { Spark } from "../parts/Spark";
import { Uses } from "../parts/UsedIn";
import type { Segment } from "../types";

const most = 6; // segments that are held against each other

export function Segments() {
  const { t } = useTranslation();
  const go = useNavigate();
  const [params, setParams] = useSearchParams();
  const [chosen, setChosen] = useState<string[]>([]);
  const segments = useApi("/segments", {}, { refetchInterval: 5_000 });
  const items = segments.data?.items ?? [];
  const [query, setQuery] = useState(params.get("q") ?? ""); // the address follows: typing must not wait for it
  const folder = params.get("folder");
  const set = (key: string, value: string | null) => setParams((p) => { if (value) p.set(key, value); else p.delete(key); return p; }, { replace: true });
  const folders = [...new Set(items.map((s) => s.folder))].sort((a, b) => Number(!a) - Number(!b) || a.localeCompare(b, "ja"));
  const fits = (s: Segment) => [s.name, s.title.ja, s.title.en, s.description.ja, s.description.en, s.owner, s.folder].some((x) => x.normalize("NFKC").toLowerCase().includes(query.trim().normalize("NFKC").toLowerCase()));
  const shown = items.filter((s) => (folder === null || s.folder === folder) && fits(s));
  const parts = folders.map((f) => [f, shown.filter((s) => s.folder === f)] as const).filter(([, all]) => all.length > 0);
  const toggle = (name: string) => setChosen((c) => (c.includes(name) ? c.filter((x) => x !== name) : [...c, name]));
  const overlap = () => void go(`/segments/overlap?${chosen.map((c) => `s=${encodeURIComponent(c)}`).join("&")}`);
  return (
    <Page title={t("nav.segments")} about={t("segments.about")} through={segments.data?.complete_through} actions={<Button size="xs" onClick={() => void go("/segments/new")}>{t("segments.new")}</Button>}>
      <SegmentTabs at="segments" />
      {segments.error && !segments.data && <ProblemBox error={segments.error} retry={() => void segments.refetch()} />}
      {!segments.data && !segments.error && <Loading />}
      {segments.data && items.length === 0 && <Empty title={t("segments.none")}>{t("segments.noneText")}</Empty>}
      {items.length > 0 && (
        <>
          <Group gap="md">
            <TextInput flex={1} miw={220} value={query} onChange={(e) => { setQuery(e.currentTarget.value); set("q", e.currentTarget.value); }} placeholder={t("segments.searchHint")} aria-label={t("segments.search")} leftSection={<IconSearch size={16} aria-hidden />} />
            {folders.some((f) => f) && <Select w={220} aria-label={t("segments.folder")} placeholder={t("segments.anyFolder")} clearable data={folders.filter((f) => f)} value={folder} onChange={(v) => set("folder", v)} />}
            <Button variant="default" disabled={chosen.length < 2 || chosen.length > most} onClick={overlap}>{t("segments.overlap")}{chosen.length > 0 && ` (${chosen.length})`}</Button>
          </Group>
          <Text size="xs" c="dimmed" mt={-8}>{chosen.length > most ? t("segments.tooMany", { n: most }) : t("segments.overlapHint", { n: most })}</Text>
          {shown.length === 0 && <Empty title={t("segments.noneFound")}>{t("segments.noneFoundText")}</Empty>}
          {shown.length > 0 && (
            <Card withBorder padding={0}>
              <div className="scroll">
                <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
                  <Table.Thead><Table.Tr><Table.Th w={44}><span className="skip">{t("segments.choose")}</span></Table.Th><Table.Th>{t("segments.name")}</Table.Th><Table.Th ta="right">{t("segments.members")}</Table.Th><Table.Th>{t("segments.trend")}</Table.Th><Table.Th>{t("segments.fresh")}</Table.Th><Table.Th>{t("segments.usedIn")}</Table.Th><Table.Th>{t("segments.owner")}</Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>
                    {parts.map(([f, all]) => (
                      <Fragment key={f}>
                        {(f !== "" || parts.length > 1) && (
                          <Table.Tr className="folder"><Table.Th colSpan={7} scope="colgroup"><Group gap={6}>{f && <IconFolder size={16} aria-hidden />}<Text size="sm" fw={700}>{f || t("segments.noFolder")}</Text><Text size="xs" c="dimmed">{t("segments.nSegments", { n: count(all.length) })}</Text></Group></Table.Th></Table.Tr>
                        )}
                        {all.map((s) => <Row key={s.name} segment={s} chosen={chosen.includes(s.name)} toggle={() => toggle(s.name)} />)}
                      </Fragment>
                    ))}
                  </Table.Tbody>
                </Table>
              </div>
            </Card>
          )}
        </>
      )}
      <SegmentGallery taken={items.map((s) => s.name)} />
    </Page>
  );
}

function Row({ segment: s, chosen, toggle }: { segment: Segment; chosen: boolean; toggle: () => void }) {
  const { t } = useTranslation();
  const before = s.sizes[0] ?? 0;
  const change = s.sizes.length > 1 ? s.members - before : 0;
  const trend = t("segments.trendLabel", { from: count(before), to: count(s.members) });
  return (
    <Table.Tr>
      <Table.Td><Checkbox size="sm" aria-label={t("segments.chooseOne", { name: pick(s.title) })} checked={chosen} onChange={toggle} /></Table.Td>
      <Table.Td miw={200}><Anchor component={Link} to={`/segments/${s.name}`} fw={600}>{pick(s.title)}</Anchor><Text size="xs" c="dimmed" lineClamp={1}>{pick(s.description)}</Text></Table.Td>
      <Table.Td ta="right" className="num"><Anchor component={Link} to={`/people?segment=${s.name}`}>{count(s.members)}</Anchor></Table.Td>
      <Table.Td><Tooltip label={trend} openDelay={300}><Group gap="sm" wrap="nowrap"><Spark values={s.sizes} label={trend} /><Text size="xs" c="dimmed" className="num">{change !== 0 && (change > 0 ? "+" : "−") + count(Math.abs(change))}</Text></Group></Tooltip></Table.Td>
      <Table.Td><State segment={s} /></Table.Td>
      <Table.Td><Uses of={s.used_in} /></Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}><Text size="sm">{actor(s.owner) || "—"}</Text></Table.Td>
    </Table.Tr>
  );
}

/** Whether the members are up to date, in words. */
function State({ segment: s }: { segment: Segment }) {
  const { t } = useTranslation();
  return (
    <Stack gap={2} maw={180}>
      <Text size="xs" fw={s.stale ? 400 : 600}>{s.stale ? pick(s.stale.text) : t("segments.current")}</Text>
      {s.progress && <Progress value={(100 * s.progress.done) / Math.max(1, s.progress.of)} w={110} aria-label={t("segments.progress")} />}
    </Stack>
  );
}
