import { Card, Group, SegmentedControl, Select, SimpleGrid, Stack, Table, Tabs, Text, useComputedColorScheme } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, day, money, percent } from "../format";
import { joined, pick } from "../i18n";
import { Chart } from "../parts/Chart";
import { Empty, Figure, Loading, Page, ProblemBox, Through } from "../parts/Page";

const ranges: Record<string, number> = { "7d": 7, "30d": 30, "90d": 90, "365d": 365, all: 366 * 15 };

interface Span { from: string; to: string }

export function Reports() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const range = params.get("range") ?? "30d";
  const tab = params.get("tab") ?? "revenue";
  const set = (key: string, value: string) => setParams((p) => { p.set(key, value); return p; });
  // Whole hours, so that the same view asks the same question.
  const [now] = useState(() => Math.ceil(Date.now() / 3_600_000) * 3_600_000);
  const span = { from: new Date(now - (ranges[range] ?? ranges["30d"]) * 86_400_000).toISOString(), to: new Date(now).toISOString() };
  return (
    <Page title={t("nav.reports")} actions={<SegmentedControl size="xs" value={range} onChange={(v) => set("range", v)} data={Object.keys(ranges).map((r) => ({ value: r, label: t(`reports.${r}`) }))} aria-label={t("reports.range")} />}>
      <Tabs value={tab} onChange={(v) => set("tab", v ?? "revenue")} keepMounted={false}>
        <Tabs.List mb="md"><Tabs.Tab value="revenue">{t("reports.revenue")}</Tabs.Tab><Tabs.Tab value="funnel">{t("reports.funnel")}</Tabs.Tab><Tabs.Tab value="journeys">{t("nav.journeys")}</Tabs.Tab><Tabs.Tab value="messages">{t("reports.messages")}</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="revenue"><RevenueTab span={span} by={ranges[range] <= 90 ? "day" : "month"} /></Tabs.Panel>
        <Tabs.Panel value="funnel"><FunnelTab span={span} /></Tabs.Panel>
        <Tabs.Panel value="journeys"><JourneysTab span={span} /></Tabs.Panel>
        <Tabs.Panel value="messages"><MessagesTab span={span} /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function RevenueTab({ span, by }: { span: Span; by: "day" | "month" }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const [params, setParams] = useSearchParams();
  const currency = params.get("currency") ?? "";
  const report = useApi("/reports/revenue", { query: { ...span, by, currency } });
  if (report.error && !report.data) return <ProblemBox error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return <Loading />;
  const r = report.data;
  const c = r.currency;
  if (r.series.length === 0) return <Nothing through={r.complete_through} />;
  return (
    <Stack gap="md">
      <Group justify="space-between"><Text size="sm" c="dimmed" maw={680}>{pick(r.definition)}</Text><Group gap="md"><Through at={r.complete_through} />{r.currencies.length > 1 && <Select size="xs" data={r.currencies} value={c} onChange={(v) => setParams((p) => { p.set("currency", v ?? ""); return p; })} aria-label={t("reports.currency")} w={100} />}</Group></Group>
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <Figure label={t("reports.revenue")} value={money(r.totals.revenue, c)} />
        <Figure label={t("reports.orders")} value={count(r.totals.orders)} />
        <Figure label={t("reports.newCustomers")} value={count(r.totals.new_customers)} note={money(r.totals.new_revenue, c)} />
        <Figure label={t("reports.returning")} value={count(r.totals.returning_customers)} note={money(r.totals.returning_revenue, c)} />
      </SimpleGrid>
      <Card withBorder padding="md">
        <Chart dark={dark} label={t("reports.revenue")} height={300} option={{
          tooltip: { trigger: "axis", valueFormatter: (v: unknown) => money(String(v), c) },
          legend: { top: 0 }, grid: { left: 8, right: 8, top: 36, bottom: 8, containLabel: true },
          xAxis: { type: "category", data: r.series.map((p) => day(p.at)) }, yAxis: { type: "value" },
          series: [{ name: t("reports.newCustomers"), type: "bar", stack: "r", data: r.series.map((p) => Number(p.new_revenue)) }, { name: t("reports.returning"), type: "bar", stack: "r", data: r.series.map((p) => Number(p.returning_revenue)) }],
        }} />
      </Card>
      <details>
        <summary>{t("reports.table")}</summary>
        <div className="scroll"><Table verticalSpacing={4}>
          <Table.Thead><Table.Tr><Table.Th>{t("reports.day")}</Table.Th>{["orders", "revenue", "newCustomers", "returning"].map((k) => <Table.Th key={k} ta="right">{t(`reports.${k}`)}</Table.Th>)}</Table.Tr></Table.Thead>
          <Table.Tbody>{r.series.map((p) => <Table.Tr key={p.at}><Table.Td className="num">{day(p.at)}</Table.Td><Table.Td ta="right" className="num">{count(p.orders)}</Table.Td><Table.Td ta="right" className="num">{money(p.revenue, c)}</Table.Td><Table.Td ta="right" className="num">{count(p.new_customers)}</Table.Td><Table.Td ta="right" className="num">{count(p.returning_customers)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table></div>
      </details>
    </Stack>
  );
}

function FunnelTab({ span }: { span: Span }) {
  const { t } = useTranslation();
  const report = useApi("/reports/funnel", { query: span });
  if (report.error && !report.data) return <ProblemBox error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return <Loading />;
  if (!report.data.steps[0]?.people) return <Nothing through={report.data.complete_through} />;
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" align="flex-start" mb="md"><Text size="sm" c="dimmed" maw={680}>{pick(report.data.definition)}</Text><Through at={report.data.complete_through} /></Group>
      <Stack gap="sm">
        {report.data.steps.map((s, i) => (
          <div key={s.name}>
            <Group justify="space-between"><Text size="sm" fw={600}>{pick(s.label)}</Text><Text size="sm" className="num">{t("reports.people", { n: count(s.people) })}{i > 0 ? `　${t("reports.fromPrevious", { p: percent(s.from_previous) })}` : ""}</Text></Group>
            <div style={{ height: 18, borderRadius: 4, background: "var(--mantine-color-default-hover)" }}><div style={{ height: "100%", width: s.people ? `${Math.max(0.5, s.share * 100)}%` : 0, borderRadius: 4, background: "var(--mantine-color-enji-filled)" }} /></div>
          </div>
        ))}
      </Stack>
    </Card>
  );
}

function JourneysTab({ span }: { span: Span }) {
  const { t } = useTranslation();
  const report = useApi("/reports/journeys", { query: span });
  if (report.error && !report.data) return <ProblemBox error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return <Loading />;
  if (report.data.rows.length === 0) return <Nothing through={report.data.complete_through} />;
  const columns = ["entered", "running", "completed", "exited", "sent", "opened", "clicked", "converted"] as const;
  return (
    <Card withBorder padding={0}>
      <div className="scroll"><Table verticalSpacing="sm" horizontalSpacing="md">
        <Table.Thead><Table.Tr><Table.Th>{t("nav.journeys")}</Table.Th>{columns.map((k) => <Table.Th key={k} ta="right" style={{ whiteSpace: "nowrap" }}>{t(`reports.${k}`)}</Table.Th>)}<Table.Th>{t("reports.skipped")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{report.data.rows.map((j) => <Table.Tr key={j.journey}><Table.Td>{pick(j.title) || j.journey}</Table.Td>{columns.map((k) => <Table.Td key={k} ta="right" className="num">{count(j[k])}</Table.Td>)}<Table.Td miw={160}>{joined(Object.entries(j.skipped_by_reason).map(([r, n]) => `${t(`check.${r}`, { defaultValue: r })} ${count(n)}`))}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table></div>
      <Group justify="space-between" p="md"><Text size="xs" c="dimmed">{t("reports.observed")}</Text><Through at={report.data.complete_through} /></Group>
    </Card>
  );
}

function Nothing({ through }: { through: string }) {
  const { t } = useTranslation();
  return <Empty title={t("reports.none")} action={<Through at={through} />}>{t("reports.noneText")}</Empty>;
}

const groups = ["channel", "journey", "template"] as const;

function MessagesTab({ span }: { span: Span }) {
  const { t } = useTranslation();
  const [by, setBy] = useState<(typeof groups)[number]>("channel");
  const report = useApi("/reports/messages", { query: { ...span, by } });
  const columns = ["decided", "sent", "delivered", "opened", "clicked", "bounced", "failed", "refused", "unknown", "unsubscribed"] as const;
  return (
    <Stack gap="md">
      <Group justify="space-between"><SegmentedControl size="xs" value={by} onChange={(v) => setBy(v as typeof by)} data={groups.map((v) => ({ value: v, label: t(`reports.by_${v}`) }))} aria-label={t("reports.by")} />{report.data && <Through at={report.data.complete_through} />}</Group>
      {report.error && !report.data && <ProblemBox error={report.error} retry={() => void report.refetch()} />}
      {!report.data && !report.error && <Loading />}
      {report.data?.rows.length === 0 && <Empty title={t("reports.none")}>{t("reports.noneText")}</Empty>}
      {report.data && report.data.rows.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll"><Table verticalSpacing="sm" horizontalSpacing="md">
            <Table.Thead><Table.Tr><Table.Th>{t(`reports.by_${by}`)}</Table.Th>{columns.map((k) => <Table.Th key={k} ta="right" style={{ whiteSpace: "nowrap" }}>{t(`reports.${k}`)}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>{report.data.rows.map((m) => <Table.Tr key={m.name}><Table.Td>{pick(m.title) || m.name}</Table.Td>{columns.map((k) => <Table.Td key={k} ta="right" className="num">{count(m[k])}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
          </Table></div>
        </Card>
      )}
    </Stack>
  );
}
