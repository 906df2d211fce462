import { Alert, Badge, Button, Card, Group, Modal, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { pick } from "../i18n";
import type { TemplateDefinition } from "../types";
import { ProblemBox } from "./Page";

type Lists = Record<string, string[]>;
type Result = Awaited<ReturnType<typeof send>>;
const send = (name: string, body: { list: string; profile: string; language: "ja" | "en" | ""; definition?: unknown; choice?: number }) => request("post", "/templates/{name}/test", { path: { name }, body });

/** Sends what is being edited to a list of the shop's own people, and shows what becomes of it. */
export function TestSend({ name, definition, profile, language, choice, close }: { name: string; definition: TemplateDefinition; profile: string; language: string; choice?: number; close: () => void }) {
  const { t } = useTranslation();
  const setting = useApi("/settings/{name}", { path: { name: "testers" } }, { refetchOnWindowFocus: false });
  const lists = (setting.data?.body as { lists?: Lists } | undefined)?.lists ?? {};
  const names = Object.keys(lists);
  const [asked, setAsked] = useState<string | null>(null);
  const list = asked ?? names[0] ?? "";
  const [editing, setEditing] = useState(false);
  const [result, setResult] = useState<Result | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const attempt = async (what: () => Promise<void>) => {
    setBusy(true);
    try {
      await what();
      setError(null);
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  const go = () => attempt(async () => setResult(await send(name, { list, profile, language: language === "ja" || language === "en" ? language : "", definition, choice })));
  const keep = (id: string, who: string[]) => attempt(async () => {
    await request("put", "/settings/{name}", { path: { name: "testers" }, body: { body: { lists: { ...lists, [id]: who } }, expect: setting.data!.version } });
    await setting.refetch();
    setAsked(id);
    setEditing(false);
  });
  return (
    <Modal opened onClose={close} size="lg" title={<Text fw={700}>{t("test.title")}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      <Stack gap="md">
        <Text size="sm" c="dimmed">{t("test.about")}</Text>
        {setting.error && !setting.data && <ProblemBox error={setting.error} />}
        {setting.data && (names.length === 0 || editing) && <ListForm key={list} id={list} who={lists[list] ?? []} fresh={names.length === 0} busy={busy} save={(id, who) => void keep(id, who)} />}
        {names.length > 0 && !editing && !result && (
          <Group align="flex-end" gap="sm">
            <Select flex={1} label={t("test.list")} allowDeselect={false} value={list} onChange={setAsked} data={names.map((x) => ({ value: x, label: `${x}${t("paren", { text: String(lists[x].length) })}` }))} />
            <Button variant="default" onClick={() => setEditing(true)}>{t("test.edit")}</Button>
          </Group>
        )}
        {result && <Became result={result} />}
        {error && <ProblemBox error={error} />}
        {names.length > 0 && !editing && (
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={close}>{t("close")}</Button>
            {result ? <Button variant="light" onClick={() => setResult(null)}>{t("test.again")}</Button> : <Button loading={busy} disabled={!list} onClick={() => void go()}>{t("test.send", { n: lists[list]?.length ?? 0 })}</Button>}
          </Group>
        )}
      </Stack>
    </Modal>
  );
}

function ListForm({ id, who, fresh, busy, save }: { id: string; who: string[]; fresh: boolean; busy: boolean; save: (id: string, who: string[]) => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(id || "default");
  const [people, setPeople] = useState(who);
  return (
    <Card withBorder padding="md">
      <Stack gap="sm">
        {fresh && <Text size="sm">{t("test.noLists")}</Text>}
        <TextInput label={t("test.listName")} value={name} onChange={(e) => setName(e.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, ""))} />
        <TagsInput label={t("test.who")} value={people} onChange={setPeople} maxTags={20} acceptValueOnBlur />
        <Button w="max-content" loading={busy} disabled={!name || people.length === 0} onClick={() => save(name, people)}>{t("test.keep")}</Button>
      </Stack>
    </Card>
  );
}

/** What became of each message, as the sender's ledger has it. */
function Became({ result }: { result: Result }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm" role="status">
      {result.sends.map((s) => <One key={s.send_id} id={s.send_id} name={s.name || s.tester} />)}
      {result.unchecked.ja && <Alert color="yellow">{pick(result.unchecked)}</Alert>}
      {result.left_out.length > 0 && <Alert color="orange" title={t("test.leftOut")}>{result.left_out.map((l) => <Text key={l.tester} size="sm">{l.tester}: {pick(l.reason)}</Text>)}</Alert>}
    </Stack>
  );
}

function One({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const delivery = useApi("/deliveries", { query: { send: id, limit: 1 } }, { refetchInterval: (q) => (["sent", "failed", "refused", "dropped", "unknown"].includes(q.state.data?.items[0]?.state ?? "") ? false : 700) });
  const d = delivery.data?.items[0];
  const ended = d && !["decided", "intent", "deferred"].includes(d.state);
  return (
    <Group justify="space-between" wrap="nowrap">
      <Text size="sm">{t("test.sent", { name })}</Text>
      <Badge variant="light" color={!ended ? "gray" : d.state === "sent" ? "teal" : "red"}>{!ended ? t("test.wait") : d.state === "sent" ? t("test.arrived") : pick(d.state_label)}</Badge>
    </Group>
  );
}
