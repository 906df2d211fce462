import { Anchor, Badge, Button, Card, Group, Stack, Table, Text, TextInput, Title, useComputedColorScheme } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { ago, count, instant, percent, short } from "../format";
import { joined, pick } from "../i18n";
import { Chart } from "../parts/Chart";
import { DataTabs } from "../parts/DataTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { Spark } from "../parts/Spark";

/** What comes in: types of events, how many, and how their properties change. */
export function EventTypes() {
  const [params] = useSearchParams();
  const type = params.get("type");
  return type ? <One type={type} /> : <All />;
}

function All() {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const all = useApi("/event-types", {}, { refetchInterval: 15_000 });
  const items = all.data?.items ?? [];
  const shown = items.filter((x) => `${x.type} ${x.label.ja} ${x.label.en}`.toLowerCase().includes(q.toLowerCase()));
  return (
    <Page title={t("nav.data")} about={t("types.about")} through={all.data?.complete_through}>
      <DataTabs at="/sources/events" />
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading />}
      {all.data && items.length === 0 && <Empty title={t("sources.none")} action={<Button component={Link} to="/sources" variant="default" size="xs">{t("types.toSources")}</Button>}>{t("sources.noneText")}</Empty>}
      {items.length > 0 && (
        <>
          <TextInput aria-label={t("types.search")} placeholder={t("types.search")} value={q} onChange={(e) => setQ(e.currentTarget.value)} maw={320} />
          <Card withBorder padding={0}>
            <div className="scroll">
              <Table verticalSpacing="sm" horizontalSpacing="md">
                <Table.Thead><Table.Tr><Table.Th>{t("event")}</Table.Th><Table.Th ta="right">{t("sources.day")}</Table.Th><Table.Th ta="right">{t("sources.month")}</Table.Th><Table.Th>{t("types.perDay")}</Table.Th><Table.Th>{t("types.first")}</Table.Th><Table.Th>{t("sources.last")}</Table.Th><Table.Th>{t("types.from")}</Table.Th><Table.Th ta="right">{t("types.refused")}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {shown.map((x) => (
                    <Table.Tr key={x.type}>
                      <Table.Td>
                        <Anchor component={Link} size="sm" fw={600} to={`/sources/events?type=${encodeURIComponent(x.type)}`}>{pick(x.label)}</Anchor>
                        <Group gap={6}>{x.own && <Badge size="sm" variant="light" color="gray">{t("types.own")}</Badge>}{x.drift > 0 && <Badge size="sm" variant="light" color="orange">{t("types.drift", { count: x.drift })}</Badge>}</Group>
                      </Table.Td>
                      <Table.Td ta="right" className="num">{x.day ? <Anchor component={Link} size="sm" to={`/live?type=${encodeURIComponent(x.type)}`}>{count(x.day)}</Anchor> : 0}</Table.Td>
                      <Table.Td ta="right" className="num">{count(x.month)}</Table.Td>
                      <Table.Td><Spark values={x.per_day} label={t("types.perDayOf", { type: pick(x.label) })} /></Table.Td>
                      <Table.Td className="num">{short(x.first_at)}</Table.Td><Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{ago(x.last_at)}</Table.Td>
                      <Table.Td><Text size="sm" lineClamp={2}>{joined(x.sources.slice(0, 4).map((s) => pick(s.label)))}</Text></Table.Td>
                      <Table.Td ta="right" className="num">{x.refused ? percent(x.refused / (x.refused + x.month)) : 0}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          </Card>
          {shown.length === 0 && <Text size="sm" c="dimmed">{t("nav.nothing")}</Text>}
        </>
      )}
    </Page>
  );
}

function One({ type }: { type: string }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme("light") === "dark";
  const one = useApi("/event-types/{type}", { path: { type } }, { refetchInterval: 30_000 });
  const page = one.data;
  const x = page?.type;
  const option = useMemo(() => {
    const perDay = x?.per_day ?? [];
    return { grid: { left: 48, right: 12, top: 12, bottom: 28 }, tooltip: { trigger: "axis" }, xAxis: { type: "category", data: perDay.map((_, i) => (i === perDay.length - 1 ? t("types.today") : t("types.daysAgo", { n: perDay.length - 1 - i }))) }, yAxis: { type: "value", minInterval: 1 }, series: [{ type: "bar", data: perDay, name: t("types.events") }] };
  }, [x?.per_day, t]);
  const back = <Button component={Link} to="/sources/events" variant="subtle" size="xs" leftSection={<IconChevronLeft size={14} />}>{t("types.back")}</Button>;
  return (
    <Page title={x ? pick(x.label) : t("nav.data")} about={x && (x.own ? t("types.ownText") : undefined)} actions={back}>
      <DataTabs at="/sources/events" />
      {one.error && !x && <ProblemBox error={one.error} retry={() => void one.refetch()} />}
      {!x && !one.error && <Loading />}
      {x && page && (
        <>
          <Card withBorder padding="lg">
            <Group gap="xl" mb="sm">
              <Text size="sm">{t("types.dayIs")} <Anchor component={Link} size="sm" className="num" to={`/live?type=${encodeURIComponent(type)}`}>{count(x.day)}</Anchor></Text>
              <Text size="sm">{t("types.monthIs")} <span className="num">{count(x.month)}</span></Text>
              <Text size="sm">{t("types.seen", { first: instant(x.first_at), last: ago(x.last_at) })}</Text>
              {x.refused > 0 && <Anchor component={Link} to="/dead" size="sm">{t("types.refusedOf", { count: x.refused })}</Anchor>}
            </Group>
            <Chart option={option} height={180} dark={dark} label={t("types.perDayOf", { type: pick(x.label) })} />
            <Stack gap={2} mt="sm">
              {x.sources.map((s) => <Text key={s.source} size="sm"><Anchor component={Link} size="sm" to={`/live?type=${encodeURIComponent(type)}&source=${encodeURIComponent(s.source)}`}>{pick(s.label)}</Anchor> <span className="num">{count(s.events)}</span></Text>)}
            </Stack>
          </Card>
          <Title order={2}>{t("types.properties")}</Title>
          <Text size="sm" c="dimmed">{page.sample > 0 ? t("types.sample", { n: count(page.sample), looked: count(page.looked) }) : t("types.noSample", { looked: count(page.looked) })}</Text>
          {page.properties.length === 0 && <Empty title={t("types.noProperties")} />}
          {page.properties.length > 0 && (
            <Card withBorder padding={0}>
              <div className="scroll">
                <Table verticalSpacing="xs" horizontalSpacing="md">
                  <Table.Thead><Table.Tr><Table.Th>{t("types.property")}</Table.Th><Table.Th>{t("types.kind")}</Table.Th><Table.Th ta="right">{t("types.share")}</Table.Th><Table.Th ta="right">{t("types.before")}</Table.Th><Table.Th>{t("types.change")}</Table.Th><Table.Th>{t("types.examples")}</Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>
                    {page.properties.map((p) => (
                      <Table.Tr key={p.name}>
                        <Table.Td className="mono">{p.name}</Table.Td>
                        <Table.Td>{joined(p.kinds.map((k) => t(`types.is_${k}`)))}</Table.Td>
                        <Table.Td ta="right" className="num">{page.sample > 0 ? percent(p.share) : "—"}</Table.Td>
                        <Table.Td ta="right" className="num">{p.before > 0 ? percent(p.before) : "—"}</Table.Td>
                        <Table.Td>{p.drift && <Badge variant="light" color="orange">{t(`types.drift_${p.drift}`)}</Badge>}{p.since && <Text size="xs" c="dimmed" className="num">{t("types.since", { at: short(p.since) })}</Text>}</Table.Td>
                        <Table.Td><Text size="sm" lineClamp={2} style={{ wordBreak: "break-all" }}>{p.examples.join(" / ")}</Text></Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </div>
            </Card>
          )}
        </>
      )}
    </Page>
  );
}
