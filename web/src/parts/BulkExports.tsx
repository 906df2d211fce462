import { Anchor, Badge, Button, Card, Group, Progress, Stack, Table, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { address, request, useApi, type Got } from "../api";
import { bytes, count, short } from "../format";
import { actor, joined, pick } from "../i18n";
import { BulkExportForm, type ExportPlan } from "./BulkExportForm";
import { modals, tell, told } from "./confirm";
import { Empty, Loading, ProblemBox } from "./Page";

type Run = Got<"/export-runs">["items"][number];

/** Formats as people call them. */
const format = (name: string) => (name === "parquet" ? "Parquet" : name === "csv" ? "CSV" : "JSON");

const colours: Record<Run["state"], string> = { waiting: "gray", running: "blue", done: "teal", failed: "red", cancelled: "gray" };

/** Whole tables as files: exports that are kept, what was exported, and a form for more. */
export function BulkExports() {
  const { t } = useTranslation();
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const tables = useApi("/export-tables", {}, { staleTime: 60_000 });
  const plans = useApi("/bulk-exports", {}, { refetchInterval: 10_000 });
  const runs = useApi("/export-runs", { query: { limit: 30 } }, { refetchInterval: (q) => (q.state.data?.items.some((r) => r.state === "waiting" || r.state === "running") ? 1_000 : 10_000) });
  const [form, setForm] = useState<ExportPlan | "new" | null>(null);
  const may = session.data?.role === "approver" || session.data?.role === "admin";
  const error = tables.error ?? plans.error ?? runs.error;
  const again = () => void Promise.all([plans.refetch(), runs.refetch()]);
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" align="flex-start" gap="md" mb="md">
        <div>
          <Title order={2} mb={4}>{t("bulk.title")}</Title>
          <Text size="sm" c="dimmed" maw={720}>{t("bulk.about")}</Text>
        </div>
        {may && <Button onClick={() => setForm("new")} disabled={!tables.data}>{t("bulk.open")}</Button>}
      </Group>
      {error && !runs.data && <ProblemBox error={error} retry={again} />}
      {!runs.data && !error && <Loading lines={3} />}
      <Stack gap="lg">
        {(plans.data?.items.length ?? 0) > 0 && <Plans items={plans.data!.items} may={may} edit={setForm} done={again} />}
        {runs.data && (runs.data.items.length === 0 ? <Empty title={t("bulk.none")}>{may && t("bulk.noneText")}</Empty> : <Runs items={runs.data.items} plans={plans.data?.items ?? []} may={may} done={again} />)}
      </Stack>
      {form && tables.data && <BulkExportForm of={form === "new" ? undefined : form} names={plans.data?.items.map((p) => p.name) ?? []} tables={tables.data.items} places={tables.data.places} close={() => setForm(null)} done={() => { setForm(null); again(); }} />}
    </Card>
  );
}

/** How a plan repeats, in words. */
function useEvery() {
  const { t } = useTranslation();
  return (p: ExportPlan) => (!p.schedule ? t("bulk.everyNone") : p.schedule.every === "day" ? `${t("bulk.day")} ${p.schedule.at}` : t("bulk.hourAt", { at: p.schedule.at }));
}

function Plans({ items, may, edit, done }: { items: ExportPlan[]; may: boolean; edit: (p: ExportPlan) => void; done: () => void }) {
  const { t } = useTranslation();
  const every = useEvery();
  const attempt = (what: Promise<unknown>, said?: string) => void what.then(() => { if (said) told(said); done(); }, tell);
  return (
    <div>
      <Title order={3} mb="xs">{t("bulk.plans")}</Title>
      <div className="scroll">
        <Table verticalSpacing="xs">
          <Table.Thead><Table.Tr><Table.Th>{t("bulk.name")}</Table.Th><Table.Th>{t("bulk.place")}</Table.Th><Table.Th>{t("bulk.every")}</Table.Th><Table.Th>{t("bulk.next")}</Table.Th><Table.Th>{t("bulk.last")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((p) => (
              <Table.Tr key={p.name}>
                <Table.Td><Text size="sm" fw={600}>{pick(p.title)}</Text><Text size="xs" c="dimmed">{format(p.what.format)}</Text></Table.Td>
                <Table.Td>{p.what.place ?? t("bulk.download")}</Table.Td>
                <Table.Td>{every(p)}</Table.Td>
                <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{p.paused ? <Badge variant="light" color="gray">{t("bulk.paused")}</Badge> : p.next ? short(p.next) : "—"}</Table.Td>
                <Table.Td>{p.last ? <Group gap={6} wrap="nowrap"><Badge variant="light" color={colours[p.last.state]}>{t(`bulk.is_${p.last.state}`)}</Badge><Text size="xs" c="dimmed" className="num">{short(p.last.created_at)}</Text></Group> : "—"}</Table.Td>
                <Table.Td>
                  {may && (
                    <Group gap={4} justify="flex-end" wrap="nowrap">
                      <Button size="compact-sm" variant="light" onClick={() => attempt(request("post", "/export-runs", { body: { plan: p.name, reason: t("bulk.again") } }), t("bulk.started"))}>{t("bulk.again")}</Button>
                      {p.schedule && <Button size="compact-sm" variant="subtle" onClick={() => attempt(request("put", "/bulk-exports/{name}", { path: { name: p.name }, body: { title: p.title, what: p.what, schedule: p.schedule, keep_days: p.keep_days, paused: !p.paused, expect: p.version } }))}>{t(p.paused ? "bulk.resume" : "bulk.pause")}</Button>}
                      <Button size="compact-sm" variant="subtle" onClick={() => edit(p)}>{t("bulk.edit")}</Button>
                    </Group>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </div>
  );
}

function Runs({ items, plans, may, done }: { items: Run[]; plans: ExportPlan[]; may: boolean; done: () => void }) {
  const { t } = useTranslation();
  const cancel = async (r: Run) => {
    if (await modals.confirm(t("bulk.cancelTitle"), t("bulk.cancelSure"), t("bulk.cancel"))) await request("post", "/export-runs/{id}/cancel", { path: { id: r.id } }).then(done, tell);
  };
  return (
    <div>
      <Title order={3} mb="xs">{t("bulk.runs")}</Title>
      <div className="scroll">
        <Table verticalSpacing="xs">
          <Table.Thead><Table.Tr><Table.Th>{t("bulk.when")}</Table.Th><Table.Th>{t("bulk.tables")}</Table.Th><Table.Th>{t("bulk.state")}</Table.Th><Table.Th ta="right">{t("bulk.rows")}</Table.Th><Table.Th ta="right">{t("bulk.bytes")}</Table.Th><Table.Th>{t("bulk.files")}</Table.Th><Table.Th>{t("bulk.who")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((r) => {
              const plan = plans.find((p) => p.name === r.plan);
              return (
                <Table.Tr key={r.id}>
                  <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{short(r.created_at)}</Table.Td>
                  <Table.Td><Text size="sm" lineClamp={2}>{joined(r.tables.map((x) => pick(x.title)))}</Text><Text size="xs" c="dimmed">{joined([plan && pick(plan.title), format(r.what.format)])}</Text></Table.Td>
                  <Table.Td miw={130}>
                    <Badge variant="light" color={colours[r.state]}>{t(`bulk.is_${r.state}`)}</Badge>
                    {r.state === "running" && <><Progress mt={6} value={r.copying ? 100 : (100 * r.rows) / Math.max(1, r.expected)} aria-label={t("bulk.is_running")} animated={r.copying} /><Text size="xs" c="dimmed" className="num">{r.copying ? t("bulk.copying") : t("bulk.of", { n: count(r.rows), all: count(r.expected) })}</Text></>}
                    {r.failure && <Text size="xs" c="red" maw={320}>{pick(r.failure)}</Text>}
                    {may && (r.state === "running" || r.state === "waiting") && <Button size="compact-xs" variant="subtle" color="red" mt={4} onClick={() => void cancel(r)}>{t("bulk.cancel")}</Button>}
                  </Table.Td>
                  <Table.Td ta="right" className="num">{r.state === "done" ? count(r.rows) : "—"}</Table.Td>
                  <Table.Td ta="right" className="num" style={{ whiteSpace: "nowrap" }}>{r.state === "done" ? bytes(r.bytes) : "—"}</Table.Td>
                  <Table.Td><Files run={r} may={may} /></Table.Td>
                  <Table.Td><Text size="sm">{actor(r.actor)}</Text><Text size="xs" c="dimmed" lineClamp={2}>{r.reason}</Text></Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </div>
    </div>
  );
}

/** Where a run's files are: links, or the folder in its place. */
function Files({ run, may }: { run: Run; may: boolean }) {
  const { t } = useTranslation();
  if (run.state !== "done") return "—";
  if (run.gone) return <Text size="xs" c="dimmed">{t("bulk.gone")}</Text>;
  if (run.what.place) return <Text size="xs" className="mono" style={{ overflowWrap: "anywhere" }} miw={160}>{run.what.place}:{run.folder}</Text>;
  const files = run.tables.flatMap((x) => x.files);
  return (
    <Stack gap={2}>
      {files.slice(0, 40).map((f) => (may ? <Anchor key={f.name} size="xs" href={address("/export-runs/{id}/files/{file}", { path: { id: run.id, file: f.name } })} download={f.name} style={{ whiteSpace: "nowrap" }}><IconDownload size={12} style={{ verticalAlign: "-2px" }} /> {f.name}</Anchor> : <Text key={f.name} size="xs">{f.name}</Text>))}
      {files.length > 40 && <Text size="xs" c="dimmed" className="num">+{count(files.length - 40)}</Text>}
    </Stack>
  );
}
