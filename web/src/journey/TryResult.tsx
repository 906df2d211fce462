import { Alert, Anchor, Badge, Card, SimpleGrid, Stack, Table, Text, Title, useComputedColorScheme } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { TFunction } from "i18next";
import { useApi, type Got } from "../api";
import { count, day, money } from "../format";
import { pick } from "../i18n";
import { Chart } from "../parts/Chart";
import { Figure, Loading } from "../parts/Page";
import { Canvas } from "./Canvas";
import { entryID, type Definition } from "./model";
import { daily, triedLooks, type Counted } from "./tries";
import type { Opened } from "./TryPeople";
import { nameOf, type Titles } from "./words";

export type Simulation = Got<"/journeys/{name}/simulations/{id}">;
type Result = NonNullable<Simulation["result"]>;
type Show = (x: Opened) => void;

/** What a try found: the headline, the canvas with its counts, the days, why not, and what people did in fact; beside the live version. */
export function TryResult({ s, titles, show }: { s: Simulation; titles: Titles; show: Show }) {
  const { t } = useTranslation();
  const r = s.result!;
  const version = useApi("/definitions/{kind}/{name}", { path: { kind: "journey", name: s.journey }, query: { version: s.version } }, { enabled: s.version > 0, staleTime: Infinity });
  const d = version.data?.body as unknown as Definition | undefined;
  const looks = useMemo(() => d && triedLooks(d, r.entered, r.nodes, count, (x) => show({ of: x.of, side: "" }), t), [d, r, show, t]);
  const all = r.entered.count + r.not_entered.length === 0;
  return (
    <Stack gap="md">
      <Headline r={r} live={s.live} show={show} />
      {s.notes.map((n) => <Alert key={n.en} color="gray" variant="light" p="sm"><Text size="sm">{pick(n)}</Text></Alert>)}
      {all && <Alert color="orange" variant="light">{t("tries.nobody")}</Alert>}
      {d && looks ? <Canvas definition={d} titles={titles} looks={looks} onChoose={(id) => { const n = r.nodes.find((x) => x.id === id); const x = id === entryID ? r.entered : n?.came; if (x?.people) show({ of: x.of, side: "" }); }} /> : s.version > 0 && <Loading lines={6} />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <ByDay r={r} />
        <Reasons title={t("tries.notSent")} s={s} rows={r.not_sent} live={s.live?.not_sent} show={show} nothing={t("tries.allSent")} />
        <Channels r={r} live={s.live} show={show} />
        <Reasons title={t("tries.notEntered")} s={s} rows={r.not_entered} live={s.live?.not_entered} show={show} nothing={t("tries.allEntered")} people />
        <Ends s={s} r={r} d={d} titles={titles} show={show} />
        {s.differences.length > 0 && <Differences s={s} show={show} />}
      </SimpleGrid>
    </Stack>
  );
}

/** A number that opens its people. */
function Door({ x, value, show, side = "", label }: { x: Counted; value?: string; show: Show; side?: "" | "live"; label: string }) {
  const text = value ?? count(x.count);
  return x.people > 0 ? <Anchor component="button" type="button" inherit className="num" aria-label={`${label} ${text}`} onClick={() => show({ of: x.of, side })}>{text}</Anchor> : <span className="num">{text}</span>;
}

function Headline({ r, live, show }: { r: Result; live?: Result; show: Show }) {
  const { t } = useTranslation();
  const o = r.observed;
  const items: [label: string, get: (x: Result) => Counted, note?: string][] = [
    [t("tries.enteredLabel"), (x) => x.entered, t("tries.ofPeople", { n: count(r.people) })],
    [t("tries.sentLabel"), (x) => x.sent, r.channels.map((c) => `${t(`channel.${c.channel}`, { defaultValue: c.channel })} ${count(c.count)}`).join(t("comma"))],
    [t("tries.shifted"), (x) => x.shifted, t("tries.shiftedNote")],
  ];
  return (
    <SimpleGrid cols={{ base: 2, md: 5 }} spacing="md">
      {items.map(([label, get, note]) => <Figure key={label} label={label} value={<Door x={get(r)} show={show} label={label} />} note={<>{note}{live && <><br />{t("tries.liveIs")} <Door x={get(live)} show={show} side="live" label={`${t("tries.liveIs")} ${label}`} /></>}</>} />)}
      <Figure label={t("tries.cost")} value={r.cost == null ? "—" : money(r.cost, r.currency)} note={<>{r.unpriced.length > 0 && t("tries.unpriced", { channels: r.unpriced.map((c) => t(`channel.${c}`, { defaultValue: c })).join(t("comma")) })}{live?.cost != null && <><br />{t("tries.liveIs")} {money(live.cost, live.currency)}</>}</>} />
      <Figure label={t("tries.ordered", { n: o.days })} value={<Door x={o.orders} show={show} label={t("tries.ordered", { n: o.days })} />} note={<><Badge size="xs" variant="light" color="gray">{t("tries.observed")}</Badge> {o.revenue.map((m) => money(m.amount, m.currency)).join(t("comma"))}{!o.complete && <><br />{t("tries.notOver")}</>}{live && <><br />{t("tries.liveIs")} <Door x={live.observed.orders} show={show} side="live" label={`${t("tries.liveIs")} ${t("tries.ordered", { n: o.days })}`} /></>}</>} />
    </SimpleGrid>
  );
}

function Section({ title, children, note }: { title: string; children: React.ReactNode; note?: string }) {
  return <Card withBorder padding="md" component="section" aria-label={title}><Title order={2} mb="sm">{title}</Title>{children}{note && <Text size="xs" c="dimmed" mt="sm">{note}</Text>}</Card>;
}

function ByDay({ r }: { r: Result }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const x = useMemo(() => daily(r.days), [r.days]);
  const option = useMemo(() => ({
    tooltip: { trigger: "axis" }, legend: { top: 0 }, grid: { left: 8, right: 8, top: 36, bottom: 8, containLabel: true }, xAxis: { type: "category", data: x.days.map((d) => day(d)) }, yAxis: { type: "value", minInterval: 1 },
    series: x.channels.map((c) => ({ type: "bar", stack: "sent", name: t(`channel.${c}`, { defaultValue: c }), data: x.of(c) })),
  }), [x, t]);
  return (
    <Section title={t("tries.byDay")}>
      {x.days.length === 0 ? <Text size="sm" c="dimmed">{t("tries.noneSent")}</Text> : (
        <>
          <Chart dark={dark} label={t("tries.byDay")} height={240} option={option} />
          <details><summary>{t("reports.table")}</summary><div className="scroll" tabIndex={0} role="group" aria-label={t("tries.byDay")} style={{ maxHeight: 260, overflowY: "auto" }}><Table verticalSpacing={2}><Table.Tbody>{x.days.map((d, i) => <Table.Tr key={d}><Table.Td className="num">{day(d)}</Table.Td>{x.channels.map((c) => <Table.Td key={c} ta="right" className="num">{t(`channel.${c}`, { defaultValue: c })} {count(x.of(c)[i])}</Table.Td>)}</Table.Tr>)}</Table.Tbody></Table></div></details>
        </>
      )}
    </Section>
  );
}

type Reason = Result["not_sent"][number];

function Reasons({ title, s, rows, live, show, nothing, people = false }: { title: string; s: Simulation; rows: Reason[]; live?: Reason[]; show: Show; nothing: string; people?: boolean }) {
  const all = [...rows, ...(live ?? []).filter((x) => !rows.some((y) => y.of === x.of)).map((x) => ({ ...x, count: 0, people: 0 }))].sort((a, b) => b.count - a.count);
  return (
    <Section title={title}>
      {all.length === 0 ? <Text size="sm" c="dimmed">{nothing}</Text> : <Rows s={s} rows={all.map((x) => ({ x: people ? { ...x, count: x.people } : x, label: pick(s.words[x.of]) || x.reason, live: live?.find((y) => y.of === x.of) }))} show={show} />}
    </Section>
  );
}

function Rows({ s, rows, show }: { s: Simulation; rows: { x: Counted; label: string; live?: Counted; note?: string }[]; show: Show }) {
  const { t } = useTranslation();
  return (
    <Table verticalSpacing={4}>
      {s.live && <Table.Thead><Table.Tr><Table.Th /><Table.Th ta="right">{t("tries.here")}</Table.Th><Table.Th ta="right">{t("tries.liveIs")}</Table.Th></Table.Tr></Table.Thead>}
      <Table.Tbody>{rows.map(({ x, label, live, note }) => (
        <Table.Tr key={x.of}><Table.Td>{label}{note && <Text size="xs" c="dimmed">{note}</Text>}</Table.Td><Table.Td ta="right"><Door x={x} show={show} label={label} /></Table.Td>{s.live && <Table.Td ta="right">{live ? <Door x={live} show={show} side="live" label={`${t("tries.liveIs")} ${label}`} /> : <span className="num">0</span>}</Table.Td>}</Table.Tr>
      ))}</Table.Tbody>
    </Table>
  );
}

function Channels({ r, live, show }: { r: Result; live?: Result; show: Show }) {
  const { t } = useTranslation();
  return (
    <Section title={t("tries.byChannel")} note={t("tries.month", { entered: count(r.month.entered), sent: count(r.month.sent) })}>
      {r.channels.length === 0 ? <Text size="sm" c="dimmed">{t("tries.noneSent")}</Text> : (
        <Table verticalSpacing={4}>
          <Table.Thead><Table.Tr><Table.Th /><Table.Th ta="right">{t("tries.messagesLabel")}</Table.Th><Table.Th ta="right">{t("tries.peopleLabel")}</Table.Th><Table.Th ta="right">{t("tries.cost")}</Table.Th>{live && <Table.Th ta="right">{t("tries.liveIs")}</Table.Th>}</Table.Tr></Table.Thead>
          <Table.Tbody>{r.channels.map((c) => { const label = t(`channel.${c.channel}`, { defaultValue: c.channel }); const other = live?.channels.find((x) => x.channel === c.channel); return (
            <Table.Tr key={c.channel}><Table.Td>{label}</Table.Td><Table.Td ta="right"><Door x={c} show={show} label={label} /></Table.Td><Table.Td ta="right" className="num">{count(c.people)}</Table.Td><Table.Td ta="right" className="num">{c.cost == null ? "—" : money(c.cost, r.currency)}</Table.Td>{live && <Table.Td ta="right">{other ? <Door x={other} show={show} side="live" label={`${t("tries.liveIs")} ${label}`} /> : <span className="num">0</span>}</Table.Td>}</Table.Tr>
          ); })}</Table.Tbody>
        </Table>
      )}
    </Section>
  );
}

function Ends({ s, r, d, titles, show }: { s: Simulation; r: Result; d?: Definition; titles: Titles; show: Show }) {
  const { t } = useTranslation();
  const rows = r.ends.filter((x) => !x.why).map((x) => ({ x, label: pick(s.words[x.of]) || x.end, live: s.live?.ends.find((y) => y.of === x.of), note: r.ends.filter((y) => y.end === x.end && y.why).map((y) => `${d?.nodes?.[y.why!] ? nameOf(d, y.why!, t, titles) : pick(s.words[y.of]) || y.why} ${count(y.count)}`).join(t("comma")) }));
  return <Section title={t("tries.ends")}><Rows s={s} rows={[...rows, { x: r.running, label: t("tries.running"), live: s.live?.running, note: "" }]} show={show} /></Section>;
}

function Differences({ s, show }: { s: Simulation; show: Show }) {
  const { t } = useTranslation();
  return (
    <Section title={t("tries.differences")} note={t("tries.differencesNote")}>
      <Table verticalSpacing={4}>
        <Table.Thead><Table.Tr><Table.Th /><Table.Th ta="right">{t("tries.onlyHere")}</Table.Th><Table.Th ta="right">{t("tries.onlyLive")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{s.differences.map((x) => { const label = ofWord(x.of, s, t); return <Table.Tr key={x.of}><Table.Td>{label}</Table.Td><Table.Td ta="right"><Door x={x.only_here} show={show} label={`${label} ${t("tries.onlyHere")}`} /></Table.Td><Table.Td ta="right"><Door x={x.only_live} show={show} label={`${label} ${t("tries.onlyLive")}`} /></Table.Td></Table.Tr>; })}</Table.Tbody>
      </Table>
    </Section>
  );
}

/** What a number counts, by the name under which its people are asked for. */
export function ofWord(of: string, s: Simulation, t: TFunction): string {
  if (s.words[of]) return pick(s.words[of]);
  const [head, ...rest] = of.split(":");
  if (head === "only_here" || head === "only_live") return `${ofWord(rest.join(":"), s, t)}${t("paren", { text: t(head === "only_here" ? "tries.onlyHere" : "tries.onlyLive") })}`;
  const words: Record<string, string> = { entered: t("tries.enteredLabel"), sent: t("tries.sentLabel"), shifted: t("tries.shifted"), ordered: t("tries.ordered", { n: s.result?.observed.days ?? 7 }), waiting: t("tries.running"), node: t("tries.cameLabel"), sent_at: t("tries.sentLabel"), not_sent_at: t("decision.notSent") };
  if (head === "sent" && rest[0]) return `${words.sent}${t("paren", { text: t(`channel.${rest[0]}`, { defaultValue: rest[0] }) })}`;
  if (of === "end:goal") return t("runEnd.goal");
  return words[head] ?? t("tries.peopleLabel");
}
