import { Anchor, Badge, Button, Card, Group, MultiSelect, Pill, Table, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { address, useApi } from "../api";
import { clock, money } from "../format";
import { pick } from "../i18n";
import { Empty, Page } from "../parts/Page";
import type { LiveEvent } from "../types";

const keep = 200;

export function Live() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const types = params.getAll("type");
  const source = params.get("source") ?? "";
  const [events, setEvents] = useState<LiveEvent[]>([]);
  const [paused, setPaused] = useState(false);
  const [connected, setConnected] = useState(false);
  const held = useRef(false);
  held.current = paused;
  const home = useApi("/home", {});
  const first = useApi("/events", { query: { limit: 50, type: types, source } }, { staleTime: 0 });
  useEffect(() => {
    if (first.data) setEvents((old) => merge(old, first.data.items));
  }, [first.data]);
  const filter = types.join(",");
  useEffect(() => {
    setEvents([]);
    const stream = new EventSource(address("/live", { query: { types: filter, source } }));
    stream.onopen = () => setConnected(true);
    stream.onerror = () => setConnected(false);
    stream.addEventListener("record", (e) => {
      if (!held.current) setEvents((old) => merge(old, [JSON.parse((e as MessageEvent<string>).data) as LiveEvent]));
    });
    return () => stream.close();
  }, [filter, source]);
  const options = (home.data?.arriving.by_type_24h ?? []).map((x) => ({ value: x.type, label: pick(x.label) }));
  return (
    <Page title={t("nav.live")} about={t("live.about")} actions={
      <Group gap="sm">
        <Badge variant="dot" color={connected ? "teal" : "orange"}>{connected ? t("live.connected") : t("live.reconnecting")}</Badge>
        <Button variant="default" size="xs" onClick={() => setPaused(!paused)}>{paused ? t("live.resume") : t("live.pause")}</Button>
      </Group>
    }>
      <MultiSelect data={options} value={types} onChange={(v) => setParams([...v.map((x) => ["type", x] as [string, string]), ...(source ? [["source", source] as [string, string]] : [])])} placeholder={types.length ? undefined : t("live.all")} aria-label={t("live.types")} clearable searchable />
      {source && <Pill withRemoveButton onRemove={() => setParams(types.map((x) => ["type", x] as [string, string]))} style={{ alignSelf: "flex-start" }}>{t("sources.only", { source })}</Pill>}
      {events.length === 0 && !first.isFetching ? (
        <Empty title={t("live.none")} action={<Button component={Link} to="/settings" variant="default" size="xs">{t("live.toKeys")}</Button>}>{t("live.noneText")}</Empty>
      ) : (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing={6} horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("time")}</Table.Th><Table.Th>{t("event")}</Table.Th><Table.Th>{t("person.one")}</Table.Th><Table.Th>{t("live.what")}</Table.Th><Table.Th ta="right">{t("amount")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {events.map((e) => (
                  <Table.Tr key={e.id}>
                    <Table.Td className="num">{clock(e.appended_at || e.at)}</Table.Td>
                    <Table.Td style={{ whiteSpace: "nowrap" }}>{pick(e.label)}</Table.Td>
                    <Table.Td style={{ whiteSpace: "nowrap" }}><Anchor component={Link} to={`/people/${e.profile}`} size="sm">{e.name || t("person.unnamed")}</Anchor></Table.Td>
                    <Table.Td><Text size="sm" lineClamp={1}>{pick(e.summary)}</Text></Table.Td>
                    <Table.Td ta="right" className="num">{e.amount && e.amount !== "0" ? money(e.amount, e.currency || "JPY") : ""}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
    </Page>
  );
}

function merge(old: LiveEvent[], more: LiveEvent[]): LiveEvent[] {
  const seen = new Set(old.map((e) => e.id));
  return [...more.filter((e) => !seen.has(e.id)), ...old].sort((a, b) => (b.appended_at || b.at).localeCompare(a.appended_at || a.at)).slice(0, keep);
}
