import { Alert, Anchor, Badge, Button, Card, Checkbox, FileButton, Group, Progress, Select, SimpleGrid, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { address, request, useApi, type ApiError } from "../api";
import { count, short } from "../format";
import { pick } from "../i18n";
import { DataTabs } from "../parts/DataTabs";
import { modals, tell } from "../parts/confirm";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { base64 } from "../parts/upload";
import type { Move, MoveFile } from "../types";

const tools = [["klaviyo", "Klaviyo"], ["mailchimp", "Mailchimp"], ["karte", "KARTE"], ["salesforce", "Salesforce"]] as const;
const toolName = (from: string) => tools.find(([x]) => x === from)?.[1] ?? from;
const colours: Record<Move["state"], string> = { draft: "gray", running: "blue", done: "teal", failed: "red", cancelled: "gray" };

/** Moving in from another tool: what was moved, and where a new move begins. */
export function Moving() {
  const { t } = useTranslation();
  const go = useNavigate();
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const all = useApi("/moves", {}, { refetchInterval: 5_000 });
  const items = all.data?.items ?? [];
  const admin = session.data?.role === "admin";
  const begin = async (from: Move["from"]) => {
    try {
      const m = await request("post", "/moves", { body: { from } });
      void go(`/moving/${m.id}`);
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Page title={t("nav.data")} about={t("moving.about")}>
      <DataTabs at="/moving" />
      <Card withBorder>
        <Title order={2} size="h4" mb="xs">{t("moving.fromWhere")}</Title>
        <Text size="sm" c="dimmed" mb="md">{t("moving.promise")}</Text>
        <Group gap="sm">{tools.map(([from, name]) => <Button key={from} variant="default" disabled={!admin} onClick={() => void begin(from)}>{name}</Button>)}</Group>
        {session.data && !admin && <Text size="sm" c="dimmed" mt="sm">{t("moving.admin")}</Text>}
      </Card>
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading />}
      {all.data && items.length === 0 && <Empty title={t("moving.none")}>{t("moving.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md">
              <Table.Thead><Table.Tr><Table.Th>{t("moving.from")}</Table.Th><Table.Th>{t("moving.state")}</Table.Th><Table.Th ta="right">{t("moving.rows")}</Table.Th><Table.Th ta="right">{t("moving.stopped")}</Table.Th><Table.Th>{t("moving.begun")}</Table.Th><Table.Th>{t("moving.by")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((m) => (
                  <Table.Tr key={m.id}>
                    <Table.Td><Anchor component={Link} to={`/moving/${m.id}`} size="sm" fw={600}>{toolName(m.from)}</Anchor></Table.Td>
                    <Table.Td><Badge variant="light" color={colours[m.state]}>{t(`moving.is_${m.state}`)}</Badge></Table.Td>
                    <Table.Td ta="right" className="num">{count(m.rows)}</Table.Td><Table.Td ta="right" className="num">{count(m.suppressed)}</Table.Td>
                    <Table.Td className="num">{short(m.started_at ?? m.created_at)}</Table.Td><Table.Td>{m.actor}</Table.Td>
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

/** One move: bring the files, look, begin, follow, read the report, turn sending on. */
export function MovingOne() {
  const { t } = useTranslation();
  const go = useNavigate();
  const { id = "" } = useParams();
  const one = useApi("/moves/{id}", { path: { id } }, { refetchInterval: (q) => (q.state.data?.state === "running" ? 1_000 : false) });
  const m = one.data;
  const drop = async () => {
    if (!m || !(await modals.confirm(t("moving.dropTitle"), t(m.state === "running" ? "moving.cancelText" : "moving.dropText"), t(m.state === "running" ? "moving.cancel" : "moving.drop")))) return;
    try {
      await request("delete", "/moves/{id}", { path: { id } });
      if (m.state === "running") void one.refetch();
      else void go("/moving");
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Page title={m ? <Group gap="sm"><span>{t("moving.fromTool", { tool: toolName(m.from) })}</span>{m.state !== "draft" && <Badge variant="light" color={colours[m.state]}>{t(`moving.is_${m.state}`)}</Badge>}</Group> : t("nav.data")} actions={m && <Button variant="subtle" color="red" size="xs" onClick={() => void drop()}>{t(m.state === "running" ? "moving.cancel" : "moving.drop")}</Button>}>
      <DataTabs at="/moving" />
      {one.error && !m && <ProblemBox error={one.error} retry={() => void one.refetch()} />}
      {!m && !one.error && <Loading />}
      {m?.state === "draft" && <Draft move={m} changed={() => void one.refetch()} />}
      {m?.state === "running" && (
        <Card withBorder>
          <Stack gap="sm" role="status">
            <Text fw={600}>{m.rows === 0 ? t("moving.firstStops") : t("moving.progress", { rows: count(m.rows), of: count(m.of) })}</Text>
            <Progress value={m.of ? (m.rows / m.of) * 100 : 0} aria-label={t("moving.state")} animated />
            {m.left ? <Text size="sm" c="dimmed">{t("moving.left", { count: Math.ceil(m.left / 60) })}</Text> : null}
            <Text size="sm" c="dimmed">{t("moving.history")}</Text>
          </Stack>
        </Card>
      )}
      {m?.state === "failed" && m.problem && <Alert color="red" title={t("moving.is_failed")}>{pick(m.problem)}</Alert>}
      {m && m.state !== "draft" && <Report move={m} turned={() => void one.refetch()} />}
    </Page>
  );
}

const piece = 1 << 20; // bytes of a file in one request

function Draft({ move: m, changed }: { move: Move; changed: () => void }) {
  const { t } = useTranslation();
  const [sending, setSending] = useState<{ name: string; part: number } | null>(null);
  const [provider, setProvider] = useState(m.line_provider);
  const [error, setError] = useState<ApiError | null>(null);
  const attempt = async (what: () => Promise<unknown>) => {
    setError(null);
    try {
      await what();
    } catch (e) {
      setError(e as ApiError);
    }
    setSending(null);
    changed();
  };
  const bring = (files: File[]) => void attempt(async () => {
    for (const f of files) {
      for (let at = 0; at === 0 || at < f.size; at += piece) {
        setSending({ name: f.name, part: f.size ? (at / f.size) * 100 : 0 });
        const bytes = new Uint8Array(await f.slice(at, at + piece).arrayBuffer());
        await request("post", "/moves/{id}/files", { path: { id: m.id }, body: { name: f.name, offset: at, data: base64(bytes) } });
      }
    }
  });
  const change = (body: { no_suppressions?: boolean; presets?: Record<string, string> }) => void attempt(() => request("put", "/moves/{id}", { path: { id: m.id }, body: { no_suppressions: m.no_suppressions, line_provider: provider, ...body } }));
  const start = async () => {
    if (!(await modals.confirm(t("moving.startTitle"), t("moving.startText"), t("moving.start")))) return;
    await attempt(() => request("post", "/moves/{id}/start", { path: { id: m.id }, body: {} }));
  };
  const line = m.files.some((f) => f.preset === "line-ids");
  return (
    <>
      <Card withBorder>
        <Stack gap="sm">
          <Title order={2} size="h4">{t("moving.bring")}</Title>
          <Text size="sm">{t(`moving.export_${m.from}`)}</Text>
          <Group gap="sm">
            <FileButton multiple accept=".csv,.tsv,.txt,text/csv" onChange={bring}>{(props) => <Button {...props} leftSection={<IconUpload size={16} aria-hidden />} loading={sending !== null}>{t("moving.choose")}</Button>}</FileButton>
            {sending && <Text size="sm" role="status">{t("moving.sending", { name: sending.name, part: Math.round(sending.part) })}</Text>}
          </Group>
          <Text size="xs" c="dimmed">{t("moving.kept")}</Text>
        </Stack>
      </Card>
      {error && <ProblemBox error={error} />}
      {m.files.length > 0 && <Files files={m.files} choose={(name, preset) => change({ presets: { [name]: preset } })} />}
      {m.files.length > 0 && (
        <Card withBorder>
          <Stack gap="sm">
            {m.stop && <Alert color="orange" title={t("moving.cannot")}>{pick(m.stop)}</Alert>}
            <Checkbox label={t("moving.noStops")} description={t("moving.noStopsText")} checked={m.no_suppressions} onChange={(e) => change({ no_suppressions: e.currentTarget.checked })} />
            {line && <TextInput maw={360} label={t("moving.provider")} description={t("moving.providerText")} value={provider} onChange={(e) => setProvider(e.currentTarget.value)} onBlur={() => provider !== m.line_provider && change({})} />}
            <Group><Button disabled={Boolean(m.stop) || sending !== null} onClick={() => void start()}>{t("moving.start")}</Button><Text size="sm" c="dimmed">{t("moving.history")}</Text></Group>
          </Stack>
        </Card>
      )}
    </>
  );
}

function Files({ files, choose }: { files: MoveFile[]; choose: (name: string, preset: string) => void }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding={0}>
      <div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("moving.file")}</Table.Th><Table.Th ta="right">{t("moving.rows")}</Table.Th><Table.Th>{t("moving.what")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {files.map((f, i) => (
              <Table.Tr key={f.name}>
                <Table.Td><Text size="sm" fw={600}>{f.preset ? `${i + 1}. ${f.name}` : f.name}</Text></Table.Td>
                <Table.Td ta="right" className="num">{count(f.of)}</Table.Td>
                <Table.Td>
                  {f.choices.length > 0 ? (
                    <Select size="xs" maw={420} aria-label={t("moving.whatOf", { name: f.name })} allowDeselect={false} value={f.preset || "-"} onChange={(v) => v && choose(f.name, v)} data={[...f.choices.map((c) => ({ value: c.preset, label: pick(c.title) })), { value: "-", label: t("moving.leave") }]} />
                  ) : <Text size="sm">{f.preset ? pick(f.title) : t("moving.unknown")}</Text>}
                  {f.problem && <Text size="xs" fw={600}>{pick(f.problem)}</Text>}
                  {f.kept.length > 0 && <Text size="xs" c="dimmed">{t("moving.keptColumns", { names: f.kept.join(", ") })}</Text>}
                  {f.preset && f.left.length > 0 && <Text size="xs" c="dimmed" lineClamp={2}>{t("moving.leftColumns", { names: f.left.join(", ") })}</Text>}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}

/** What came and what did not, and what goes when sending is turned on. */
function Report({ move: m, turned }: { move: Move; turned: () => void }) {
  const { t } = useTranslation();
  const on = async () => {
    const waiting = count(m.after?.waiting);
    const journeys = count(m.after?.journeys);
    if (!(await modals.confirm(t("moving.onTitle"), t("moving.onText", { waiting, journeys }), t("moving.on")))) return;
    try {
      await request("post", "/sending/on", { body: { reason: t("moving.onReason", { tool: toolName(m.from) }) } });
    } catch (e) {
      tell(e);
    }
    turned();
  };
  const refused = m.files.reduce((n, f) => n + f.refused, 0);
  return (
    <>
      {m.after?.sending === "off" && (
        <Alert color="orange" title={t("moving.off")}>
          <Stack gap="xs" align="flex-start">
            <Text size="sm">{t("moving.offText", { waiting: count(m.after.waiting), journeys: count(m.after.journeys) })}</Text>
            {m.after.reach.length > 0 && <Text size="sm">{t("moving.reach", { list: m.after.reach.map((r) => `${pick(r.channel)} ${count(r.people)}`).join("・") })}</Text>}
            <Button size="xs" onClick={() => void on()}>{t("moving.on")}</Button>
          </Stack>
        </Alert>
      )}
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        {([["people", m.people], ["stopped", m.suppressed], ["overruled", m.overruled], ["refused", refused]] as const).map(([key, n]) => <Card key={key} withBorder><Text size="xs" c="dimmed">{t(`moving.${key}`)}</Text><Text size="xl" fw={700} className="num">{count(n)}</Text></Card>)}
      </SimpleGrid>
      {m.consents.length > 0 && <Text size="sm">{m.consents.map((c) => t("moving.words", { channel: pick(c.channel), in: count(c.in), out: count(c.out) })).join(" / ")}</Text>}
      <Card withBorder padding={0}>
        <div className="scroll">
          <Table verticalSpacing="sm" horizontalSpacing="md">
            <Table.Thead><Table.Tr><Table.Th>{t("moving.file")}</Table.Th><Table.Th>{t("moving.what")}</Table.Th><Table.Th ta="right">{t("moving.rows")}</Table.Th><Table.Th ta="right">{t("moving.taken")}</Table.Th><Table.Th ta="right">{t("moving.refused")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {m.files.map((f) => (
                <Table.Tr key={f.name}>
                  <Table.Td><Text size="sm" fw={600}>{f.name}</Text></Table.Td>
                  <Table.Td>
                    <Text size="sm">{f.preset ? pick(f.title) : t("moving.unknown")}</Text>
                    {f.problem && <Text size="xs" fw={600}>{pick(f.problem)}</Text>}
                    {f.reasons.map((r) => <Text key={pick(r.text)} size="xs">{t("moving.reason", { why: pick(r.text), n: count(r.count), lines: r.lines.slice(0, 3).join(", ") })}</Text>)}
                    {f.kept.length > 0 && <Text size="xs" c="dimmed">{t("moving.keptColumns", { names: f.kept.join(", ") })}</Text>}
                  </Table.Td>
                  <Table.Td ta="right" className="num">{count(f.of)}</Table.Td><Table.Td ta="right" className="num">{count(f.taken)}</Table.Td>
                  <Table.Td ta="right" className="num">{f.refused > 0 && m.state === "done" ? <Anchor size="sm" href={address("/moves/{id}/refused", { path: { id: m.id }, query: { file: f.name } })} download aria-label={t("moving.mendOf", { name: f.name })}>{t("moving.mend", { n: count(f.refused) })}</Anchor> : count(f.refused)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      </Card>
      <Group><Button component="a" variant="default" size="xs" href={address("/moves/{id}/report", { path: { id: m.id } })} download>{t("moving.csv")}</Button></Group>
    </>
  );
}
