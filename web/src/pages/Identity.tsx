import { Alert, Anchor, Badge, Button, Card, Checkbox, Group, NativeSelect, NumberInput, SimpleGrid, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type Got } from "../api";
import { count, instant } from "../format";
import { joined, pick } from "../i18n";
import { tell } from "../parts/confirm";
import { DataTabs } from "../parts/DataTabs";
import { FormModal } from "../parts/FormModal";
import { identifierText } from "../parts/Merges";
import { Mistyped } from "../parts/Mistyped";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";

type State = Got<"/identity">;
type Finding = State["findings"][number];
type Limit = State["limits"][number];
type Duplicate = Got<"/identity/duplicates">["items"][number];

/** How people are told apart: what looks wrong first, then who may be one, then the rules. */
export function Identity() {
  const { t } = useTranslation();
  const state = useApi("/identity", {}, { refetchInterval: 15_000 });
  const session = useApi("/session", {});
  const me = { admin: session.data?.role === "admin", editor: session.data?.role !== "viewer" };
  const [block, setBlock] = useState<Finding | "new" | null>(null);
  const [fine, setFine] = useState<Finding | null>(null);
  const [limit, setLimit] = useState<Limit | null>(null);
  const done = () => { setBlock(null); setFine(null); setLimit(null); void state.refetch(); };
  const s = state.data;
  return (
    <Page title={t("identity.title")} about={t("identity.about")}>
      <DataTabs at="/identity" />
      {state.error && !s ? <ProblemBox error={state.error} retry={() => void state.refetch()} /> : !s ? <Loading /> : <>
        <Stack gap="sm">
          <Title order={2}>{t("identity.findings")}</Title>
          {s.findings.length === 0 && <Empty title={t("identity.noFindings")}>{t("identity.noFindingsText", { n: count(s.identifiers) })}</Empty>}
          {s.findings.map((f) => <FindingCard key={f.name + f.id + f.kind} f={f} me={me} block={() => setBlock(f)} fine={() => setFine(f)} />)}
          {s.more && <Text size="sm" c="dimmed">{t("identity.moreFindings")}</Text>}
        </Stack>
        <Duplicates editor={me.editor} />
        <Mistyped />
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Limits rows={s.limits} change={me.admin ? setLimit : undefined} />
          <Blocked rows={s.blocked} add={me.admin ? () => setBlock("new") : undefined} reload={done} />
        </SimpleGrid>
      </>}
      {block && <BlockForm finding={block === "new" ? undefined : block} close={() => setBlock(null)} done={done} />}
      {fine && <FineForm f={fine} close={() => setFine(null)} done={done} />}
      {limit && <LimitForm row={limit} close={() => setLimit(null)} done={done} />}
    </Page>
  );
}

/** Findings about a person have no identifier that could be blocked. */
const aboutPerson = (f: Finding) => f.name === "limit" || f.name === "many_browsers" || f.name.startsWith("several_");

function FindingCard({ f, me, block, fine }: { f: Finding; me: { admin: boolean; editor: boolean }; block: () => void; fine: () => void }) {
  const { t } = useTranslation();
  const kind = t(`identifier.${f.kind}`);
  return (
    <Card withBorder padding="md" component="article" data-finding={f.name}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div style={{ flex: "1 1 320px", minWidth: 0 }}>
          <Text fw={600} style={{ overflowWrap: "anywhere" }}>{f.name === "limit" ? t("identity.find_limit", { kind, n: count(f.count), limit: count(f.limit ?? 0) }) : t(`identity.find_${f.name}`, { what: identifierText(f), n: count(f.count) })}</Text>
          <Text size="sm" c="dimmed">{t(`identity.find_${f.name}_text`)}</Text>
          <Group gap="sm" mt={4}>
            {f.people.map((p) => <Anchor key={p.id} component={Link} to={`/people/${p.id}`} size="sm">{p.name || t("person.unnamed")}</Anchor>)}
            {f.others > 0 && <Text size="sm" c="dimmed">{t("identity.others", { n: count(f.others) })}</Text>}
          </Group>
          <Text size="xs" c="dimmed">{joined([f.at ? instant(f.at) : "", f.source ? t("merges.source", { source: f.source }) : ""])}</Text>
        </div>
        <Group gap="sm">
          {!aboutPerson(f) && me.admin && <Button size="compact-sm" variant="default" onClick={block}>{t("identity.block")}</Button>}
          {me.editor && <Button size="compact-sm" variant="default" onClick={fine}>{t("identity.fine")}</Button>}
        </Group>
      </Group>
    </Card>
  );
}

/** People who may be one; nothing joins them but a person. */
function Duplicates({ editor }: { editor: boolean }) {
  const { t } = useTranslation();
  const list = useApi("/identity/duplicates", {}, { staleTime: 30_000 });
  const [asked, setAsked] = useState<{ d: Duplicate; join: boolean } | null>(null);
  const [reason, setReason] = useState("");
  const items = list.data?.items;
  return (
    <Stack gap="sm">
      <Title order={2}>{t("identity.duplicates")}</Title>
      <Text size="sm" c="dimmed">{t("identity.duplicatesText")}</Text>
      {list.error && !items ? <ProblemBox error={list.error} retry={() => void list.refetch()} /> : !items ? <Loading lines={2} /> : items.length === 0 && <Empty title={t("identity.noDuplicates")} />}
      {items?.map((d) => (
        <Card key={d.people.map((p) => p.id).join()} withBorder padding="md" component="article">
          <Group justify="space-between" align="flex-start" gap="sm">
            <div style={{ flex: "1 1 320px", minWidth: 0 }}>
              {d.people.map((p) => <div key={p.id}><Anchor component={Link} to={`/people/${p.id}`} size="sm">{p.name || p.kana || t("person.unnamed")}</Anchor> <Text span size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>{joined(p.identifiers.map(identifierText))}</Text></div>)}
              <Group gap="sm" mt={4}>{d.why.map((w) => <Badge key={w.en} variant="light" color="gray">{pick(w)}</Badge>)}</Group>
            </div>
            {editor && <Group gap="sm">
              <Button size="compact-sm" onClick={() => { setReason(""); setAsked({ d, join: true }); }}>{t("merges.joinDo")}</Button>
              <Button size="compact-sm" variant="default" onClick={() => { setReason(""); setAsked({ d, join: false }); }}>{t("identity.apart")}</Button>
            </Group>}
          </Group>
        </Card>
      ))}
      {(list.data?.total ?? 0) > (items?.length ?? 0) && <Text size="sm" c="dimmed">{t("identity.moreDuplicates", { n: count((list.data?.total ?? 0) - (items?.length ?? 0)) })}</Text>}
      {asked && (
        <FormModal title={asked.join ? t("merges.joinTitle") : t("identity.apartTitle")} action={asked.join ? t("merges.joinDo") : t("identity.apart")} then={asked.join ? t("merges.joinThen") : t("identity.apartThen")} ready={reason.trim() !== ""} close={() => setAsked(null)}
          save={async () => {
            await request("post", asked.join ? "/people/join" : "/people/apart", { body: { a: asked.d.people[0]!.id, b: asked.d.people[1]!.id, reason: reason.trim() } });
            setAsked(null);
            void list.refetch();
          }}>
          {() => <>
            {asked.d.people.map((p) => <Text key={p.id} size="sm">{p.name || t("person.unnamed")} <Text span c="dimmed">{joined(p.identifiers.map(identifierText))}</Text></Text>)}
            <TextInput label={t("reason")} description={t("merges.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={500} data-autofocus />
          </>}
        </FormModal>
      )}
    </Stack>
  );
}

function Limits({ rows, change }: { rows: Limit[]; change?: (row: Limit) => void }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("identity.limits")}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t("identity.limitsText")}</Text>
      <Table>
        <Table.Tbody>
          {rows.map((r) => (
            <Table.Tr key={r.kind}>
              <Table.Td>{t(`identifier.${r.kind}`)}</Table.Td>
              <Table.Td className="num" ta="right">{count(r.limit)}{r.limit !== r.preset && <Text size="xs" c="dimmed">{t("identity.preset", { n: count(r.preset) })}</Text>}</Table.Td>
              {change && <Table.Td ta="right"><Button size="compact-sm" variant="subtle" aria-label={t("identity.changeOf", { kind: t(`identifier.${r.kind}`) })} onClick={() => change(r)}>{t("identity.change")}</Button></Table.Td>}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {!change && <Text size="xs" c="dimmed" mt="sm">{t("identity.adminOnly")}</Text>}
    </Card>
  );
}

function LimitForm({ row, close, done }: { row: Limit; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [limit, setLimit] = useState(row.limit);
  const [reason, setReason] = useState("");
  const effect = useApi("/identity/limit", { query: { kind: row.kind as "email", limit } }, { enabled: limit !== row.limit });
  return (
    <FormModal title={t("identity.limitTitle", { kind: t(`identifier.${row.kind}`) })} action={t("identity.change")} then={t("identity.limitThen")} ready={limit !== row.limit && reason.trim() !== ""} close={close}
      save={async () => { await request("put", "/identity/limit", { body: { kind: row.kind as "email", limit, reason: reason.trim() } }); done(); }}>
      {() => <>
        <NumberInput label={t("identity.perPerson")} value={limit} onChange={(v) => setLimit(Number(v) || 0)} min={0} max={1000} allowDecimal={false} data-autofocus />
        {limit !== row.limit && effect.data && <Alert color="gray" p="sm">{t("identity.effect", { over: count(effect.data.over), freed: count(effect.data.freed) })}</Alert>}
        <TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={500} />
      </>}
    </FormModal>
  );
}

function Blocked({ rows, add, reload }: { rows: State["blocked"]; add?: () => void; reload: () => void }) {
  const { t } = useTranslation();
  const free = async (id: string) => {
    try {
      await request("delete", "/identity/blocked/{id}", { path: { id }, query: { reason: t("identity.freed") } });
      reload();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" mb="sm"><Title order={2}>{t("identity.blocked")}</Title>{add && <Button size="compact-sm" variant="default" onClick={add}>{t("identity.blockAdd")}</Button>}</Group>
      <Text size="sm" c="dimmed" mb="sm">{t("identity.blockedText")}</Text>
      {rows.length === 0 && <Text size="sm">{t("identity.noBlocked")}</Text>}
      {rows.map((b) => (
        <Group key={b.id} justify="space-between" gap="sm" wrap="nowrap">
          <Text size="sm">{joined([t(`identifier.${b.kind}`), b.label])}</Text>
          {add && <Button size="compact-sm" variant="subtle" aria-label={t("identity.freeOf", { what: b.label })} onClick={() => void free(b.id)}>{t("identity.free")}</Button>}
        </Group>
      ))}
    </Card>
  );
}

const kinds = ["anonymous", "email", "phone", "pos_card", "customer", "line", "social", "push_token"] as const;

function BlockForm({ finding, close, done }: { finding?: Finding; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<(typeof kinds)[number]>("anonymous");
  const [value, setValue] = useState("");
  const [label, setLabel] = useState("");
  const [reason, setReason] = useState("");
  const [undo, setUndo] = useState(true);
  return (
    <FormModal title={t("identity.blockTitle")} action={t("identity.block")} then={t(undo ? "identity.blockThenUndo" : "identity.blockThen")} ready={(!!finding || value.trim() !== "") && label.trim() !== "" && reason.trim() !== ""} close={close}
      save={async () => { await request("post", "/identity/blocked", { body: { ...(finding ? { id: finding.id } : { kind, value: value.trim() }), label: label.trim(), reason: reason.trim(), undo } }); done(); }}>
      {() => <>
        {finding ? <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>{identifierText(finding)}</Text> : <>
          <NativeSelect label={t("identity.kind")} value={kind} onChange={(e) => setKind(e.currentTarget.value as "email")} data={kinds.map((k) => ({ value: k, label: t(`identifier.${k}`) }))} />
          <TextInput label={t("identity.value")} description={t("identity.valueHint")} value={value} onChange={(e) => setValue(e.currentTarget.value)} required data-autofocus />
        </>}
        <TextInput label={t("identity.label")} description={t("identity.labelHint")} value={label} onChange={(e) => setLabel(e.currentTarget.value)} required maxLength={100} />
        <Checkbox label={t("identity.undoLinks")} checked={undo} onChange={(e) => setUndo(e.currentTarget.checked)} />
        <TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={500} />
      </>}
    </FormModal>
  );
}

function FineForm({ f, close, done }: { f: Finding; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  return (
    <FormModal title={t("identity.fine")} action={t("identity.fineDo")} then={t("identity.fineThen")} ready={reason.trim() !== ""} close={close}
      save={async () => { await request("post", "/identity/fine", { body: { id: f.id, name: f.name, reason: reason.trim() } }); done(); }}>
      {() => <TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={500} data-autofocus />}
    </FormModal>
  );
}
