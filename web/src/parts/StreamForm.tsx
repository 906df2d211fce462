import { Alert, Button, Checkbox, Group, MultiSelect, NumberInput, SegmentedControl, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { both, pick } from "../i18n";
import type { Stream, StreamBody, StreamLanguage } from "../types";
import { modals, told } from "./confirm";
import { Copied } from "./Copied";
import { fieldProblem, FormModal } from "./FormModal";
import { nameOfToday } from "./ListForm";

/** Makes a stream, or changes one. */
export function StreamForm({ stream, taken, language, close, saved }: { stream?: Stream; taken: string[]; language: StreamLanguage; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const segments = useApi("/segments", {}, { staleTime: 60_000 });
  const before = stream?.stream;
  const titleBefore = stream?.title;
  const [title, setTitle] = useState(pick(titleBefore));
  const [typed, setName] = useState(stream?.name);
  const name = typed ?? nameOfToday("stream", taken);
  const [body, setBody] = useState<StreamBody>(before ?? { title: {}, to: "webhook", changes: ["segment", "message", "feedback", "identity"] });
  const set = (change: Partial<StreamBody>) => setBody((b) => ({ ...b, ...change }));
  const groups = language.groups.map((g) => g.name);
  const chosen = body.changes.filter((c) => groups.includes(c));
  const others = body.changes.filter((c) => !groups.includes(c));
  const fields = body.fields ?? [];
  const personal = language.fields.some((f) => f.personal && fields.includes(f.name));
  const save = async () => {
    const webhook = body.to === "webhook";
    const value: StreamBody = { ...body, title: both(title, titleBefore), url: webhook ? body.url : undefined, headers: webhook ? body.headers : undefined, per_second: webhook ? body.per_second || undefined : undefined, key: webhook ? body.key : undefined,
      segments: body.changes.includes("segment") ? body.segments : undefined };
    await request("put", "/streams/{name}", { path: { name }, body: { stream: value, expect: stream?.version ?? 0 } });
    saved();
  };
  const remove = async () => {
    if (!(await modals.confirm(t("outflow.removeTitle", { name: pick(titleBefore) }), t("outflow.removeText"), t("outflow.remove")))) return;
    await request("delete", "/streams/{name}", { path: { name: stream!.name } });
    saved();
  };
  return (
    <FormModal title={stream ? t("outflow.editTitle") : t("outflow.new")} action={t("outflow.save")} then={stream ? undefined : t("outflow.then")} ready={title.trim() !== "" && name !== "" && body.changes.length > 0 && (body.to === "topic" || !!body.url?.trim())}
      save={save} remove={stream && { label: t("outflow.remove"), act: remove }} close={close}>
      {(error) => (
        <>
          <TextInput label={t("outflow.name")} description={t("outflow.nameHint")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} error={fieldProblem(error, "title")} required data-autofocus />
          <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} disabled={!!stream} error={fieldProblem(error, "path.name")} required />
          <Stack gap={4}>
            <Text size="sm" fw={500}>{t("outflow.to")}</Text>
            <SegmentedControl value={body.to} onChange={(to) => set({ to })} data={[{ value: "webhook", label: t("outflow.webhook") }, { value: "topic", label: t("outflow.topic") }]} aria-label={t("outflow.to")} />
            <Text size="xs" c="dimmed">{t(body.to === "topic" ? "outflow.topicHint" : "outflow.webhookHint")}</Text>
          </Stack>
          {body.to === "webhook" && <TextInput label={t("outflow.url")} placeholder="https://crm.shop.example/hooks/enishi" value={body.url ?? ""} onChange={(e) => set({ url: e.currentTarget.value })} error={fieldProblem(error, "url")} required inputMode="url" />}
          {stream && body.to === "webhook" && <Key name={stream.name} renew={() => set({ key: (body.key ?? 0) + 1 })} renewed={(body.key ?? 0) !== (before?.key ?? 0)} />}
          <Checkbox.Group label={t("outflow.changes")} description={t("outflow.changesHint")} value={chosen} onChange={(v) => set({ changes: [...v, ...others] })} error={fieldProblem(error, "changes")}>
            <Stack gap={6} mt={6}>{language.groups.map((g) => <Checkbox key={g.name} value={g.name} label={pick(g.label)} />)}</Stack>
          </Checkbox.Group>
          {others.length > 0 && <Text size="sm">{t("outflow.others", { types: others.join("、") })}</Text>}
          {body.changes.includes("segment") && <MultiSelect label={t("outflow.segments")} placeholder={body.segments?.length ? undefined : t("outflow.allSegments")} data={(segments.data?.items ?? []).map((s) => ({ value: s.name, label: pick(s.title) }))} value={body.segments ?? []} onChange={(v) => set({ segments: v.length ? v : undefined })} error={fieldProblem(error, "segments")} searchable clearable clearButtonProps={{ "aria-label": t("outflow.clear") }} />}
          <Checkbox.Group label={t("outflow.fields")} description={t("outflow.fieldsHint")} value={fields} onChange={(v) => set({ fields: v.length ? v : undefined })}>
            <Group gap="md" mt={6}>{language.fields.map((f) => <Checkbox key={f.name} value={f.name} label={pick(f.label)} />)}</Group>
          </Checkbox.Group>
          {(personal || body.purpose) && <Textarea label={t("outflow.purpose")} description={t("outflow.purposeHint")} value={body.purpose ?? ""} onChange={(e) => set({ purpose: e.currentTarget.value || undefined })} autosize minRows={2} required={personal} error={fieldProblem(error, "purpose")} />}
          <TextInput label={t("outflow.when")} description={t("outflow.whenHint")} placeholder='type != "order.placed" || amount >= 10000' value={body.when ?? ""} onChange={(e) => set({ when: e.currentTarget.value || undefined })} error={fieldProblem(error, "when")} styles={{ input: { fontFamily: "ui-monospace, monospace" } }} />
          {body.to === "webhook" && <NumberInput label={t("outflow.perSecond")} description={t("outflow.perSecondHint")} value={body.per_second ?? ""} onChange={(v) => set({ per_second: typeof v === "number" && v > 0 ? v : undefined })} min={0} max={1000} allowDecimal={false} w={220} error={fieldProblem(error, "per_second")} />}
          <Checkbox label={t("outflow.history")} checked={body.history ?? false} onChange={(e) => set({ history: e.currentTarget.checked || undefined })} />
        </>
      )}
    </FormModal>
  );
}

/** The key by which the receiver checks that a call is ours. */
function Key({ name, renew, renewed }: { name: string; renew: () => void; renewed: boolean }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  const keys = useApi("/streams/{name}/keys", { path: { name } }, { enabled: shown, staleTime: 0 });
  const again = async () => {
    if (!(await modals.confirm(t("outflow.renewTitle"), t("outflow.renewText"), t("outflow.renew")))) return;
    renew();
    told(t("outflow.renewed"));
  };
  return (
    <Stack gap={6}>
      <Group justify="space-between"><Text size="sm" fw={500}>{t("outflow.key")}</Text><Group gap="xs">{!shown && <Button size="compact-sm" variant="default" onClick={() => setShown(true)}>{t("outflow.showKey")}</Button>}<Button size="compact-sm" variant="default" onClick={() => void again()} disabled={renewed}>{t("outflow.renew")}</Button></Group></Group>
      <Text size="xs" c="dimmed">{t("outflow.keyHint")}</Text>
      {renewed && <Alert color="blue" py="xs">{t("outflow.renewed")}</Alert>}
      {keys.error && <Text size="sm" c="red">{keys.error.message}</Text>}
      {shown && keys.data?.keys.map((k, i) => <Copied key={k} label={t(i === 0 ? "outflow.newest" : "outflow.former")} value={k} />)}
    </Stack>
  );
}
