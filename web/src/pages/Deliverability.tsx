import { Alert, Anchor, Badge, Card, Group, SegmentedControl, Select, SimpleGrid, Stack, Table, Text, useComputedColorScheme } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, day, share } from "../format";
import { pick } from "../i18n";
import { Chart } from "../parts/Chart";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { Empty, Figure, Loading, Page, ProblemBox, Through } from "../parts/Page";
import { Spark } from "../parts/Spark";
import type { DeliverabilityRow } from "../types";

const ranges: Record<string, number> = { "7d": 7, "30d": 30, "90d": 90, "365d": 365 };
const columns = ["tried", "accepted", "deferred", "hard", "soft", "block", "unknown", "complained", "unsubscribed", "opened", "opened_machine", "clicked"] as const;
const colour = { warning: "orange", error: "red" } as const;

/** What receiving systems made of our mail. */
export function Deliverability() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const range = params.get("range") ?? "30d";
  const sender = params.get("sender") ?? "";
  const set = (key: string, value: string) => setParams((p) => { p.set(key, value); return p; });
  // Whole hours, so that the same view asks the same question.
  const [now] = useState(() => Math.ceil(Date.now() / 3_600_000) * 3_600_000);
  const span = { from: new Date(now - (ranges[range] ?? 30) * 86_400_000).toISOString(), to: new Date(now).toISOString() };
  const report = useApi("/deliverability", { query: { ...span, sender } });
  const r = report.data;
  return (
    <Page title={t("nav.outbox")} about={t("deliverability.about")} actions={<>
      <Anchor component={Link} to="/settings/delivery" size="sm">{t("limits.title")}</Anchor>
      {r && r.senders.length > 1 && <Select size="xs" value={sender} onChange={(v) => set("sender", v ?? "")} data={[{ value: "", label: t("deliverability.allSenders") }, ...r.senders]} allowDeselect={false} aria-label={t("deliverability.sender")} />}
      <SegmentedControl size="xs" value={range} onChange={(v) => set("range", v)} data={Object.keys(ranges).map((k) => ({ value: k, label: t(`reports.${k}`) }))} aria-label={t("reports.range")} />
    </>}>
      <DeliveryTabs at="deliverability" />
      {report.error && !r && <ProblemBox error={report.error} retry={() => void report.refetch()} />}
      {!r && !report.error && <Loading />}
      {r && r.groups.length === 0 && <Empty title={t("deliverability.none")} action={<Through at={r.complete_through} />}>{t("deliverability.noneText")}</Empty>}
      {r && r.groups.length > 0 && (
        <Stack gap="md">
          {[...r.groups, r.total].flatMap((g) => g.marks.filter((m) => g !== r.total || !r.groups.some((x) => x.marks.some((y) => y.code === m.code))).map((m) => (
            <Alert key={g.name + m.code} color={colour[m.severity]} title={t("deliverability.marked", { group: pick(g.label), what: t(`deliverability.${m.code}`), share: share(m.code === "hard_bounces" ? g.hard_share : g.complaint_share) })}>{pick(m.text)}</Alert>
          )))}
          <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
            <Figure label={t("deliverability.accepted")} value={count(r.total.accepted)} note={t("deliverability.ofTried", { n: count(r.total.tried) })} />
            <Figure label={t("deliverability.hard")} value={share(r.total.hard_share)} note={t("deliverability.limitHard", { n: count(r.total.hard), limit: share(r.thresholds.hard_bounces) })} />
            <Figure label={t("deliverability.complained")} value={share(r.total.complaint_share)} note={t("deliverability.limitComplaints", { n: count(r.total.complained), aim: share(r.thresholds.complaints_aim), limit: share(r.thresholds.complaints_limit) })} />
            <Figure label={t("deliverability.deferred")} value={count(r.total.deferred)} note={t("deliverability.deferredNote")} />
          </SimpleGrid>
          <Trend rows={[r.total, ...r.groups]} />
          <Card withBorder padding={0}>
            <div className="scroll" tabIndex={0} role="region" aria-label={t("deliverability.group")}><Table verticalSpacing="sm" horizontalSpacing="md">
              <Table.Thead><Table.Tr><Table.Th>{t("deliverability.group")}</Table.Th><Table.Th>{t("deliverability.perDay")}</Table.Th>{columns.map((k) => <Table.Th key={k} ta="right" style={{ whiteSpace: "nowrap" }}>{t(`deliverability.${k}`)}</Table.Th>)}</Table.Tr></Table.Thead>
              <Table.Tbody>{[...r.groups, r.total].map((g) => <GroupRow key={g.name} g={g} />)}</Table.Tbody>
            </Table></div>
            <Group justify="space-between" p="md"><Text size="xs" c="dimmed" maw={820}>{t("deliverability.note", { n: count(r.thresholds.enough) })}</Text><Through at={r.complete_through} /></Group>
          </Card>
        </Stack>
      )}
    </Page>
  );
}

function GroupRow({ g }: { g: DeliverabilityRow }) {
  const { t } = useTranslation();
  const marked = (k: string) => g.marks.find((m) => (k === "hard" && m.code === "hard_bounces") || (k === "complained" && m.code !== "hard_bounces"));
  const of = (k: string) => (k === "hard" ? g.hard_share : k === "complained" ? g.complaint_share : undefined);
  return (
    <Table.Tr>
      <Table.Th scope="row" style={{ whiteSpace: "nowrap" }}>{pick(g.label)}{g.few && <Text size="xs" c="dimmed" fw={400}>{t("deliverability.few")}</Text>}</Table.Th>
      <Table.Td><Spark values={g.days.map((d) => d.accepted)} label={t("deliverability.perDay")} /></Table.Td>
      {columns.map((k) => {
        const m = marked(k);
        return (
          <Table.Td key={k} ta="right" className="num" style={{ whiteSpace: "nowrap" }}>
            {count(g[k])}
            {of(k) != null && g[k] > 0 && <Text size="xs" c="dimmed">{share(of(k))}</Text>}
            {m && <Badge color={colour[m.severity]} variant="light">{t(`deliverability.${m.severity}`)}</Badge>}
          </Table.Td>
        );
      })}
    </Table.Tr>
  );
}

/** One group's days: what was taken, and what came back. */
function Trend({ rows }: { rows: DeliverabilityRow[] }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const [name, setName] = useState("");
  const g = rows.find((r) => r.name === name) ?? rows[0];
  const option = useMemo(() => ({
    tooltip: { trigger: "axis" }, legend: { top: 0 }, grid: { left: 8, right: 8, top: 60, bottom: 8, containLabel: true },
    xAxis: { type: "category", data: g.days.map((d) => day(d.at)) }, yAxis: [{ type: "value", minInterval: 1 }, { type: "value", minInterval: 1, splitLine: { show: false } }],
    series: [
      { name: t("deliverability.accepted"), type: "bar", barMaxWidth: 40, data: g.days.map((d) => d.accepted) },
      ...(["hard", "complained", "deferred"] as const).map((k) => ({ name: t(`deliverability.${k}`), type: "line", yAxisIndex: 1, data: g.days.map((d) => d[k]) })),
    ],
  }), [g, t]);
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" mb="sm">
        <Text fw={600}>{t("deliverability.trend")}</Text>
        <Select size="xs" value={g.name} onChange={(v) => setName(v ?? "")} data={rows.map((r) => ({ value: r.name, label: pick(r.label) }))} allowDeselect={false} aria-label={t("deliverability.group")} />
      </Group>
      <Chart dark={dark} label={t("deliverability.trend")} height={260} option={option} />
      <details>
        <summary>{t("reports.table")}</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label={t("reports.table")}><Table verticalSpacing={4}>
          <Table.Thead><Table.Tr><Table.Th>{t("reports.day")}</Table.Th>{columns.map((k) => <Table.Th key={k} ta="right">{t(`deliverability.${k}`)}</Table.Th>)}</Table.Tr></Table.Thead>
          <Table.Tbody>{g.days.map((d) => <Table.Tr key={d.at}><Table.Td className="num">{day(d.at)}</Table.Td>{columns.map((k) => <Table.Td key={k} ta="right" className="num">{count(d[k])}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
        </Table></div>
      </details>
    </Card>
  );
}
