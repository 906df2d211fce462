import { Anchor, Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count } from "../format";
import { both, pick, sentences } from "../i18n";
import { fill, type Filled } from "./filling";
import { useUsedText } from "./ListFill";
import { nameOfToday } from "./ListForm";
import { ProblemBox } from "./Page";

const another = "="; // no list's name

/** Keeps the people who fulfil a condition now on a static list, a new one or one that is there. */
export function SaveAsList({ segment, expression, people }: { segment?: string; expression?: string; people?: number }) {
  const { t } = useTranslation();
  const [opened, { open, close }] = useDisclosure();
  const lists = useApi("/lists", {}, { enabled: opened });
  const items = lists.data?.items ?? [];
  const [chosen, setChosen] = useState(another);
  const [title, setTitle] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [made, setMade] = useState<{ name: string; so: Filled } | null>(null);
  const used = useUsedText(items.find((l) => l.name === chosen)?.used_in ?? [], "add");
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      const name = chosen === another ? nameOfToday("list", items.map((l) => l.name)) : chosen;
      if (chosen === another) await request("put", "/lists/{name}", { path: { name }, body: { title: both(title), expect: 0 } });
      setChosen(name); // what comes next may fail: then it is repeated with the list that is there
      await lists.refetch();
      setMade({ name, so: await fill(name, { action: "add", ...(segment ? { segment } : { expression }), reason }, () => undefined, new AbortController().signal) });
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };
  const start = () => { setMade(null); setChosen(another); setError(null); open(); };
  const ready = reason.trim() !== "" && (chosen !== another || title.trim() !== "");
  return (
    <>
      <Button size="xs" variant="default" onClick={start}>{t("lists.saveAs")}</Button>
      <Modal opened={opened} onClose={close} title={t("lists.saveAsTitle")} closeButtonProps={{ "aria-label": t("close") }}>
        {made ? (
          <Stack>
            <Text size="sm" role="status">{sentences(t("listFill.did_add", { n: count(made.so.changed) }) + (made.so.already > 0 ? t("paren", { text: t("lists.already_add", { n: count(made.so.already) }) }) : ""))}</Text>
            <Group justify="flex-end"><Anchor component={Link} to={`/segments/lists/${made.name}`}>{t("lists.open")}</Anchor><Button variant="default" onClick={close}>{t("close")}</Button></Group>
          </Stack>
        ) : (
          <Stack>
            <Select label={t("lists.which")} data={[{ value: another, label: t("lists.new") }, ...items.map((l) => ({ value: l.name, label: pick(l.title) }))]} value={chosen} onChange={(v) => v && setChosen(v)} allowDeselect={false} searchable />
            {chosen === another && <TextInput label={t("segment.title")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} required data-autofocus />}
            <TextInput label={t("reason")} description={t("listFill.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} required />
            <Text size="sm">{sentences(people == null ? t("lists.snapshot") : t("lists.snapshotOf", { n: count(people) }), used)}</Text>
            {error && <ProblemBox error={error} />}
            <Group justify="flex-end"><Button loading={busy} disabled={!ready} onClick={() => void run()}>{t("lists.saveDo")}</Button></Group>
          </Stack>
        )}
      </Modal>
    </>
  );
}
