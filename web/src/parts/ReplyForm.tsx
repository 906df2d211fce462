import { Group, NumberInput, SegmentedControl, Select, Stack, Switch, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { both, language, pick, type Text as Words } from "../i18n";
import { wordsOf } from "../line/words";
import type { LineAccount, Reply } from "../types";
import { modals } from "./confirm";
import { fieldProblem, FormModal } from "./FormModal";
import { nameOfToday } from "./ListForm";

export interface ReplyDefinition { title: Words; match: Reply["match"]; words: string[]; account?: string; text?: Partial<Words>; template?: string; priority?: number; off?: boolean }

const ways = ["exact", "word", "contains"] as const;

/** Makes a keyword reply, or changes one. */
export function ReplyForm({ reply: r, taken, accounts, close, saved }: { reply?: Reply; taken: string[]; accounts: LineAccount[]; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const d = r?.definition as ReplyDefinition | undefined;
  const templates = useApi("/templates", {}, { staleTime: 30_000 });
  const [title, setTitle] = useState(pick(r?.title));
  const [typed, setName] = useState(r?.name);
  const name = typed ?? nameOfToday("reply", taken);
  const [match, setMatch] = useState<Reply["match"]>(r?.match ?? "exact");
  const [words, setWords] = useState(r?.words ?? []);
  const [by, setBy] = useState(d?.template ? "template" : "text");
  const [text, setText] = useState<Partial<Words>>(d?.text ?? {});
  const [template, setTemplate] = useState<string | null>(d?.template || null);
  const [account, setAccount] = useState(r?.account ?? "");
  const [priority, setPriority] = useState<number | string>(d?.priority ?? 0);
  const [on, setOn] = useState(!r?.off);
  const said = Object.fromEntries(Object.entries(text).filter(([, v]) => v?.trim()));
  const ready = title.trim() !== "" && words.length > 0 && (by === "template" ? !!template : Object.keys(said).length > 0);
  const languages = language() === "ja" ? (["ja", "en"] as const) : (["en", "ja"] as const);
  const save = async () => {
    const definition: ReplyDefinition = { title: both(title, d?.title), match, words, ...(account && { account }), ...(by === "template" ? { template: template! } : { text: said }), ...(Number(priority) ? { priority: Number(priority) } : {}), ...(on ? {} : { off: true }) };
    await request("put", "/replies/{name}", { path: { name }, body: { definition, expect: r?.version ?? 0 } });
    saved();
  };
  const remove = async () => {
    if (!(await modals.confirm(t("replies.removeTitle"), t("replies.removeText", { title: pick(r?.title) }), t("replies.remove")))) return;
    await request("delete", "/replies/{name}", { path: { name }, query: { expect: r!.version } });
    saved();
  };
  return (
    <FormModal title={t(r ? "replies.edit" : "replies.new")} action={t("segment.save")} then={t("replies.then")} ready={ready} save={save} remove={r && { label: t("replies.remove"), act: remove }} close={close}>
      {(error) => (
        <>
          <Group grow align="flex-start">
            <TextInput label={t("segment.title")} placeholder={t("replies.titleHint")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} error={fieldProblem(error, "title")} required data-autofocus />
            {!r && <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} required />}
          </Group>
          <TagsInput label={t("replies.words")} description={t("replies.wordsHint")} inputWrapperOrder={["label", "input", "description", "error"]} value={words} onChange={(v) => setWords(wordsOf(v))} error={fieldProblem(error, "words")} maxTags={50} acceptValueOnBlur required />
          <div>
            <SegmentedControl value={match} onChange={(v) => setMatch(v as Reply["match"])} data={ways.map((w) => ({ value: w, label: t(`replyMatch.${w}`) }))} aria-label={t("replies.match")} />
            <Text size="xs" c="dimmed" mt={4}>{t(`replyMatch.${match}_hint`)}</Text>
          </div>
          <Stack gap="sm">
            <SegmentedControl w="max-content" value={by} onChange={setBy} data={["text", "template"].map((v) => ({ value: v, label: t(`replies.by_${v}`) }))} aria-label={t("replies.answer")} />
            {by === "text" ? languages.map((l) => <Textarea key={l} label={t(`replies.text_${l}`)} value={text[l] ?? ""} onChange={(e) => setText({ ...text, [l]: e.currentTarget.value })} error={fieldProblem(error, l)} maxLength={2500} autosize minRows={l === languages[0] ? 3 : 1} maxRows={10} />)
              : <Select label={t("replies.template")} description={t("replies.templateHint")} placeholder={t("content.choose")} searchable nothingFoundMessage={t("replies.noTemplate")} value={template} onChange={setTemplate} error={fieldProblem(error, "template")} data={(templates.data?.items ?? []).filter((x) => x.channel === "line").map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} />}
          </Stack>
          <Group align="flex-start" gap="lg">
            {accounts.length > 1 && <Select label={t("replies.account")} value={account} onChange={(v) => setAccount(v ?? "")} allowDeselect={false} data={[{ value: "", label: t("replies.everyAccount") }, ...accounts.map((a) => ({ value: a.name, label: pick(a.title) || a.name }))]} />}
            <NumberInput label={t("replies.priority")} description={t("replies.priorityHint")} inputWrapperOrder={["label", "input", "description", "error"]} value={priority} onChange={setPriority} allowDecimal={false} min={-1000} max={1000} w={220} />
            <Switch mt={30} label={t("replies.on")} checked={on} onChange={(e) => setOn(e.currentTarget.checked)} />
          </Group>
        </>
      )}
    </FormModal>
  );
}
