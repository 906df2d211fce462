import { ActionIcon, Anchor, Badge, Button, Card, Group, Popover, Stack, Table, Text, Textarea, TextInput, Title, Tooltip } from "@mantine/core";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { instant, short } from "../format";
import { actor, joined, pick } from "../i18n";
import type { Person, TraitSource } from "../types";
import { FormModal, fieldProblem } from "./FormModal";
import { ProblemBox } from "./Page";
import { permissionColour } from "./permission";

/** What follows from all that the person did, each with what it counts and who has the same. */
export function Features({ person }: { person: Person }) {
  const { t } = useTranslation();
  if (person.features.length === 0) return null;
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("features.title")}</Title>
      <Stack gap={6}>
        {person.features.map((f) => (
          <Group key={f.name} justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
            <Tooltip multiline maw={280} label={pick(f.about)} events={{ hover: true, focus: true, touch: true }}><Text size="xs" c="dimmed" tabIndex={0} td="underline dotted">{pick(f.label)}</Text></Tooltip>
            {f.where ? <Anchor component={Link} size="sm" ta="right" className="num" to={`/people?where=${encodeURIComponent(f.where)}`}>{pick(f.value)}</Anchor> : <Text size="sm" ta="right" className="num">{pick(f.value)}</Text>}
          </Group>
        ))}
      </Stack>
    </Card>
  );
}

/** Every channel and purpose, and the evidence behind each cell. */
export function Consents({ person }: { person: Person }) {
  const { t } = useTranslation();
  const purposes = [...new Set(["marketing", "transactional", ...person.consents.map((c) => c.purpose)])].filter((x) => x === "marketing" || person.consents.some((c) => c.purpose === x));
  const channels = [...new Set([...person.reach.map((r) => r.channel), ...person.consents.map((c) => c.channel)])];
  const name = (purpose: string) => { const [kind, topic] = purpose.split(":"); return joined([t(`purpose.${kind}`, { defaultValue: kind }), topic]); };
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("person.consents")}</Title>
      <Table.ScrollContainer minWidth={220} type="native">
        <Table verticalSpacing={4} horizontalSpacing={4} withRowBorders={false}>
          <Table.Thead><Table.Tr><Table.Td />{purposes.map((x) => <Table.Th key={x}><Text size="xs" c="dimmed">{name(x)}</Text></Table.Th>)}</Table.Tr></Table.Thead>
          <Table.Tbody>
            {channels.map((channel) => (
              <Table.Tr key={channel}>
                <Table.Th scope="row"><Text size="sm" fw={400}>{t(`channel.${channel}`)}</Text></Table.Th>
                {purposes.map((purpose) => {
                  const c = person.consents.find((x) => x.channel === channel && x.purpose === purpose);
                  return <Table.Td key={purpose}>{c ? <Evidence id={person.id} channel={channel} purpose={purpose} state={c.state} /> : <Text size="xs" c="dimmed">{t("consents.unknown")}</Text>}</Table.Td>;
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Anchor component={Link} to="?tab=consents" size="sm" mt="sm" display="block">{t("person.consentHistoryGo")}</Anchor>
    </Card>
  );
}

function Evidence({ id, channel, purpose, state }: { id: string; channel: string; purpose: string; state: "in" | "out" }) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const list = useApi("/people/{id}/consents", { path: { id } }, { enabled: opened, staleTime: 10_000 });
  const words = list.data?.items.filter((x) => x.channel === channel && x.purpose === purpose) ?? [];
  return (
    <Popover opened={opened} onChange={setOpened} width={280} withArrow trapFocus>
      <Popover.Target><Badge component="button" type="button" variant="light" color={permissionColour(state)} style={{ cursor: "pointer" }} aria-expanded={opened} onClick={() => setOpened(!opened)}>{t(`consent.${state}`)}</Badge></Popover.Target>
      <Popover.Dropdown>
        <Stack gap="sm" tabIndex={-1}>
          {list.error && <ProblemBox error={list.error} />}
          {list.data && words.length === 0 && <Text size="sm">{t("consents.follows")}</Text>}
          {words.slice(0, 3).map((x) => (
            <div key={x.event_id}>
              <Text size="sm" fw={600}>{joined([t(`permission.${x.state}`), instant(x.at)])}</Text>
              <Text size="xs" style={{ overflowWrap: "anywhere" }}>{joined([x.text, x.source && t("permission.source", { source: x.source }), x.actor && t("permission.by", { who: actor(x.actor) })])}</Text>
            </div>
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** What was told of the person; a click says by whom and when, and lets somebody put it right. */
export function Traits({ id }: { id: string }) {
  const { t } = useTranslation();
  const list = useApi("/people/{id}/traits", { path: { id } }, { refetchInterval: 15_000 });
  const [open, setOpen] = useState<TraitSource | "new" | null>(null);
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" mb="sm"><Title order={2}>{t("person.traits")}</Title><Button size="compact-xs" variant="subtle" onClick={() => setOpen("new")}>{t("traits.add")}</Button></Group>
      {list.error && <ProblemBox error={list.error} />}
      {list.data?.items.length === 0 && <Text size="sm" c="dimmed">{t("traits.none")}</Text>}
      <Stack gap={4}>
        {list.data?.items.map((x) => (
          <Group key={x.name} justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
            <Text size="xs" c="dimmed">{pick(x.label) || x.name}</Text>
            <Anchor component="button" type="button" size="sm" ta="right" c={x.hidden ? "dimmed" : undefined} style={{ overflowWrap: "anywhere" }} onClick={() => setOpen(x)}>{x.hidden ? t("traits.hidden") : x.newest.value}</Anchor>
          </Group>
        ))}
      </Stack>
      <Anchor component={Link} to="/people/traits" size="sm" mt="sm" display="block">{t("traits.all")}</Anchor>
      {open && <Trait id={id} trait={open === "new" ? null : open} close={() => setOpen(null)} saved={() => { setOpen(null); void list.refetch(); }} />}
    </Card>
  );
}

function Trait({ id, trait, close, saved }: { id: string; trait: TraitSource | null; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(trait?.name ?? "");
  const [value, setValue] = useState("");
  const [reason, setReason] = useState("");
  const told = trait ? [trait.newest, ...trait.others] : [];
  const number = trait?.type === "number" && value.trim() !== "" && Number.isFinite(Number(value));
  const save = async (v: unknown) => {
    await request("post", "/people/{id}/traits", { path: { id }, body: { name: name.trim(), value: v, reason } });
    saved();
  };
  return (
    <FormModal title={trait ? pick(trait.label) || trait.name : t("traits.add")} action={t("traits.save")} then={t("traits.then")} ready={name.trim() !== "" && value.trim() !== "" && reason.trim() !== "" && !trait?.hidden} close={close}
      save={() => save(number ? Number(value) : trait?.type === "boolean" ? ["true", "はい", "yes"].includes(value.trim().toLowerCase()) : value.trim())} remove={trait && !trait.hidden && reason.trim() ? { label: t("traits.remove"), act: () => save(null) } : undefined}>
      {(error) => (
        <>
          {told.map((x, i) => (
            <div key={x.event_id + x.identifier_value}>
              <Text size="sm" fw={i === 0 ? 600 : 400}>{trait?.hidden ? t("traits.hidden") : x.value || t("traits.taken")}</Text>
              <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>{joined([instant(x.at), pick(x.event_label), x.source && t("permission.source", { source: x.source }), x.actor && actor(x.actor), x.reason, x.identifier && `${t(`identifier.${x.identifier}`)} ${x.identifier_value}`])}</Text>
            </div>
          ))}
          {!trait && <TextInput label={t("traits.name")} description={t("traits.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} error={fieldProblem(error, "body.name")} required />}
          <TextInput label={t("traits.value")} value={value} onChange={(e) => setValue(e.currentTarget.value)} error={fieldProblem(error, "body.value")} disabled={trait?.hidden} />
          <TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required disabled={trait?.hidden} />
        </>
      )}
    </FormModal>
  );
}

/** What the staff noted for each other. */
export function Notes({ id }: { id: string }) {
  const { t } = useTranslation();
  const list = useApi("/people/{id}/notes", { path: { id } }, { refetchInterval: 15_000 });
  const [open, setOpen] = useState<{ id: string; text: string; remove?: boolean } | null>(null);
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const show = (x: { id: string; text: string; remove?: boolean }) => { setText(x.text); setReason(""); setOpen(x); };
  const save = async () => {
    if (open?.remove) await request("delete", "/people/{id}/notes/{note}", { path: { id, note: open.id }, query: { reason } });
    else await request("post", "/people/{id}/notes", { path: { id }, body: { text, replaces: open?.id || undefined } });
    setOpen(null);
    setTimeout(() => void list.refetch(), 400); // the fold is some hundred milliseconds behind
    void list.refetch();
  };
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" mb="sm"><Title order={2}>{t("notes.title")}</Title><Button size="compact-xs" variant="subtle" onClick={() => show({ id: "", text: "" })}>{t("notes.add")}</Button></Group>
      {list.error && <ProblemBox error={list.error} />}
      {list.data?.items.length === 0 && <Text size="sm" c="dimmed">{t("notes.none")}</Text>}
      <Stack gap="sm">
        {list.data?.items.map((n) => (
          <Group key={n.id} wrap="nowrap" gap={4} align="flex-start" justify="space-between" component="article">
            <div><Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{n.text}</Text><Text size="xs" c="dimmed">{joined([actor(n.actor), short(n.at), n.edited_at && t("notes.edited", { at: short(n.edited_at) })])}</Text></div>
            <Group gap={2} wrap="nowrap">
              <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t("notes.edit")} onClick={() => show(n)}><IconPencil size={14} aria-hidden /></ActionIcon>
              <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t("notes.remove")} onClick={() => show({ ...n, remove: true })}><IconTrash size={14} aria-hidden /></ActionIcon>
            </Group>
          </Group>
        ))}
      </Stack>
      {open && (
        <FormModal title={open.remove ? t("notes.remove") : t(open.id ? "notes.edit" : "notes.add")} action={t(open.remove ? "notes.removeDo" : "notes.save")} then={t(open.remove ? "notes.removeThen" : "notes.then")} ready={open.remove ? reason.trim() !== "" : text.trim() !== ""} save={save} close={() => setOpen(null)}>
          {() => open.remove ? <><Text size="sm">{open.text}</Text><TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required data-autofocus /></> : <Textarea label={t("notes.text")} autosize minRows={3} value={text} onChange={(e) => setText(e.currentTarget.value)} required data-autofocus />}
        </FormModal>
      )}
    </Card>
  );
}

/** What comes to the person by itself: the nearest in full, the rest on demand. */
export function Coming({ person }: { person: Person }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const shown = all ? person.next : person.next.slice(0, 2);
  if (person.next.length === 0) return null;
  return (
    <div>
      {shown.map((n) => <Text key={n.at + n.journey} size="sm">{t("person.next", { at: short(n.at) })} {n.campaign ? <Anchor component={Link} size="sm" to={`/broadcasts/${n.journey}`}>{pick(n.what)}</Anchor> : <Anchor component={Link} size="sm" to={`/journeys/${n.journey}?person=${person.id}`}>{pick(n.what)}</Anchor>}{n.campaign && t("paren", { text: t("person.planned") })}</Text>)}
      {person.next.length > 2 && <Anchor component="button" type="button" size="xs" aria-expanded={all} onClick={() => setAll(!all)}>{all ? t("timeline.fold") : t("person.nextMore", { n: person.next.length - 2 })}</Anchor>}
    </div>
  );
}

/** Where in the lifecycle the person stands, and the rule that says so. */
export function Stage({ person }: { person: Person }) {
  if (!person.stage) return null;
  return (
    <Tooltip multiline maw={320} label={pick(person.stage.rule)} events={{ hover: true, focus: true, touch: true }}>
      <Badge component={Link} to={`/people?where=${encodeURIComponent(person.stage.where)}`} variant="outline" style={{ cursor: "pointer" }}>{pick(person.stage.title)}</Badge>
    </Tooltip>
  );
}

/** Picture and name on LINE, as LINE tells them now. */
export function OnLine({ person }: { person: Person }) {
  const { t } = useTranslation();
  const has = person.identifiers.some((x) => x.kind === "line");
  const line = useApi("/people/{id}/line", { path: { id: person.id } }, { enabled: has, staleTime: 3_600_000, retry: false });
  const x = line.data?.items[0];
  if (!x?.name) return null;
  return (
    <Group gap={6} wrap="nowrap">
      {x.picture && <img src={x.picture} alt="" width={24} height={24} style={{ borderRadius: 12 }} referrerPolicy="no-referrer" />}
      <Text size="sm">{t("person.onLine", { name: x.name })}</Text>
    </Group>
  );
}

