import { Anchor, Badge, Button, Card, Group, Stack, Table, TagsInput, Text, TextInput, Title, Tooltip } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type Got } from "../api";
import { pick } from "../i18n";
import { FormModal, fieldProblem } from "../parts/FormModal";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";

type Lists = Record<string, string[]>;
type List = Got<"/testers">["items"][number];

/** The shop's own people who get tests, and by which channels a test reaches each of them. */
export function Testers() {
  const { t } = useTranslation();
  const lists = useApi("/testers", {}, { refetchOnWindowFocus: true });
  const setting = useApi("/settings/{name}", { path: { name: "testers" } });
  const [editing, setEditing] = useState<string | null>(null); // "": a new one
  const saved = (setting.data?.body as { lists?: Lists } | undefined)?.lists ?? {};
  const items = lists.data?.items;
  const add = <Button size="xs" disabled={!setting.data} onClick={() => setEditing("")}>{t("testers.new")}</Button>;
  return (
    <Page title={t("testers.title")} about={t("testers.about")} actions={<><Anchor component={Link} to="/settings" size="sm">{t("limits.toSettings")}</Anchor>{add}</>}>
      {lists.error && !items && <ProblemBox error={lists.error} retry={() => void lists.refetch()} />}
      {!items && !lists.error && <Loading />}
      {items?.length === 0 && <Empty title={t("testers.none")} action={add}>{t("test.noLists")}</Empty>}
      {items?.map((l) => <One key={l.name} l={l} edit={() => setEditing(l.name)} />)}
      {editing !== null && setting.data && <Form name={editing} all={saved} version={setting.data.version} close={() => setEditing(null)} saved={() => { setEditing(null); void setting.refetch(); void lists.refetch(); }} />}
    </Page>
  );
}

function One({ l, edit }: { l: List; edit: () => void }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding="lg" component="section" aria-label={l.name}>
      <Group justify="space-between" mb="sm"><Title order={2} className="mono">{l.name}</Title><Button size="xs" variant="default" onClick={edit} aria-label={t("testers.editOf", { name: l.name })}>{t("lineForm.change")}</Button></Group>
      <div className="scroll">
        <Table verticalSpacing="sm">
          <Table.Thead><Table.Tr><Table.Th>{t("person.one")}</Table.Th><Table.Th>{t("testers.id")}</Table.Th><Table.Th>{t("testers.reach")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {l.testers.map((x) => (
              <Table.Tr key={x.tester}>
                <Table.Td miw={120}>{x.profile ? <Anchor component={Link} to={`/people/${x.profile}`} size="sm">{x.name || t("person.unnamed")}</Anchor> : <Text size="sm" className="problem">{t("testers.nobody")}</Text>}</Table.Td>
                <Table.Td className="mono">{/^[0-9a-f]{32}$/.test(x.tester) ? t("testers.byProfile") : x.tester}</Table.Td>
                <Table.Td><Group gap={4}>{x.channels.map((c) => <Tooltip key={c.channel} label={pick(c.reason)} disabled={c.ok || !pick(c.reason)} events={{ hover: true, focus: true, touch: true }}><Badge tabIndex={c.ok ? undefined : 0} variant="light" color={c.ok ? "teal" : "gray"}>{t(`channel.${c.channel}`)} {c.ok ? "○" : "×"}</Badge></Tooltip>)}</Group></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}

function Form({ name: own, all, version, close, saved }: { name: string; all: Lists; version: number; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(own || (Object.keys(all).length === 0 ? "default" : ""));
  const [who, setWho] = useState(all[own] ?? []);
  const put = async (lists: Lists) => {
    await request("put", "/settings/{name}", { path: { name: "testers" }, body: { body: { lists }, expect: version } });
    saved();
  };
  return (
    <FormModal title={t(own ? "testers.edit" : "testers.new")} action={t("test.keep")} then={t("testers.then")} ready={!!name && who.length > 0} close={close} save={() => put({ ...all, [name]: who })}
      remove={own ? { label: t("testers.remove"), act: () => put(Object.fromEntries(Object.entries(all).filter(([k]) => k !== own))) } : undefined}>
      {(error) => (
        <Stack gap="md">
          {!own && <TextInput label={t("test.listName")} value={name} onChange={(e) => setName(e.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, ""))} error={fieldProblem(error, "name")} />}
          <TagsInput label={t("test.who")} description={t("testers.whoHint")} value={who} onChange={setWho} maxTags={20} acceptValueOnBlur error={fieldProblem(error, `lists.${name}`)} data-autofocus />
        </Stack>
      )}
    </FormModal>
  );
}
