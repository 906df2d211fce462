import { Anchor, Badge, Button, Card, Group, SegmentedControl, SimpleGrid, Stack, Table, Text, Title, useComputedColorScheme } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, day, short } from "../format";
import { actor, joined } from "../i18n";
import { Chart } from "./Chart";
import { Empty, Figure, Loading, ProblemBox } from "./Page";

const ranges: Record<string, number> = { "1d": 1, "7d": 7, "30d": 30, "90d": 90 };

/** A segment's size over time: what it was, who came and went, when its condition changed. */
export function Sizes({ name }: { name: string }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const [params, setParams] = useSearchParams();
  const range = params.get("range") ?? "30d";
  const days = ranges[range] ?? 30;
  const step = days <= 7 ? "hour" : "day";
  const clock = useApi("/clock", {}, { staleTime: 60_000 }); // of a replay it is another than ours
  // Whole hours, so that the same view asks the same question.
  const from = clock.data && new Date(Math.floor(Date.parse(clock.data.at) / 3_600_000) * 3_600_000 - (days - (step === "day" ? 1 : 0)) * 86_400_000).toISOString();
  const sizes = useApi("/segments/{name}/sizes", { path: { name }, query: { from, step } }, { enabled: !!from, refetchInterval: 10_000, placeholderData: (old) => old });
  const data = sizes.data;
  const option = useMemo(() => data && chartOf(data, t, step === "hour" ? short : day), [data, step, t]);
  if (sizes.error && !data) return <ProblemBox error={sizes.error} retry={() => void sizes.refetch()} />;
  if (!data || !option) return <Loading lines={4} />;
  const sum = (get: (p: Point) => number) => data.series.reduce((n, p) => n + get(p), 0);
  const first = data.series[0] ? data.series[0].size - data.series[0].entered + data.series[0].left : 0;
  const change = data.members - first;
  const when = step === "hour" ? short : day;
  return (
    <Stack gap="md">
      <Group justify="flex-end"><SegmentedControl size="xs" value={range} onChange={(v) => setParams((p) => { p.set("range", v); return p; }, { replace: true })} data={Object.keys(ranges).map((r) => ({ value: r, label: t(`sizes.${r}`) }))} aria-label={t("reports.range")} /></Group>
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <Link to={`/people?segment=${name}`} className="plain"><Figure label={t("sizes.now")} value={count(data.members)} note={t("sizes.change", { n: (change > 0 ? "+" : change < 0 ? "−" : "±") + count(Math.abs(change)) })} /></Link>
        <Figure label={t("sizes.entered")} value={count(sum((p) => p.entered - p.initial))} note={t("sizes.enteredNote")} />
        <Figure label={t("sizes.left")} value={count(sum((p) => p.left))} />
        <Figure label={t("sizes.initial")} value={count(sum((p) => p.initial))} note={t("sizes.initialNote")} />
      </SimpleGrid>
      <Card withBorder padding="md">
        <Chart dark={dark} label={t("sizes.label", { from: count(first), to: count(data.members) })} height={300} option={option} />
        {data.versions.length > 0 && <Text size="xs" c="dimmed" mt="xs">{t("sizes.versions")}: {joined(data.versions.map((v) => `${short(v.at)} ${actor(v.actor)}`))}</Text>}
        <Text size="xs" c="dimmed" mt="xs">{t("sizes.how")}</Text>
      </Card>
      <details>
        <summary>{t("reports.table")}</summary>
        <div className="scroll"><Table verticalSpacing={4}>
          <Table.Thead><Table.Tr><Table.Th>{t("reports.day")}</Table.Th>{["size", "entered", "left", "initial"].map((k) => <Table.Th key={k} ta="right">{t(`sizes.${k}`)}</Table.Th>)}</Table.Tr></Table.Thead>
          <Table.Tbody>{data.series.toReversed().map((p) => <Table.Tr key={p.at}><Table.Td className="num">{when(p.at)}</Table.Td>{[p.size, p.entered - p.initial, p.left, p.initial].map((n, i) => <Table.Td key={i} ta="right" className="num">{count(n)}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
        </Table></div>
      </details>
      <Changes name={name} />
    </Stack>
  );
}

type Point = { at: string; size: number; entered: number; left: number; initial: number };

/** The size as a line, who came above the axis, who went below, versions as marks. */
function chartOf(data: { series: Point[]; versions: { at: string }[] }, t: (k: string) => string, when: (at: string) => string) {
  const axis = data.series.map((p) => when(p.at));
  const marks = data.versions.map((v) => ({ xAxis: data.series.findLastIndex((p) => p.at <= v.at) })).filter((m) => m.xAxis >= 0);
  return {
    tooltip: { trigger: "axis" },
    legend: { top: 0 }, grid: [{ left: 56, right: 32, top: 36, height: 150 }, { left: 56, right: 32, top: 206, bottom: 28 }],
    xAxis: [{ type: "category", data: axis, axisLabel: { show: false } }, { type: "category", gridIndex: 1, data: axis }],
    yAxis: [{ type: "value", minInterval: 1 }, { type: "value", gridIndex: 1, minInterval: 1, splitNumber: 2, axisLabel: { formatter: (v: number) => count(Math.abs(v)) } }],
    series: [
      { name: t("sizes.size"), type: "line", step: "end", showSymbol: false, data: data.series.map((p) => p.size), areaStyle: { opacity: 0.12 },
        markLine: marks.length ? { symbol: "none", data: marks, label: { formatter: t("sizes.version") }, lineStyle: { type: "dashed" } } : undefined },
      { name: t("sizes.entered"), type: "bar", stack: "m", xAxisIndex: 1, yAxisIndex: 1, data: data.series.map((p) => p.entered), itemStyle: { color: "#0072b2" } },
      { name: t("sizes.left"), type: "bar", stack: "m", xAxisIndex: 1, yAxisIndex: 1, data: data.series.map((p) => -p.left), itemStyle: { color: "#e69f00" }, tooltip: { valueFormatter: (v: unknown) => count(Math.abs(Number(v))) } },
    ],
  };
}

/** Who entered and left lately, each with the way to why. */
function Changes({ name }: { name: string }) {
  const { t } = useTranslation();
  const [before, setBefore] = useState("");
  const changes = useApi("/segments/{name}/changes", { path: { name }, query: { before, limit: 20 } }, { refetchInterval: before ? false : 5_000, placeholderData: (old) => old });
  if (changes.error && !changes.data) return <ProblemBox error={changes.error} retry={() => void changes.refetch()} />;
  if (!changes.data) return <Loading lines={3} />;
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("sizes.changes")}</Title>
      {changes.data.items.length === 0 && <Empty title={t("sizes.noChanges")} />}
      {changes.data.items.length > 0 && (
        <div className="scroll"><Table verticalSpacing={6}>
          <Table.Thead><Table.Tr><Table.Th>{t("sizes.at")}</Table.Th><Table.Th>{t("sizes.what")}</Table.Th><Table.Th>{t("person.name")}</Table.Th><Table.Th>{t("sizes.why")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {changes.data.items.map((c) => (
              <Table.Tr key={c.at + c.person.id + String(c.entered)}>
                <Table.Td className="num">{short(c.at)}</Table.Td>
                <Table.Td><Badge variant="light" color={c.entered ? "teal" : "gray"}>{t(c.entered ? "sizes.in" : "sizes.out")}</Badge>{c.initial && <Text span size="xs" c="dimmed" ml="xs">{t("sizes.bySweep")}</Text>}</Table.Td>
                <Table.Td><Anchor component={Link} size="sm" to={`/people/${c.person.id}`}>{c.person.name || t("person.unnamed")}</Anchor></Table.Td>
                <Table.Td><Anchor component={Link} size="sm" to={`/people/${c.person.id}?why=${name}`}>{t("sizes.reason")}</Anchor></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table></div>
      )}
      <Group justify="flex-end" gap="sm" mt="sm">
        {before && <Button variant="default" size="xs" onClick={() => setBefore("")}>{t("first")}</Button>}
        {changes.data.next && <Button variant="default" size="xs" onClick={() => setBefore(changes.data.next!)}>{t("older")}</Button>}
      </Group>
    </Card>
  );
}
