import "@xyflow/react/dist/style.css";
import { Anchor, Badge, Button, Card, Group, JsonInput, SimpleGrid, Stack, Table, Tabs, Text, Title, useComputedColorScheme } from "@mantine/core";
import { Background, Controls, Handle, Position, ReactFlow, type Edge, type Node } from "@xyflow/react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { TFunction } from "i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, short } from "../format";
import { actor, joined, pick } from "../i18n";
import { modals } from "../parts/confirm";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";
import type { Journey as JourneyData, JourneyDefinition, JourneyNode, JourneyPeople } from "../types";
import { statusColour } from "./Journeys";

export function Journey() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const [params, setParams] = useSearchParams();
  const node = params.get("node") ?? "";
  const [error, setError] = useState<ApiError | null>(null);
  const journey = useApi("/journeys/{name}", { path: { name } });
  const people = useApi("/journeys/{name}/people", { path: { name }, query: { node } }, { refetchInterval: 5_000, placeholderData: (old) => old });
  const result = useApi("/journeys/{name}/results", { path: { name } }, { refetchInterval: 10_000 });
  if (journey.error && !journey.data) return <Page title={t("nav.journeys")}><ProblemBox error={journey.error} retry={() => void journey.refetch()} /></Page>;
  if (!journey.data) return <Loading lines={8} />;
  const j = journey.data;
  const definition = j.definition as JourneyDefinition;
  const change = async (status: "live" | "paused" | "archived") => {
    const ask = { live: ["journey.liveTitle", "journey.liveText", "journey.live"], paused: ["journey.pauseTitle", "journey.pauseText", "journey.pause"], archived: ["journey.archiveTitle", "journey.archiveText", "journey.archive"] }[status];
    if (!(await modals.confirm(t(ask[0]), t(ask[1]), t(ask[2])))) return;
    try {
      await request("post", "/journeys/{name}/status", { path: { name }, body: { status, reason: "", expect: j.version } });
      setError(null);
      void journey.refetch();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  const r = result.data;
  return (
    <Page title={<Group gap="sm"><span>{pick(definition.title)}</span><Badge variant="light" color={statusColour[j.status]}>{t(`journeyStatus.${j.status}`)}</Badge></Group>} about={`${t(`purpose.${definition.purpose}`)}`} actions={
      <Group gap="sm">
        {j.status !== "live" && j.status !== "archived" && <Button size="xs" onClick={() => void change("live")}>{t("journey.live")}</Button>}
        {j.status === "live" && <Button size="xs" variant="default" onClick={() => void change("paused")}>{t("journey.pause")}</Button>}
        {j.status === "paused" && <Button size="xs" variant="default" onClick={() => void change("archived")}>{t("journey.archive")}</Button>}
      </Group>
    }>
      {error && <ProblemBox error={error} />}
      <SimpleGrid cols={{ base: 2, md: 6 }} spacing="md">
        <Figure label={t("journeys.entered")} value={count(r?.entered)} /><Figure label={t("journeys.running")} value={count(r?.running)} /><Figure label={t("journeys.completed")} value={count(r?.completed)} />
        <Figure label={t("journeys.sent")} value={count(r?.sent)} /><Figure label={t("reports.clicked")} value={count(r?.clicked)} /><Figure label={t("reports.converted")} value={count(r?.converted)} note={t("reports.observed")} />
      </SimpleGrid>
      <Tabs defaultValue="flow" keepMounted={false}>
        <Tabs.List mb="md"><Tabs.Tab value="flow">{t("journey.flow")}</Tabs.Tab><Tabs.Tab value="people">{t("journey.people")}</Tabs.Tab><Tabs.Tab value="skipped">{t("journey.skipped")}</Tabs.Tab><Tabs.Tab value="definition">{t("journey.definition")}</Tabs.Tab><Tabs.Tab value="history">{t("journey.history")}</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="flow"><Canvas journey={j} people={people.data} onNode={(id) => setParams({ node: id })} /></Tabs.Panel>
        <Tabs.Panel value="people">
          <Card withBorder padding="lg">
            <Group gap="sm" mb="sm">
              <Badge variant={node ? "light" : "filled"} style={{ cursor: "pointer" }} component="button" onClick={() => setParams({})}>{t("journey.allNodes")}</Badge>
              {(people.data?.nodes ?? []).filter((n) => n.standing > 0).map((n) => <Badge key={n.id} variant={node === n.id ? "filled" : "light"} style={{ cursor: "pointer" }} component="button" onClick={() => setParams({ node: n.id })}>{pick(n.title)} {count(n.standing)}</Badge>)}
            </Group>
            {people.data?.items.length === 0 && <Text size="sm" c="dimmed">{t("journey.nobody")}</Text>}
            <Table verticalSpacing={4}><Table.Tbody>
              {(people.data?.items ?? []).map((x) => <Table.Tr key={x.profile + x.node + x.since}><Table.Td><Anchor component={Link} to={`/people/${x.profile}`} size="sm">{x.name || t("person.unnamed")}</Anchor></Table.Td><Table.Td>{pick(people.data?.nodes.find((n) => n.id === x.node)?.title) || x.node}</Table.Td><Table.Td className="num">{x.wait_until ? t("person.until", { at: short(x.wait_until) }) : t("person.since", { at: short(x.since) })}</Table.Td></Table.Tr>)}
            </Table.Tbody></Table>
          </Card>
        </Tabs.Panel>
        <Tabs.Panel value="skipped">
          <Card withBorder padding="lg">
            {Object.keys(r?.skipped_by_reason ?? {}).length === 0 && <Text size="sm" c="dimmed">{t("journey.noSkips")}</Text>}
            <Table><Table.Tbody>{Object.entries(r?.skipped_by_reason ?? {}).map(([reason, n]) => <Table.Tr key={reason}><Table.Td>{t(`check.${reason}`, { defaultValue: reason })}</Table.Td><Table.Td ta="right" className="num">{count(n)}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
          </Card>
        </Tabs.Panel>
        <Tabs.Panel value="definition"><Definition journey={j} reload={() => void journey.refetch()} /></Tabs.Panel>
        <Tabs.Panel value="history">
          <Card withBorder padding="lg"><div className="scroll"><Table><Table.Thead><Table.Tr><Table.Th>{t("updated")}</Table.Th><Table.Th>{t("journey.by")}</Table.Th><Table.Th>{t("reason")}</Table.Th></Table.Tr></Table.Thead><Table.Tbody>{j.history.map((h) => <Table.Tr key={h.version}><Table.Td className="num">{short(h.at)}</Table.Td><Table.Td>{actor(h.actor)}{t("paren", { text: t(`role.${h.role}`, { defaultValue: h.role }) })}</Table.Td><Table.Td>{h.reason}</Table.Td></Table.Tr>)}</Table.Tbody></Table></div></Card>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Definition({ journey, reload }: { journey: JourneyData; reload: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(() => JSON.stringify(journey.definition, null, 2));
  const [error, setError] = useState<ApiError | Error | null>(null);
  const save = async () => {
    try {
      await request("put", "/journeys/{name}", { path: { name: journey.name }, body: { definition: JSON.parse(text) as unknown, status: journey.status, expect: journey.version, reason: "" } });
      setError(null);
      reload();
    } catch (e) {
      setError(e instanceof SyntaxError ? new Error(place(e, t) + t("journey.noJSON")) : (e as ApiError));
    }
  };
  return (
    <Stack>
      <JsonInput value={text} onChange={setText} autosize minRows={12} maxRows={30} aria-label={t("journey.definition")} styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 12.5 } }} />
      {error && <ProblemBox error={error} />}
      <Group><Button size="xs" onClick={() => void save()}>{t("journey.save")}</Button><Text size="xs" c="dimmed">{t("journey.saveHint")}</Text></Group>
    </Stack>
  );
}

/** Where the browser found the text to be no JSON, as far as it says. */
function place(e: SyntaxError, t: TFunction): string {
  const at = /line (\d+) column (\d+)/.exec(e.message);
  return at ? t("at", { line: at[1], col: at[2] }) + " " : "";
}

type Box = { label: string; kind: string; detail: string; standing?: number; passed?: number };
const accents: Record<string, string> = { entry: "teal", message: "enji", wait: "blue", until_event: "blue", branch: "violet", exit: "gray" };

function NodeBox({ data }: { data: Box }) {
  const { t } = useTranslation();
  return (
    <div style={{ width: 224, padding: "8px 12px", borderRadius: 8, border: "1px solid var(--mantine-color-default-border)", borderLeft: `4px solid var(--mantine-color-${accents[data.kind] ?? "gray"}-6)`, background: "var(--mantine-color-body)" }}>
      {data.kind !== "entry" && <Handle type="target" position={Position.Top} style={{ opacity: 0 }} />}
      {data.kind !== "entry" && <Handle type="target" id="aside" position={Position.Right} style={{ opacity: 0 }} />}
      <Text size="xs" c="dimmed">{t(`node.${data.kind}`, { defaultValue: data.kind })}</Text>
      <Text size="sm" fw={600} lineClamp={2}>{data.label}</Text>
      {data.detail && <Text size="xs" c="dimmed" lineClamp={2}>{data.detail}</Text>}
      {(data.standing ?? 0) + (data.passed ?? 0) > 0 && <Text size="xs" className="num" mt={4}>{t("journey.counts", { standing: count(data.standing ?? 0), passed: count(data.passed ?? 0) })}</Text>}
      <Handle type="source" position={Position.Bottom} style={{ opacity: 0 }} />
      <Handle type="source" id="aside" position={Position.Right} style={{ opacity: 0 }} />
    </div>
  );
}
const nodeTypes = { box: NodeBox };

function Canvas({ journey, people, onNode }: { journey: JourneyData; people?: JourneyPeople; onNode: (id: string) => void }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const { nodes, edges, height } = useMemo(() => layout(journey, people, t), [journey, people, t]);
  return (
    <Card withBorder padding={0} h={height} aria-label={t("journey.flow")}>
      <ReactFlow nodes={nodes} edges={edges} nodeTypes={nodeTypes} fitView fitViewOptions={{ maxZoom: 1, padding: 0.15 }} minZoom={0.2} nodesDraggable={false} nodesConnectable={false} colorMode={dark ? "dark" : "light"} onNodeClick={(_, n) => n.id !== "~entry" && onNode(n.id)} proOptions={{ hideAttribution: true }}
        ariaLabelConfig={{ "controls.zoomIn.ariaLabel": t("flow.zoomIn"), "controls.zoomOut.ariaLabel": t("flow.zoomOut"), "controls.fitView.ariaLabel": t("flow.fit"), "controls.ariaLabel": t("flow.controls") }}>
        <Background gap={20} />
        <Controls showInteractive={false} />
      </ReactFlow>
      <Title order={2} className="skip">{t("journey.flow")}</Title>
    </Card>
  );
}

const rowHeight = 156;

/** Layers by the longest way from the entry; within a layer in the order of discovery. */
function layout(journey: JourneyData, people: JourneyPeople | undefined, t: TFunction) {
  const definition = journey.definition as JourneyDefinition;
  const all = definition.nodes ?? {};
  const outs = (n: JourneyNode): [string, string][] => [
    ...(n.branches ?? []).map((b): [string, string] => [b.next, t("flow.if")]),
    ...(n.else ? [[n.else, t("flow.else")] as [string, string]] : []),
    ...(n.next ? [[n.next, n.until_event ? t("flow.happened") : ""] as [string, string]] : []),
    ...(n.on_timeout ? [[n.on_timeout, t("flow.timeout")] as [string, string]] : []),
  ].filter(([to]) => all[to]);
  const start = definition.start ?? Object.keys(all)[0];
  const depth = new Map<string, number>();
  const walk = (id: string, d: number, seen: Set<string>) => {
    if (seen.has(id) || (depth.get(id) ?? -1) >= d) return;
    depth.set(id, d);
    for (const [to] of outs(all[id])) walk(to, d + 1, new Set([...seen, id]));
  };
  if (start) walk(start, 1, new Set());
  for (const id of Object.keys(all)) if (!depth.has(id)) depth.set(id, 1);
  const rows = new Map<number, string[]>();
  for (const [id, d] of depth) rows.set(d, [...(rows.get(d) ?? []), id]);
  const counts = new Map((people?.nodes ?? []).map((n) => [n.id, n]));
  const entry = definition.entry;
  const starts = (entry.events ?? []).map((e) => t(`eventType.${e.replace(".", "_")}`, { defaultValue: e }));
  const nodes: Node<Box>[] = [{ id: "~entry", type: "box", position: { x: -112, y: 0 }, data: { kind: "entry", label: starts.length ? joined(starts) : t("flow.segment", { name: entry.segment }), detail: "" } }];
  for (const [d, ids] of rows) {
    ids.forEach((id, i) => {
      const n = all[id];
      const c = counts.get(id);
      const kind = n.type === "wait" && n.until_event ? "until_event" : n.type;
      nodes.push({ id, type: "box", position: { x: (i - (ids.length - 1) / 2) * 260 - 112, y: d * rowHeight }, data: { kind, label: pick(c?.title) || pick(n.title) || describe(n, t), detail: detail(n, t), standing: c?.standing, passed: c?.passed } });
    });
  }
  const edges: Edge[] = start ? [{ id: "~entry", source: "~entry", target: start, type: "smoothstep" }] : [];
  // A way that skips a layer goes beside the boxes, not behind them.
  let beside = 0;
  const aside = () => ({ sourceHandle: "aside", targetHandle: "aside", pathOptions: { offset: 24 + 20 * beside++ } });
  for (const id of Object.keys(all)) outs(all[id]).forEach(([to, label], i) => edges.push({ id: `${id}-${to}-${i}`, source: id, target: to, label: label.length > 28 ? label.slice(0, 27) + "…" : label, type: "smoothstep", ...(depth.get(to)! - depth.get(id)! === 1 ? {} : aside()) }));
  return { nodes, edges, height: Math.min(960, Math.max(420, (Math.max(0, ...depth.values()) + 1) * 128)) };
}

function describe(n: JourneyNode, t: TFunction): string {
  if (n.type === "wait") return n.for ? t("flow.waitFor", { d: duration(n.for, t) }) : t("flow.waitEvent");
  if (n.type === "message") return n.template ?? Object.values(n.templates ?? {}).join(" / ");
  if (n.type === "exit") return t("node.exit");
  return t(`node.${n.type}`, { defaultValue: n.type });
}
function detail(n: JourneyNode, t: TFunction): string {
  if (n.type === "message") return (n.channels ?? []).map((c) => t(`channel.${c}`)).join(" → ");
  if (n.until_event && n.timeout) return t("flow.atMost", { d: duration(n.timeout, t) });
  return "";
}
function duration(d: string, t: TFunction): string {
  const m = /^(\d+)([smhdw])$/.exec(d);
  return m ? t(`unit.${m[2]}`, { n: m[1] }) : d;
}
