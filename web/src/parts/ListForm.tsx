import { Autocomplete, Button, Group, Modal, Stack, TextInput, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { day } from "../format";
import { both, pick } from "../i18n";
import type { StaticList } from "./filling";
import { ProblemBox } from "./Page";

/** An internal name for what is made today, that none of the others has. */
export function nameOfToday(prefix: string, taken: string[]): string {
  const first = `${prefix}_${day(new Date().toISOString()).replace(/\D+/g, "_").replace(/_$/, "")}`;
  for (let n = 1; ; n++) {
    const name = n === 1 ? first : `${first}_${n}`;
    if (!taken.includes(name)) return name;
  }
}

/** Makes a static list, or changes what is said of one. */
export function ListForm({ list, close, saved }: { list?: StaticList; close: () => void; saved: (name: string) => void }) {
  const { t } = useTranslation();
  const all = useApi("/lists", {});
  const items = all.data?.items ?? [];
  const [typed, setName] = useState(list?.name);
  const name = typed ?? nameOfToday("list", items.map((l) => l.name));
  const [title, setTitle] = useState(pick(list?.title));
  const [about, setAbout] = useState(pick(list?.description));
  const [folder, setFolder] = useState(list?.folder ?? "");
  const [owner, setOwner] = useState(list?.owner === "local" ? "" : (list?.owner ?? ""));
  const [error, setError] = useState<ApiError | null>(null);
  const save = async () => {
    try {
      await request("put", "/lists/{name}", { path: { name }, body: { title: both(title, list?.title), description: both(about, list?.description), folder, owner, expect: list?.version ?? 0 } });
      saved(name);
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Modal opened onClose={close} title={list ? t("lists.edit") : t("lists.new")} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      <Stack>
        <TextInput label={t("segment.title")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} required data-autofocus />
        <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} disabled={!!list} required />
        <Textarea label={t("segment.about")} value={about} onChange={(e) => setAbout(e.currentTarget.value)} autosize minRows={1} />
        <Group grow align="flex-start">
          <Autocomplete label={t("segments.folder")} value={folder} onChange={setFolder} maxLength={64} data={[...new Set(items.map((l) => l.folder).filter(Boolean))]} />
          <TextInput label={t("segments.owner")} description={t("segment.ownerHint")} value={owner} onChange={(e) => setOwner(e.currentTarget.value)} maxLength={100} inputWrapperOrder={["label", "input", "description", "error"]} />
        </Group>
        {error && <ProblemBox error={error} />}
        <Group justify="flex-end"><Button disabled={!title.trim() || !name} onClick={() => void save()}>{list ? t("segment.save") : t("lists.make")}</Button></Group>
      </Stack>
    </Modal>
  );
}
