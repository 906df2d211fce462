import { Alert, Badge, Button, Card, Code, CopyButton, Group, Progress, Stack, Table, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { ago, count, instant } from "../format";
import { language } from "../i18n";
import { DataTabs } from "../parts/DataTabs";
import { MappingTry } from "../parts/MappingTry";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import type { Connection as Row, SourceCall } from "../types";

/** A system that calls us: how it is connected, what came last, and how far its history is taken in. */
export function Connection() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const one = useApi("/connections/{name}", { path: { name } }, { refetchInterval: 3_000 });
  const role = session.data?.role;
  const edits = role === "editor" || role === "approver" || role === "admin";
  const calls = useApi("/connections/{name}/calls", { path: { name } }, { refetchInterval: 5_000, enabled: edits });
  const [sample, setSample] = useState("");
  const c = one.data;
  return (
    <Page title={name} about={c ? t(`connection.kind_${c.kind}`) : undefined}>
      <DataTabs at="/sources" />
      {one.error && !c && <ProblemBox error={one.error} retry={() => void one.refetch()} />}
      {!c && !one.error && <Loading />}
      {c && (
        <>
          <Connect row={c} />
          {c.pulls && <History row={c} may={role === "approver" || role === "admin"} done={() => void one.refetch()} />}
          {c.mapping && edits && <MappingTry name={c.mapping} builtIn={c.built_in} sample={sample} onSample={setSample} />}
          {edits && (
            <Card withBorder padding="lg">
              <Text fw={600}>{t("connection.calls")}</Text>
              <Text size="sm" c="dimmed" mb="sm">{t("connection.callsAbout")}</Text>
              {calls.error && !calls.data && <ProblemBox error={calls.error} retry={() => void calls.refetch()} />}
              {calls.data?.items.length === 0 && <Empty title={t("connection.noCalls")}>{t("connection.noCallsText")}</Empty>}
              {(calls.data?.items.length ?? 0) > 0 && <Calls items={calls.data?.items ?? []} take={c.mapping ? setSample : undefined} />}
            </Card>
          )}
        </>
      )}
    </Page>
  );
}

/** What to enter at the other system, and whether it works. */
function Connect({ row: c }: { row: Row }) {
  const { t } = useTranslation();
  const address = location.origin + c.path;
  const s = c.state;
  return (
    <Card withBorder padding="lg">
      <Stack gap="sm">
        <Text fw={600}>{t("connection.how")}</Text>
        <Group gap="sm">
          <Code style={{ wordBreak: "break-all" }}>{address}</Code>
          <CopyButton value={address}>{({ copied, copy }) => <Button size="compact-xs" variant="default" onClick={copy}>{copied ? t("connection.copied") : t("connection.copy")}</Button>}</CopyButton>
        </Group>
        <Text size="sm">{t(`connection.steps_${c.kind}`)}</Text>
        <Text size="sm" c="dimmed">{t("connection.secret", { name: c.name })}</Text>
        <Group gap="lg">
          <Text size="sm">{t("connection.last")}: {s.last_at ? ago(s.last_at) : t("connection.never")}</Text>
          <Text size="sm" className="num">{t("connection.count", { n: count(s.calls) })}</Text>
          <Text size="sm" className="num">{t("connection.refused", { n: count(s.refused) })}</Text>
        </Group>
        {s.forged > 0 && <Alert color="red" variant="light" title={t("connection.forged", { n: count(s.forged) })}>{t("connection.forgedText", { at: instant(s.forged_at), name: c.name })}</Alert>}
      </Stack>
    </Card>
  );
}

/** The shop's history: begun, watched and ended here. Nothing is sent for it. */
function History({ row: c, may, done }: { row: Row; may: boolean; done: () => void }) {
  const { t } = useTranslation();
  const [error, setError] = useState<ApiError | null>(null);
  const p = c.pull;
  const running = p?.state === "running";
  const act = async (doing: Promise<unknown>, said: string) => {
    try {
      await doing;
      setError(null);
      notifications.show({ message: said });
      done();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Stack gap="sm">
        <Group justify="space-between">
          <div><Text fw={600}>{t("connection.history")}</Text><Text size="sm" c="dimmed">{t("connection.historyAbout")}</Text></div>
          {may && !running && <Button size="xs" onClick={() => void act(request("post", "/connections/{name}/pull", { path: { name: c.name }, body: {} }), t("connection.begun"))}>{t("connection.begin")}</Button>}
          {may && running && <Button size="xs" variant="default" onClick={() => void act(request("delete", "/connections/{name}/pull", { path: { name: c.name } }), t("connection.ending"))}>{t("connection.end")}</Button>}
        </Group>
        {error && <ProblemBox error={error} />}
        {p && <Group gap="sm"><Badge variant="light" color={p.state === "done" ? "teal" : p.state === "running" ? "blue" : "gray"}>{t(`connection.is_${p.state}`, { defaultValue: p.state })}</Badge><Text size="sm" c="dimmed">{instant(p.began_at)}</Text></Group>}
        {p?.text && <Alert color="orange" variant="light" title={t("connection.waits")}>{p.text}</Alert>}
        {p?.parts?.map((x) => (
          <div key={x.resource}>
            <Group justify="space-between"><Text size="sm">{t(`connection.part_${x.resource}`, { defaultValue: x.resource })}</Text><Text size="sm" className="num">{t("connection.events", { n: count(x.events) })}</Text></Group>
            <Progress value={x.done ? 100 : x.objects ? Math.min(99, (100 * x.lines) / x.objects) : 0} aria-label={t(`connection.part_${x.resource}`, { defaultValue: x.resource })} />
          </div>
        ))}
        {c.checked?.text && <Alert color="orange" variant="light" title={t("connection.checkedPart")}>{c.checked.text}</Alert>}
        {c.checked && <Text size="sm" c="dimmed">{t("connection.checked", { at: ago(c.checked.began_at) })}</Text>}
      </Stack>
    </Card>
  );
}

const colours: Record<SourceCall["outcome"], string> = { taken: "teal", repeat: "gray", left: "gray", refused: "red", later: "orange" };

function Calls({ items, take }: { items: SourceCall[]; take?: (body: string) => void }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(-1);
  return (
    <div className="scroll">
      <Table verticalSpacing="xs">
        <Table.Thead><Table.Tr><Table.Th>{t("connection.at")}</Table.Th><Table.Th>{t("connection.topic")}</Table.Th><Table.Th>{t("connection.outcome")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((x, i) => (
            <Table.Tr key={`${x.at}${x.topic}${i}`}>
              <Table.Td className="num" style={{ whiteSpace: "nowrap", verticalAlign: "top" }}>{instant(x.at)}</Table.Td>
              <Table.Td style={{ verticalAlign: "top" }}>{x.topic || "—"}</Table.Td>
              <Table.Td>
                <Badge variant="light" color={colours[x.outcome]}>{t(`connection.out_${x.outcome}`)}</Badge> <Text span size="sm">{x.field && <code>{x.field} </code>}{(language() === "ja" && x.reason_ja) || x.reason}</Text>
                {open === i && <Textarea mt="xs" readOnly value={x.body} autosize minRows={3} maxRows={16} aria-label={t("connection.body")} styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 12.5 } }} />}
              </Table.Td>
              <Table.Td style={{ verticalAlign: "top" }}>
                <Group gap="xs" wrap="nowrap">
                  <Button size="compact-xs" variant="default" aria-expanded={open === i} onClick={() => setOpen(open === i ? -1 : i)}>{open === i ? t("close") : t("connection.show")}</Button>
                  {take && <Button size="compact-xs" variant="default" onClick={() => take(x.body)}>{t("connection.try")}</Button>}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
