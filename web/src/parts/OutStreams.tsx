import { Alert, Anchor, Badge, Button, Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { ago, count, instant } from "../format";
import { joined, pick, sentences } from "../i18n";
import type { Stream, StreamLanguage } from "../types";
import { modals, told } from "./confirm";
import { Empty, Loading, ProblemBox } from "./Page";
import { StreamForm } from "./StreamForm";

const colours = { running: "teal", paused: "gray", failing: "red", starting: "blue" } as const;

/** Changes that leave by themselves: to a topic or to the address of another system. */
export function OutStreams() {
  const { t } = useTranslation();
  const all = useApi("/streams", {}, { refetchInterval: 3_000 });
  const language = useApi("/streams/language", {}, { staleTime: Infinity });
  const [form, setForm] = useState<Stream | "new" | null>(null);
  const items = all.data?.items ?? [];
  const make = <Button size="xs" onClick={() => setForm("new")}>{t("outflow.new")}</Button>;
  const done = () => {
    setForm(null);
    void all.refetch();
  };
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-end" gap="sm">
        <div><Title order={2} size="h4">{t("outflow.streams")}</Title><Text size="sm" c="dimmed" maw={720}>{t("outflow.streamsAbout")}</Text></div>
        {items.length > 0 && make}
      </Group>
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading lines={3} />}
      {all.data && items.length === 0 && <Empty title={t("outflow.none")} action={make}>{t("outflow.noneText")}</Empty>}
      {items.map((s) => <Row key={s.name} stream={s} language={language.data} edit={() => setForm(s)} done={done} />)}
      {form && language.data && <StreamForm stream={form === "new" ? undefined : form} taken={items.map((x) => x.name)} language={language.data} close={() => setForm(null)} saved={done} />}
    </Stack>
  );
}

function Row({ stream: s, language, edit, done }: { stream: Stream; language?: StreamLanguage; edit: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [error, setError] = useState<ApiError | null>(null);
  const [tested, setTested] = useState<Awaited<ReturnType<typeof test>> | null>(null);
  const [busy, setBusy] = useState("");
  const act = async (what: string, doing: () => Promise<unknown>) => {
    setBusy(what);
    setError(null);
    try {
      await doing();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy("");
    }
  };
  const test = () => request("post", "/streams/{name}/test", { path: { name: s.name } });
  const pause = async () => {
    if (!(await modals.confirm(t("outflow.pauseTitle", { name: pick(s.title) }), t("outflow.pauseText"), t("outflow.pause")))) return;
    await request("post", "/streams/{name}/pause", { path: { name: s.name }, body: {} });
    done();
  };
  const resume = async () => {
    await request("post", "/streams/{name}/resume", { path: { name: s.name }, body: {} });
    told(t("outflow.resumed", { count: s.waiting, n: count(s.waiting) }));
    done();
  };
  const label = (c: string) => pick(language?.groups.find((g) => g.name === c)?.label) || c;
  const to = s.stream.to === "topic" ? t("outflow.toTopic") : (s.stream.url ?? "");
  return (
    <Card withBorder padding="lg">
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" gap="sm">
          <div style={{ minWidth: 0 }}>
            <Group gap="sm"><Text fw={700}>{pick(s.title)}</Text><Badge variant="light" color={colours[s.state]}>{t(`outflow.state_${s.state}`)}</Badge></Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>{to}</Text>
            <Text size="sm" c="dimmed">{joined(s.stream.changes.map(label))}</Text>
          </div>
          <Group gap="xs">
            <Button size="xs" variant="default" loading={busy === "test"} onClick={() => void act("test", async () => setTested(await test()))}>{t("outflow.test")}</Button>
            {s.state === "paused" ? <Button size="xs" variant="light" loading={busy === "state"} onClick={() => void act("state", resume)}>{t("outflow.resume")}</Button> : <Button size="xs" variant="default" loading={busy === "state"} onClick={() => void act("state", pause)}>{t("outflow.pause")}</Button>}
            <Button size="xs" variant="default" onClick={edit}>{t("outflow.edit")}</Button>
          </Group>
        </Group>
        {s.problem && (
          <Alert color="red" icon={<IconAlertTriangle />} title={t("outflow.held", { at: ago(s.problem.since) })}>
            {sentences(pick(s.problem.text), s.problem.next ? t("outflow.nextTry", { at: instant(s.problem.next) }) : "")}
          </Alert>
        )}
        {tested && (
          <Alert color={tested.taken ? "teal" : "red"} icon={tested.taken ? <IconCheck /> : <IconAlertTriangle />} withCloseButton closeButtonLabel={t("close")} onClose={() => setTested(null)} title={t(tested.taken ? "outflow.testTaken" : "outflow.testRefused")}>
            {tested.taken ? (s.stream.to === "topic" ? t("outflow.testInTopic") : t("outflow.testAnswer", { code: tested.code ?? "", ms: tested.ms })) : pick(tested.text)}
          </Alert>
        )}
        {error && <ProblemBox error={error} />}
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
          <Number label={t("outflow.waiting")} value={count(s.waiting)} note={s.waiting > 0 ? t("outflow.lag", { count: s.lag, n: count(s.lag) }) : t("outflow.caughtUp")} />
          <Number label={t("outflow.sent")} value={count(s.sent)} note={s.sent_at ? t("outflow.last", { at: ago(s.sent_at) }) : undefined} />
          <Number label={t("outflow.leftOut")} value={count(s.left_out)} note={t("outflow.leftOutNote")} />
          <Number label={t("outflow.dead")} value={s.dead > 0 ? <Anchor component={Link} to="/dead" inherit>{count(s.dead)}</Anchor> : count(0)} note={t("outflow.deadNote")} />
        </SimpleGrid>
      </Stack>
    </Card>
  );
}

function Number({ label, value, note }: { label: string; value: React.ReactNode; note?: string }) {
  return <div><Text size="xs" c="dimmed">{label}</Text><Text fw={700} className="num">{value}</Text>{note && <Text size="xs" c="dimmed">{note}</Text>}</div>;
}
