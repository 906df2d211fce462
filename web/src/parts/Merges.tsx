import { Alert, Anchor, Badge, Button, Card, Divider, Group, SimpleGrid, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type Got } from "../api";
import { count, instant, money } from "../format";
import i18next, { actor, joined, pick } from "../i18n";
import { FindPerson } from "./FindPerson";
import { FormModal } from "./FormModal";
import { ProblemBox } from "./Page";
import { permitted } from "./Permissions";

type Merge = Got<"/people/{id}/merges">["items"][number];
type Side = Got<"/merges/{link}/undo">["stays"];

/** メール hanako@mail.example: an identifier with its kind; one that is known by its hash alone is its kind. */
export const identifierText = (x: { kind: string; value?: string }) => `${i18next.t(`identifier.${x.kind}`, { defaultValue: i18next.t("merges.someIdentifier") })} ${x.value || i18next.t("merges.hidden")}`;

const inForce = (m: Merge) => m.state === "merged" || m.state === "already";

/** How somebody became one person: each link with where it is from, refused ones with the reason, and the way back. */
export function Merges({ person, reload }: { person: { id: string; name: { display: string } }; reload: () => void }) {
  const { t } = useTranslation();
  const list = useApi("/people/{id}/merges", { path: { id: person.id } }, { refetchInterval: 10_000 });
  const [undo, setUndo] = useState<number | null>(null);
  const [joining, setJoining] = useState(false);
  const done = () => { setUndo(null); setJoining(false); void list.refetch(); reload(); };
  const items = list.data?.items;
  return (
    <section aria-label={t("person.merges")}>
      <Divider my="sm" label={t("person.merges")} />
      {list.error && !items ? <ProblemBox error={list.error} retry={() => void list.refetch()} /> : !items ? <Skeleton h={40} /> : items.length === 0 && <Text size="xs" c="dimmed">{t("merges.none")}</Text>}
      <Stack gap="sm">
        {items?.map((m) => <Row key={m.link_offset} m={m} person={person.id} undo={() => setUndo(m.link_offset)} />)}
        {items && (list.data?.total ?? 0) > items.length && <Text size="xs" c="dimmed">{t("merges.more", { n: count((list.data?.total ?? 0) - items.length) })}</Text>}
        {items && <Button size="compact-sm" variant="subtle" onClick={() => setJoining(true)} style={{ alignSelf: "flex-start" }}>{t("merges.join")}</Button>}
      </Stack>
      {undo !== null && <Undo link={undo} close={() => setUndo(null)} done={done} />}
      {joining && <Join person={person} close={() => setJoining(false)} done={done} />}
    </section>
  );
}

function Row({ m, person, undo }: { m: Merge; person: string; undo: () => void }) {
  const { t } = useTranslation();
  const from = m.by ? t("merges.byStaff", { who: actor(m.by) }) : m.event ? joined([pick(m.event.label), m.event.source && t("merges.source", { source: m.event.source })]) : "";
  return (
    <div data-link={m.state}>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}><End x={m.a} person={person} /> ⇔ <End x={m.b} person={person} /></Text>
      {!inForce(m) && <Text size="xs" fw={600}>{pick(m.why)}</Text>}
      <Group justify="space-between" gap="sm" wrap="nowrap">
        <Text size="xs" c="dimmed">{joined([m.at ? instant(m.at) : "", from, m.reason])}</Text>
        {m.can_undo && <Button size="compact-sm" variant="subtle" onClick={undo} style={{ flexShrink: 0 }}>{t("person.undo")}</Button>}
      </Group>
    </div>
  );
}

function End({ x, person }: { x: Merge["a"]; person: string }) {
  const { t } = useTranslation();
  if (x.person === person) return <>{identifierText(x)}</>;
  return <>{identifierText(x)} (<Anchor component={Link} to={`/people/${x.person}`} size="sm">{x.name || t("person.unnamed")}</Anchor>)</>;
}

/** Says who is there after a merge is undone, before anybody clicks. */
function Undo({ link, close, done }: { link: number; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const [parted, setParted] = useState(false);
  const foretold = useApi("/merges/{link}/undo", { path: { link } }, { enabled: !parted, staleTime: Infinity });
  const f = foretold.data;
  if (parted && f) {
    return (
      <FormModal title={t("merges.parted")} action={t("close")} ready save={async () => done()} close={done}>
        {() => <>
          <Text size="sm">{t("merges.partedText")}</Text>
          {[f.stays, f.leaves].map((s) => <Anchor key={s.id} component={Link} to={`/people/${s.id}`} onClick={done} size="sm">{s.name || identifierText(s.identifiers[0] ?? { kind: "" })}</Anchor>)}
        </>}
      </FormModal>
    );
  }
  return (
    <FormModal title={t("person.undoTitle")} action={t("person.undoDo")} then={t("merges.undoThen")} ready={!!f && reason.trim() !== ""} close={close}
      save={async () => { await request("post", "/people/unmerge", { body: { link_offset: link, reason: reason.trim() } }); setParted(true); }}>
      {() => <>
        <Text size="sm">{t("person.undoText")}</Text>
        {foretold.error ? <ProblemBox error={foretold.error} retry={() => void foretold.refetch()} /> : !f ? <Skeleton h={120} /> : <>
          <SimpleGrid cols={{ base: 1, xs: 2 }}><SideCard title={t("merges.stays")} s={f.stays} /><SideCard title={t("merges.leaves")} s={f.leaves} /></SimpleGrid>
          {f.also.length > 0 && <Alert color="gray" p="sm">{t("merges.also")}{f.also.map((m) => <Text key={m.link_offset} size="sm">{identifierText(m.a)} ⇔ {identifierText(m.b)}</Text>)}</Alert>}
        </>}
        <TextInput label={t("reason")} description={t("merges.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={500} data-autofocus />
      </>}
    </FormModal>
  );
}

function SideCard({ title, s }: { title: string; s: Side }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding="md" component="section" aria-label={title}>
      <Text size="xs" c="dimmed">{title}</Text>
      <Text fw={700}>{s.name || t("person.unnamed")}</Text>
      {s.identifiers.map((x) => <Text key={x.subject} size="sm" style={{ overflowWrap: "anywhere" }}>{identifierText(x)}</Text>)}
      <Text size="sm" mt={4}>{t("merges.orders", { n: count(s.orders_count), amount: money(s.ltv, s.currency || "JPY") })}</Text>
      <Text size="sm">{t("merges.events", { n: count(s.events) })}</Text>
      {s.consents.map((c) => <Group key={c.channel + c.purpose} gap={4}><Text size="sm">{permitted(c.channel, c.purpose)}</Text><Badge size="sm" variant="light" color={c.state === "in" ? "teal" : "red"}>{t(`consent.${c.state}`)}</Badge></Group>)}
      {s.runs.map((r) => <Text key={r.id} size="sm">{t("merges.run", { title: pick(r.title) })}</Text>)}
    </Card>
  );
}

/** An operator's word that two people are one. */
function Join({ person, close, done }: { person: { id: string; name: { display: string } }; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [other, setOther] = useState("");
  const [reason, setReason] = useState("");
  const found = useApi("/people/{id}", { path: { id: other } }, { enabled: other !== "" });
  const p = found.data;
  return (
    <FormModal title={t("merges.joinTitle")} action={t("merges.joinDo")} then={t("merges.joinThen")} ready={!!p && p.id !== person.id && reason.trim() !== ""} close={close}
      save={async () => { await request("post", "/people/join", { body: { a: person.id, b: other, reason: reason.trim() } }); done(); }}>
      {() => <>
        <Text size="sm">{t("merges.joinText", { name: person.name.display || t("person.unnamed") })}</Text>
        <FindPerson label={t("merges.other")} value={other} onChange={setOther} />
        {found.error && <ProblemBox error={found.error} />}
        {p && p.id === person.id && <Alert color="orange" p="sm">{t("merges.same")}</Alert>}
        {p && p.id !== person.id && (
          <Card withBorder padding="md">
            <Text fw={700}>{p.name.display || t("person.unnamed")}</Text>
            {p.identifiers.map((x) => <Text key={x.subject} size="sm" style={{ overflowWrap: "anywhere" }}>{identifierText(x)}</Text>)}
            <Text size="sm" mt={4}>{t("merges.orders", { n: count(p.header.orders_count), amount: money(p.header.ltv, p.header.currency || "JPY") })}</Text>
          </Card>
        )}
        <TextInput label={t("reason")} description={t("merges.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={500} />
      </>}
    </FormModal>
  );
}
