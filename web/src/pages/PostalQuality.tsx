import { Alert, Anchor, Badge, Button, Card, FileButton, Group, Progress, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { request, useApi, type ApiError, type Got } from "../api";
import { count, instant, percent } from "../format";
import { actor, joined, pick } from "../i18n";
import { Address, AddressForm, Problems } from "../parts/Address";
import { Empty, Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { PostalTabs } from "../parts/PostalTabs";
import type { PostalTroubled } from "../types";

type Quality = Got<"/postal/quality">;

/** How the addresses of everybody stand: what is wrong with how many, and each with its fix. */
export function PostalQuality() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const problem = params.get("problem") ?? "";
  const quality = useApi("/postal/quality", {}, { refetchInterval: 30_000 });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const q = quality.data;
  const again = async () => {
    setBusy(true);
    try {
      await request("post", "/postal/quality/check", {});
      setError(null);
      await quality.refetch();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page title={t("nav.outbox")} about={t("quality.about")} actions={<Button size="xs" variant="default" loading={busy} onClick={() => void again()}>{t("quality.again")}</Button>}>
      <PostalTabs at="quality" />
      {error && <ProblemBox error={error} />}
      {quality.error && !q && <ProblemBox error={quality.error} retry={() => void quality.refetch()} />}
      {!q && !quality.error && <Loading />}
      {q && (
        <>
          <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="md">
            <Figure label={t("quality.usable")} value={q.people > 0 ? percent(q.usable / q.people) : "—"} note={t("quality.usableNote", { n: count(q.usable), of: count(q.people) })} />
            <Figure label={t("quality.troubled")} value={count(Math.max(0, q.people - q.usable - q.no_address))} note={t("quality.troubledNote")} />
            <Figure label={t("quality.noAddress")} value={count(q.no_address)} note={q.checked_at ? t("quality.checked", { at: instant(q.checked_at) }) : t("quality.notChecked")} />
          </SimpleGrid>
          <Counts q={q} problem={problem} choose={(code) => setParams(code ? { problem: code } : {}, { replace: true })} />
          <People key={problem} problem={problem} title={pick(q.problems.find((p) => p.code === problem)?.label)} mended={() => void quality.refetch()} />
          <ZipTable q={q} taken={() => void again()} />
        </>
      )}
    </Page>
  );
}

function Counts({ q, problem, choose }: { q: Quality; problem: string; choose: (code: string) => void }) {
  const { t } = useTranslation();
  const most = Math.max(1, ...q.problems.map((p) => p.count));
  if (q.problems.length === 0) return q.people > 0 && q.checked_at ? <Alert color="teal">{t("quality.fine")}</Alert> : null;
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" mb="sm"><Title order={2}>{t("quality.problems")}</Title>{problem && <Button size="compact-sm" variant="subtle" onClick={() => choose("")}>{t("quality.showAll")}</Button>}</Group>
      <Table verticalSpacing={4}>
        <Table.Tbody>{q.problems.map((p) => (
          <Table.Tr key={p.code} bg={p.code === problem ? "var(--mantine-color-default-hover)" : undefined}>
            <Table.Td><Anchor component="button" type="button" size="sm" onClick={() => choose(p.code)} aria-pressed={p.code === problem}>{pick(p.label)}</Anchor></Table.Td>
            <Table.Td w={130}><Badge variant="light" color={p.severity === "error" ? "red" : "orange"}>{t(`quality.${p.severity}`)}</Badge></Table.Td>
            <Table.Td w="40%" className="from-sm"><Progress value={(100 * p.count) / most} aria-hidden color={p.severity === "error" ? "red" : "orange"} /></Table.Td>
            <Table.Td ta="right" className="num">{t("broadcast.nPeople", { n: count(p.count) })}</Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Card>
  );
}

function People({ problem, title, mended }: { problem: string; title: string; mended: () => void }) {
  const { t } = useTranslation();
  const [cursors, setCursors] = useState<string[]>([]);
  const [editing, setEditing] = useState<PostalTroubled | null>(null);
  const list = useApi("/postal/quality/people", { query: { problem, cursor: cursors.at(-1), limit: 50 } }, { placeholderData: (old) => old });
  const items = list.data?.items;
  if (list.error && !items) return <ProblemBox error={list.error} retry={() => void list.refetch()} />;
  if (!items) return <Loading lines={3} />;
  if (items.length === 0) return problem ? <Empty title={t("nav.nothing")} /> : null;
  return (
    <Card withBorder padding={0} component="section" aria-label={t("quality.people")}>
      <Title order={2} p="lg" pb="sm">{title || t("quality.people")}</Title>
      <div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("person.one")}</Table.Th><Table.Th>{t("addresses.title")}</Table.Th><Table.Th>{t("quality.problem")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
          <Table.Tbody>{items.map((x) => (
            <Table.Tr key={x.profile}>
              <Table.Td><Anchor component={Link} to={`/people/${x.profile}?tab=addresses`} size="sm">{x.name || t("person.unnamed")}</Anchor></Table.Td>
              <Table.Td miw={220}><Address a={x.address} /></Table.Td>
              <Table.Td miw={260}><Problems items={x.problems} /></Table.Td>
              <Table.Td ta="right"><Button size="compact-sm" variant="light" onClick={() => setEditing(x)} aria-label={t("addresses.mendOf", { name: x.name || t("person.unnamed") })}>{t("addresses.mend")}</Button></Table.Td>
            </Table.Tr>
          ))}</Table.Tbody>
        </Table>
      </div>
      {(cursors.length > 0 || list.data?.next) && <Group gap="sm" p="md">{cursors.length > 0 && <Button size="xs" variant="default" onClick={() => setCursors(cursors.slice(0, -1))}>{t("pager.previous")}</Button>}{list.data?.next && <Button size="xs" variant="default" onClick={() => setCursors([...cursors, list.data!.next!])}>{t("pager.next")}</Button>}</Group>}
      {editing && <AddressForm profile={editing.profile} name={editing.name} address={editing.address} problems={editing.problems} close={() => setEditing(null)} saved={() => { setEditing(null); void list.refetch(); mended(); }} />}
    </Card>
  );
}

const base64 = (file: File) => new Promise<string>((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
  reader.onerror = () => reject(reader.error as Error);
  reader.readAsDataURL(file);
});

/** Japan Post's table of postal codes: without it, codes are not compared with addresses. */
function ZipTable({ q, taken }: { q: Quality; taken: () => void }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const take = async (file: File | null) => {
    if (!file) return;
    setBusy(true);
    try {
      await request("put", "/postal/zip-table", { body: { name: file.name, data: await base64(file) } });
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
      <Stack gap="sm">
        <Title order={2}>{t("quality.zip")}</Title>
        <Text size="sm" c="dimmed">{t("quality.zipAbout")}</Text>
        {q.zip_files.length === 0 ? <Alert color="orange" p="sm">{t("quality.zipNone")}</Alert>
          : <div className="scroll"><Table verticalSpacing={4}><Table.Tbody>{q.zip_files.map((f) => <Table.Tr key={f.kind}><Table.Td>{pick(f.label)}</Table.Td><Table.Td className="mono">{f.name}</Table.Td><Table.Td ta="right" className="num">{t("quality.places", { n: count(f.places) })}</Table.Td><Table.Td className="num">{joined([instant(f.at), actor(f.actor)])}</Table.Td></Table.Tr>)}</Table.Tbody></Table></div>}
        {error && <ProblemBox error={error} />}
        <FileButton onChange={(f) => void take(f)} accept=".zip,.csv">{(props) => <Button {...props} size="xs" variant="default" loading={busy} w="max-content">{t("quality.zipTake")}</Button>}</FileButton>
      </Stack>
    </Card>
  );
}
