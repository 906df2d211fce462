import { Alert, Anchor, Button, Card, FileButton, Group, Progress, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { address, request, useApi, type ApiError } from "../api";
import { count, day } from "../format";
import { pick, joined } from "../i18n";
import { DataTabs } from "../parts/DataTabs";
import { modals, tell } from "../parts/confirm";
import { ImportForm } from "../parts/ImportForm";
import { Empty, Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { upload } from "../parts/upload";
import type { Import as Row, ImportPlan } from "../types";
import { files } from "./Imports";

const ofCatalogue = (type: string) => type.startsWith("catalogue.");

const works = (m?: Row) => m?.state === "running" || m?.state === "checking";

/** One file: how it is read, what would come, its progress, what came and what is to be mended. */
export function Import() {
  const { t } = useTranslation();
  const go = useNavigate();
  const { id = "" } = useParams();
  const like = useSearchParams()[0].get("like") ?? "";
  const one = useApi("/imports/{id}", { path: { id } }, { refetchInterval: (q) => (works(q.state.data) ? 1_000 : false) });
  const model = useApi("/imports/{id}", { path: { id: like } }, { enabled: like !== "", staleTime: Infinity });
  const [again, setAgain] = useState(false); // the form, though it was checked already
  const [error, setError] = useState<ApiError | null>(null);
  const m = one.data;
  const start = async (plan: ImportPlan, check: boolean) => {
    setError(null);
    try {
      await request("post", "/imports/{id}/start", { path: { id }, body: { ...plan, check } });
      setAgain(false);
    } catch (e) {
      setError(e as ApiError);
    }
    await one.refetch();
  };
  const end = async () => {
    if (!m) return;
    const running = works(m);
    if (m.state !== "checking" && !(await modals.confirm(t(running ? "imports.cancelTitle" : "imports.dropTitle"), t(running ? "imports.cancelText" : "imports.dropText"), t(running ? "imports.cancel" : "imports.remove")))) return;
    try {
      if (running) {
        await request("post", "/imports/{id}/cancel", { path: { id } });
        void one.refetch();
      } else {
        await request("delete", "/imports/{id}", { path: { id } });
        void go("/imports");
      }
    } catch (e) {
      tell(e);
    }
  };
  const form = m && (m.state === "ready" || m.state === "cancelled" || m.state === "failed" || (m.state === "checked" && again));
  const before = m && (m.state === "ready" ? model.data?.plan : m.plan);
  return (
    <Page title={m?.name ?? t("nav.data")} about={m && m.state !== "ready" ? pick(m.format) : undefined}
      actions={<><Anchor component={Link} to="/imports" size="sm">{t("imports.all")}</Anchor>{m && <Button variant="subtle" color="red" size="xs" onClick={() => void end()}>{t(works(m) ? "imports.cancel" : "imports.remove")}</Button>}</>}>
      <DataTabs at="/imports" />
      {one.error && !m && (one.error.problem.status === 404 ? <Empty title={t("imports.gone")} action={<Button component={Link} to="/imports">{t("imports.all")}</Button>} /> : <ProblemBox error={one.error} retry={() => void one.refetch()} />)}
      {!m && !one.error && <Loading />}
      {m?.state === "receiving" && <Rest import={m} done={() => void one.refetch()} />}
      {m?.failure && m.state === "failed" && <Alert color="red" title={t("imports.is_failed")}>{pick(m.failure)}</Alert>}
      {m?.state === "cancelled" && <Alert color="gray" title={t("imports.is_cancelled")}>{t("imports.cancelled", { n: count(m.events) })}</Alert>}
      {error && <ProblemBox error={error} />}
      {form && (!like || model.data || model.error) && <ImportForm key={m.id} import={m} before={before} check={(plan) => start(plan, true)} />}
      {works(m) && m && <Running import={m} />}
      {m?.state === "checked" && !again && <Checked import={m} start={() => start(m.plan, false)} change={() => setAgain(true)} />}
      {m?.state === "done" && <Done import={m} />}
    </Page>
  );
}

/** An upload that ended on the way goes on with the same file. */
function Rest({ import: m, done }: { import: Row; done: () => void }) {
  const { t } = useTranslation();
  const [part, setPart] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const take = async (file: File | null) => {
    if (!file) return;
    setError(null);
    if (file.size !== m.size) return setError(new Error(t("imports.otherFile")) as ApiError);
    try {
      await upload(file, m, setPart);
    } catch (e) {
      setError(e as ApiError);
    }
    setPart(null);
    done();
  };
  return (
    <>
      <Alert color="orange" title={t("imports.broken")}>
        <Stack gap="sm" align="flex-start">
          <Text size="sm">{t("imports.brokenText", { part: Math.floor((part ?? m.received / m.size) * 100) })}</Text>
          <FileButton accept={files} onChange={(f) => void take(f)}>{(props) => <Button {...props} size="xs" loading={part !== null}>{t("imports.sameFile")}</Button>}</FileButton>
        </Stack>
      </Alert>
      {error && <ProblemBox error={error} />}
    </>
  );
}

function Running({ import: m }: { import: Row }) {
  const { t } = useTranslation();
  const left = m.left > 90 ? t("imports.minutes", { count: Math.ceil(m.left / 60) }) : m.left > 0 ? t("imports.seconds", { count: m.left }) : "";
  return (
    <Card withBorder>
      <Stack gap="sm" role="status">
        <Text fw={600}>{m.total === 0 ? t("imports.waits") : joined([t(m.state === "checking" ? "imports.checkedSoFar" : "imports.soFar", { rows: count(m.rows), total: count(m.total) }), left])}</Text>
        <Progress value={m.part * 100} aria-label={t(`imports.is_${m.state}`)} animated />
        <Text size="sm" c="dimmed">{joined([m.rate > 0 && t("imports.rate", { n: count(Math.round(m.rate)) }), m.rejected > 0 && t("imports.toMend", { n: count(m.rejected) })])}</Text>
        {m.state === "running" && <Text size="sm" c="dimmed">{t("imports.closable")}</Text>}
      </Stack>
    </Card>
  );
}

/** What the file has: by type, people, from when until when. */
function Counts({ import: m }: { import: Row }) {
  const { t } = useTranslation();
  return (
    <SimpleGrid cols={{ base: 2, sm: 4 }}>
      {m.types.map((x) => <Figure key={x.type} label={pick(x.label)} value={count(x.events)} />)}
      {m.created > 0 && <Figure label={t("imports.created")} value={count(m.created)} />}
      {m.cheaper > 0 && <Figure label={t("imports.cheaper")} value={count(m.cheaper)} />}
      {m.back > 0 && <Figure label={t("imports.back")} value={count(m.back)} />}
      {m.from && <Figure label={t("imports.people")} value={count(m.people)} note={t("imports.peopleNote")} />}
      <Figure label={t("imports.rejected")} value={count(m.rejected)} />
      {m.from && <Figure label={t("imports.range")} value={<Text span fz="md" fw={700}>{day(m.from)}</Text>} note={t("imports.until", { at: day(m.to) })} />}
    </SimpleGrid>
  );
}

function Checked({ import: m, start, change }: { import: Row; start: () => Promise<void>; change: () => void }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const begin = async () => {
    setBusy(true);
    await start();
    setBusy(false);
  };
  return (
    <>
      <Title order={2} size="h4">{t("imports.wouldCome", { rows: count(m.rows) })}</Title>
      <Counts import={m} />
      {m.problems.length > 0 && <Problems import={m} />}
      {m.from && (m.plan.live ? <Alert color="orange">{t("imports.liveText", { n: count(m.newer) })}</Alert> : <Alert color="teal">{t("imports.history")}</Alert>)}
      {m.types.some((x) => ofCatalogue(x.type)) && (m.cheaper + m.back > 0 ? <Alert color="orange">{t("imports.tells", { cheaper: count(m.cheaper), back: count(m.back) })}</Alert> : <Alert color="teal">{t("imports.tellsNobody")}</Alert>)}
      {m.events === 0 && <Alert color="orange">{t("imports.nothing")}</Alert>}
      <Group><Button loading={busy} disabled={m.events === 0} onClick={() => void begin()}>{t("imports.start", { n: count(m.events) })}</Button><Button variant="default" onClick={change}>{t("imports.change")}</Button></Group>
    </>
  );
}

/** The first three rows that do not come, each with what to do. */
function Problems({ import: m }: { import: Row }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding={0}>
      <div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("imports.line")}</Table.Th><Table.Th>{t("imports.column")}</Table.Th><Table.Th>{t("imports.value")}</Table.Th><Table.Th>{t("imports.fix")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {m.problems.slice(0, 3).map((p) => (
              <Table.Tr key={`${p.line}.${p.field}`}><Table.Td className="num">{count(p.line)}</Table.Td><Table.Td>{p.columns.join(t("comma")) || "—"}</Table.Td><Table.Td>{p.value || "—"}</Table.Td><Table.Td>{pick(p.reason)}</Table.Td></Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}

function Done({ import: m }: { import: Row }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [busy, setBusy] = useState(false);
  const again = async (file: File | null) => {
    if (!file) return;
    setBusy(true);
    try {
      const next = await upload(file, undefined, () => undefined);
      void go(`/imports/${next.id}?like=${m.id}`);
    } catch (e) {
      tell(e);
    }
    setBusy(false);
  };
  return (
    <>
      <Alert color={m.rejected ? "orange" : "teal"} role="status" title={joined([t("imports.came", { n: count(m.events) }), m.rejected > 0 && t("imports.toMend", { n: count(m.rejected) })])}>
        <Text size="sm">{t(m.plan.live ? "imports.doneLive" : "imports.history")}</Text>
      </Alert>
      {m.rejected > 0 && (
        <>
          <Problems import={m} />
          <Card withBorder>
            <Stack gap="sm" align="flex-start">
              <Title order={2} size="h4">{t("imports.mend")}</Title>
              <Text size="sm">{t("imports.mendText")}</Text>
              <Group gap="sm">
                {m.rejects && <Button component="a" variant="default" size="xs" href={address("/imports/{id}/rejects", { path: { id: m.id } })} download>{t("imports.mendSave", { n: count(m.rejected) })}</Button>}
                <FileButton accept={files} onChange={(f) => void again(f)}>{(props) => <Button {...props} size="xs" loading={busy}>{t("imports.mendTake")}</Button>}</FileButton>
              </Group>
            </Stack>
          </Card>
        </>
      )}
      <Counts import={m} />
    </>
  );
}
