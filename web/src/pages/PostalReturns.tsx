import { Alert, Anchor, Badge, Button, Card, FileButton, Group, Stack, Table, Text, Textarea, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, day, instant } from "../format";
import { actor, joined, pick, sentences } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { PostalTabs } from "../parts/PostalTabs";
import type { PostalReturns as Became } from "../types";

const states = ["taken", "known", "unknown", "foreign", "erased"] as const;

/** Pieces that came back: scanned, pasted or from a file. No post goes to these addresses any more. */
export function PostalReturns() {
  const { t } = useTranslation();
  const [params] = useSearchParams();
  const batch = params.get("batch") ?? undefined;
  const list = useApi("/postal/returns", { query: { batch, limit: 500 } }, { refetchInterval: 15_000 });
  const items = list.data?.items;
  return (
    <Page title={t("nav.outbox")} about={t("returns.about")}>
      <PostalTabs at="returns" />
      <Take taken={() => void list.refetch()} />
      {list.error && !items && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {!items && !list.error && <Loading />}
      {items?.length === 0 && <Empty title={t("returns.none")}>{t("returns.noneText")}</Empty>}
      {items && items.length > 0 && <Card withBorder padding={0}><div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("returns.code")}</Table.Th><Table.Th>{t("reason")}</Table.Th><Table.Th>{t("postal.batch")}</Table.Th><Table.Th>{t("returns.returnedAt")}</Table.Th><Table.Th>{t("returns.takenAt")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{items.map((x) => <Table.Tr key={x.code}><Table.Td className="mono">{x.code}</Table.Td><Table.Td>{pick(x.reason_label)}</Table.Td><Table.Td><Anchor component={Link} to={`/postal/${x.batch}`} size="sm">{t("returns.toBatch")}</Anchor></Table.Td><Table.Td className="num">{day(x.returned_at)}</Table.Td><Table.Td className="num">{joined([instant(x.taken_at), actor(x.actor)])}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </div></Card>}
    </Page>
  );
}

function Take({ taken }: { taken: () => void }) {
  const { t } = useTranslation();
  const [lines, setLines] = useState("");
  const [became, setBecame] = useState<Became | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const n = lines.split("\n").filter((l) => l.trim()).length;
  const go = async () => {
    setBusy(true);
    try {
      setBecame(await request("post", "/postal/returns", { body: { lines } }));
      setLines("");
      setError(null);
      taken();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Stack gap="md">
        <Title order={2}>{t("returns.take")}</Title>
        <Textarea label={t("returns.lines")} description={t("returns.linesHint")} inputWrapperOrder={["label", "input", "description", "error"]} autosize minRows={4} maxRows={12} spellCheck={false} classNames={{ input: "mono" }} value={lines} onChange={(e) => setLines(e.currentTarget.value)} />
        <Group justify="space-between" gap="md">
          <FileButton onChange={(f) => void f?.text().then(setLines)} accept=".csv,.txt,text/csv,text/plain">{(props) => <Button {...props} size="xs" variant="default">{t("listFill.file")}</Button>}</FileButton>
          <Group gap="md"><Text size="sm" c="dimmed">{n > 0 && t("returns.then", { n: count(n) })}</Text><Button loading={busy} disabled={n === 0} onClick={() => void go()}>{t("returns.do")}</Button></Group>
        </Group>
        {error && <ProblemBox error={error} />}
        {became && <Result r={became} />}
      </Stack>
    </Card>
  );
}

function Result({ r }: { r: Became }) {
  const { t } = useTranslation();
  const wrong = r.lines.filter((l) => l.state !== "taken");
  return (
    <Alert color={wrong.length > 0 ? "orange" : "teal"} role="status" title={t("returns.taken", { n: count(r.taken) })}>
      <Text size="sm">{sentences(...states.slice(1).filter((s) => r[s] > 0).map((s) => t(`returns.state_${s}`, { n: count(r[s]) })))}</Text>
      {wrong.length > 0 && <Table verticalSpacing={2} mt="sm" maw={720}>
        <Table.Thead><Table.Tr><Table.Th>{t("listFill.line")}</Table.Th><Table.Th>{t("returns.code")}</Table.Th><Table.Th>{t("status")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{wrong.slice(0, 50).map((l) => <Table.Tr key={l.line}><Table.Td className="num">{count(l.line)}</Table.Td><Table.Td className="mono">{l.text || l.code}</Table.Td><Table.Td><Badge variant="light" color="orange">{pick(l.state_label)}</Badge></Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>}
    </Alert>
  );
}
