import { Badge, Button, Card, Group, Pill, SegmentedControl, Stack, Table, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { instant } from "../format";
import { language } from "../i18n";
import { DataTabs } from "../parts/DataTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import type { DeadLetter } from "../types";

const states = ["waiting", "replayed", "discarded"] as const;

export function Dead() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const state = states.find((s) => s === params.get("state")) ?? "waiting";
  const source = params.get("source") ?? "";
  const dead = useApi("/dead", { query: { state, source, limit: 100 } }, { refetchInterval: 10_000 });
  const items = dead.data?.items ?? [];
  return (
    <Page title={t("nav.dead")} about={t("dead.about")}>
      <DataTabs at="/dead" />
      <SegmentedControl value={state} onChange={(v) => setParams(source ? { state: v, source } : { state: v })} data={states.map((v) => ({ value: v, label: t(`dead.${v}`) }))} aria-label={t("status")} style={{ alignSelf: "flex-start" }} />
      {source && <Pill withRemoveButton onRemove={() => setParams({ state })} style={{ alignSelf: "flex-start" }}>{t("sources.only", { source })}</Pill>}
      {dead.error && !dead.data && <ProblemBox error={dead.error} retry={() => void dead.refetch()} />}
      {!dead.data && !dead.error && <Loading />}
      {dead.data && items.length === 0 && <Empty title={t("dead.none")}>{t("dead.noneText")}</Empty>}
      {items.map((d) => <Letter key={d.id} letter={d} done={() => void dead.refetch()} />)}
    </Page>
  );
}

function Letter({ letter: d, done }: { letter: DeadLetter; done: () => void }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const [raw, setRaw] = useState(() => pretty(d.raw));
  const [error, setError] = useState<ApiError | null>(null);
  const act = async (doing: Promise<unknown>, said: string) => {
    try {
      await doing;
      notifications.show({ message: said });
      done();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <Text fw={600} size="sm">{(language() === "ja" && d.reason_ja) || d.reason}</Text>
          <Group gap="sm"><Badge variant="light" color="gray">{t(`topic.${d.topic}`, { defaultValue: d.topic })}</Badge>{d.field && <code>{d.field}</code>}<Text size="xs" c="dimmed" className="num">{instant(d.at)}</Text></Group>
        </div>
        <Button size="xs" variant="default" style={{ flexShrink: 0 }} onClick={() => setOpen(!open)} aria-expanded={open}>{open ? t("close") : t("dead.open")}</Button>
      </Group>
      {open && (
        <Stack mt="md">
          {d.state === "waiting" ? <Textarea value={raw} onChange={(e) => setRaw(e.currentTarget.value)} autosize minRows={4} maxRows={20} label={t("dead.raw")} styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 12.5 } }} /> : <pre className="mono scroll">{raw}</pre>}
          {error && <ProblemBox error={error} />}
          {d.state === "waiting" && (
            <Group gap="sm">
              <Button size="xs" onClick={() => void act(request("post", "/dead/{id}/replay", { path: { id: d.id }, body: { raw } }), t("dead.replayedNote"))}>{t("dead.replay")}</Button>
              <Button size="xs" variant="default" onClick={() => void act(request("post", "/dead/{id}/discard", { path: { id: d.id }, body: { reason: "console" } }), t("dead.discardedNote"))}>{t("dead.discard")}</Button>
            </Group>
          )}
          <Table><Table.Tbody><Table.Tr><Table.Td>{t("dead.place")}</Table.Td><Table.Td className="mono">{d.topic} / {d.partition} / {d.offset}</Table.Td></Table.Tr></Table.Tbody></Table>
        </Stack>
      )}
    </Card>
  );
}

function pretty(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}
