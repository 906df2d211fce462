import { Anchor, Button, Card, Group, Menu, SimpleGrid, Table, Text, Title } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { request, useApi } from "../api";
import { count, instant, money } from "../format";
import { actor, joined, pick, sentences } from "../i18n";
import { modals, tell } from "../parts/confirm";
import { fill, type StaticList } from "../parts/filling";
import { ListFill, useUsedText } from "../parts/ListFill";
import { ListForm } from "../parts/ListForm";
import { Empty, Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { UsedIn } from "../parts/UsedIn";

const condition = (name: string) => `in_list(${JSON.stringify(name)})`;
/** Where the people of a list are. */
export const peopleOn = (name: string) => `/people?where=${encodeURIComponent(condition(name))}`;

/** One static list: who is on it, who put them there and why, and how to add or remove people. */
export function List() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const go = useNavigate();
  const [editing, setEditing] = useState(false);
  const list = useApi("/lists/{name}", { path: { name } }, { refetchInterval: 2_000 });
  const fillings = useApi("/lists/{name}/fillings", { path: { name } }, { refetchInterval: 5_000 });
  const people = useApi("/people", { query: { where: condition(name), limit: 10 } }, { refetchInterval: 5_000, placeholderData: (old) => old });
  const reload = () => { void list.refetch(); void fillings.refetch(); void people.refetch(); };
  const l = list.data;
  if (list.error && !l) return <Page title={t("lists.title")}><ProblemBox error={list.error} retry={() => void list.refetch()} /></Page>;
  if (!l) return <Loading lines={8} />;
  const rows = fillings.data?.items ?? [];
  return (
    <Page title={pick(l.title)} about={pick(l.description) || undefined} through={people.data?.complete_through}
      actions={<Group gap="sm"><Button size="xs" variant="default" component={Link} to={`/segments/new?expression=${encodeURIComponent(condition(name))}`}>{t("lists.toSegment")}</Button><More list={l} edit={() => setEditing(true)} reload={reload} gone={() => void go("/segments/lists")} /></Group>}>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
        <Link to={peopleOn(name)} className="plain"><Figure label={t("lists.members")} value={count(l.members)} note={t("lists.seeAll")} /></Link>
        <Figure label={t("lists.usedIn")} value={count(l.used_in.length)} note={<UsedIn names={l.used_in} />} />
        <Figure label={t("segments.owner")} value={<Text span fz={16} fw={600}>{actor(l.owner) || "—"}</Text>} note={l.folder || t("segments.noFolder")} />
      </SimpleGrid>
      <ListFill list={l} done={reload} />
      {people.error && !people.data && <ProblemBox error={people.error} />}
      {people.data && people.data.items.length === 0 && <Empty title={t("lists.empty")}>{t("lists.emptyText")}</Empty>}
      {people.data && people.data.items.length > 0 && (
        <Card withBorder padding="lg">
          <Group justify="space-between" mb="sm"><Title order={2}>{t("lists.people")}</Title><Anchor component={Link} to={peopleOn(name)} size="sm">{t("lists.seeAll")}</Anchor></Group>
          <div className="scroll"><Table verticalSpacing={4}><Table.Tbody>
            {people.data.items.map((p) => <Table.Tr key={p.id}><Table.Td><Anchor component={Link} to={`/people/${p.id}`} size="sm">{p.name || t("person.unnamed")}</Anchor></Table.Td><Table.Td>{p.prefecture}</Table.Td><Table.Td ta="right" className="num">{t("person.bought", { n: count(p.orders_count) })}</Table.Td><Table.Td ta="right" className="num">{money(p.ltv, p.currency || "JPY")}</Table.Td></Table.Tr>)}
          </Table.Tbody></Table></div>
        </Card>
      )}
      {fillings.error && !fillings.data && <ProblemBox error={fillings.error} />}
      {rows.length > 0 && (
        <Card withBorder padding="lg">
          <Title order={2} mb="sm">{t("lists.history")}</Title>
          <div className="scroll"><Table verticalSpacing={6}>
            <Table.Thead><Table.Tr><Table.Th>{t("lists.when")}</Table.Th><Table.Th>{t("lists.who")}</Table.Th><Table.Th>{t("lists.what")}</Table.Th><Table.Th ta="right">{t("lists.peopleChanged")}</Table.Th><Table.Th>{t("lists.rest")}</Table.Th><Table.Th>{t("reason")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {rows.map((f, i) => (
                <Table.Tr key={i}>
                  <Table.Td className="num">{instant(f.at)}</Table.Td><Table.Td>{actor(f.actor)}</Table.Td><Table.Td>{t(`lists.did_${f.action}`, { source: t(`listSource.${f.source}`) })}</Table.Td>
                  <Table.Td ta="right" className="num">{(f.changed === 0 ? "" : f.action === "add" ? "+" : "−") + count(f.changed)}</Table.Td>
                  <Table.Td><Text size="xs" c="dimmed">{joined([f.already > 0 && t(`lists.already_${f.action}`, { n: count(f.already) }), f.not_found > 0 && t("lists.missed", { n: count(f.not_found) })])}</Text></Table.Td>
                  <Table.Td>{f.reason}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table></div>
        </Card>
      )}
      {editing && <ListForm list={l} close={() => setEditing(false)} saved={() => { setEditing(false); reload(); }} />}
    </Page>
  );
}

const most = 100_000; // people that one request takes off

function More({ list: l, edit, reload, gone }: { list: StaticList; edit: () => void; reload: () => void; gone: () => void }) {
  const { t } = useTranslation();
  const used = useUsedText(l.used_in, "remove");
  const n = Math.min(l.members, most);
  const act = async (what: () => Promise<unknown>) => {
    try {
      await what();
    } catch (e) {
      tell(e);
    }
    reload();
  };
  const empty = () => act(async () => {
    if (!(await modals.confirm(t("lists.emptyTitle"), sentences(t("lists.emptyAsk", { n: count(n) }), used), t("lists.emptyDo", { n: count(n) })))) return;
    await fill(l.name, { action: "remove", expression: condition(l.name), ...(l.members > most ? { n: most } : {}), reason: t("lists.emptyReason") }, () => undefined, new AbortController().signal);
  });
  const remove = () => act(async () => {
    if (!(await modals.confirm(t("lists.deleteTitle"), t("lists.deleteText"), t("segment.delete")))) return;
    await request("delete", "/lists/{name}", { path: { name: l.name }, query: { expect: l.version } });
    gone();
  });
  const held = l.used_in.length > 0 ? t("lists.heldUsed") : l.members > 0 ? t("lists.heldFull") : "";
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target><Button size="xs" variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>{t("moreActions")}</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={edit}>{t("lists.edit")}</Menu.Item>
        <Menu.Item disabled={l.members === 0} onClick={() => void empty()}>{t("lists.emptyIt")}</Menu.Item>
        <Menu.Item disabled={held !== ""} onClick={() => void remove()}>{t("segment.delete")}{held && <Text size="xs" c="dimmed">{held}</Text>}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
