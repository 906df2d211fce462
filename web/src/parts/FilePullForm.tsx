import { Button, Checkbox, Group, NumberInput, Radio, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { both, pick } from "../i18n";
import { Clock } from "../journey/fields";
import type { FilePull, FilePullBody, Place, PulledFile } from "../types";
import { FormModal, fieldProblem } from "./FormModal";
import { nameOfToday } from "./ListForm";
import { ProblemBox } from "./Page";

/** Which files come from where, how they are read and when; what is there now can be looked at first. */
export function FilePullForm({ pull, taken, places, close, done }: { pull?: FilePull; taken: string[]; places: Place[]; close: () => void; done: (name: string) => void }) {
  const { t } = useTranslation();
  const formats = useApi("/import-formats", {}, { staleTime: 10_000 });
  const [body, setBody] = useState<FilePullBody>(pull?.body ?? { place: places[0]?.name ?? "", pattern: "", at: "06:00", after: "move" });
  const [title, setTitle] = useState(pull ? pick(pull.title) : "");
  const [found, setFound] = useState<PulledFile[] | null>(null);
  const [unfound, setUnfound] = useState<ApiError | null>(null);
  const set = (by: Partial<FilePullBody>) => { setBody({ ...body, ...by }); setFound(null); setUnfound(null); };
  const daily = body.every === undefined;
  const name = pull?.name ?? nameOfToday("pull", taken);
  const whole = () => ({ ...body, title: both(title, pull?.title) });
  const items = formats.data?.items ?? [];
  const choice = body.preset ? `preset:${body.preset}` : body.mapping ? `mapping:${body.mapping}` : "events";
  const option = (f: { preset: boolean; name: string; title: { ja: string; en: string } }) => ({ value: `${f.preset ? "preset" : "mapping"}:${f.name}`, label: pick(f.title) });
  const groups = [
    { group: t("imports.saved"), items: items.filter((f) => !f.preset).map(option) },
    { group: t("imports.allFormats"), items: items.filter((f) => f.preset).map(option) },
    { group: t("imports.byHand"), items: [{ value: "events", label: t("imports.events") }] },
  ].filter((g) => g.items.length > 0);
  const look = async () => {
    setFound(null);
    setUnfound(null);
    try {
      setFound((await request("post", "/file-pulls/try", { body: { name: pull?.name, body: whole() } }))?.files ?? []);
    } catch (e) {
      setUnfound(e as ApiError);
    }
  };
  const save = async () => {
    await request("put", "/file-pulls/{name}", { path: { name }, body: { body: whole(), expect: pull?.version ?? 0 } });
    done(name);
  };
  return (
    <FormModal title={t(pull ? "pulls.changeTitle" : "pulls.add")} action={t("pulls.save")} then={t("pulls.then")} ready={title.trim() !== "" && body.pattern !== "" && (daily ? !!body.at : Number(body.every) >= 5)} save={save} close={close}>
      {(error) => (
        <>
          <TextInput label={t("pulls.name")} placeholder={t("pulls.namePlaceholder")} value={title} maxLength={100} required data-autofocus onChange={(e) => setTitle(e.currentTarget.value)} />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Select label={t("pulls.place")} data={places.map((p) => ({ value: p.name, label: `${p.name}（${t(`pulls.place_${p.kind}`)}）` }))} value={body.place} allowDeselect={false} onChange={(v) => v && set({ place: v })} error={fieldProblem(error, "place")} />
            <TextInput label={t("pulls.pattern")} description={t("pulls.patternHint")} placeholder="orders-*.csv" value={body.pattern} required onChange={(e) => set({ pattern: e.currentTarget.value.trim() })} error={fieldProblem(error, "pattern")} />
          </SimpleGrid>
          <Select label={t("imports.format")} data={groups} value={choice} searchable allowDeselect={false} error={fieldProblem(error, "mapping") ?? fieldProblem(error, "preset")}
            onChange={(v) => v && set({ preset: v.startsWith("preset:") ? v.slice(7) : undefined, mapping: v.startsWith("mapping:") ? v.slice(8) : undefined })} />
          <Radio.Group label={t("pulls.when")} value={daily ? "daily" : "every"} onChange={(v) => set(v === "daily" ? { at: "06:00", every: undefined } : { at: undefined, every: 30 })}>
            <Group gap="lg" mt={4}><Radio value="daily" label={t("pulls.onceADay")} /><Radio value="every" label={t("pulls.often")} /></Group>
          </Radio.Group>
          {daily ? <Clock label={t("pulls.at")} value={body.at} error={fieldProblem(error, "at")} onChange={(at) => set({ at })} />
            : <NumberInput label={t("pulls.minutes")} min={5} max={1440} allowDecimal={false} value={body.every} error={fieldProblem(error, "every")} onChange={(v) => set({ every: Number(v) })} />}
          <Radio.Group label={t("pulls.after")} value={body.after ?? "leave"} onChange={(v) => set({ after: v })}>
            <Stack gap={6} mt={4}>{["move", "leave", "delete"].map((v) => <Radio key={v} value={v} label={t(`pulls.after_${v}`)} />)}</Stack>
          </Radio.Group>
          <TextInput label={t("pulls.ready")} description={t("pulls.readyHint")} placeholder=".done" value={body.ready ?? ""} error={fieldProblem(error, "ready")} onChange={(e) => set({ ready: e.currentTarget.value.trim() || undefined })} />
          <Clock label={t("pulls.by")} value={body.by} error={fieldProblem(error, "by")} onChange={(by) => set({ by: by || undefined })} />
          <Checkbox label={t("imports.live")} description={t("imports.liveHint")} checked={body.live ?? false} onChange={(e) => set({ live: e.currentTarget.checked || undefined })} />
          <Group gap="sm"><Button variant="default" size="xs" disabled={!body.pattern} onClick={() => void look()}>{t("pulls.look")}</Button>
            {found && <Text size="sm" role="status">{found.length === 0 ? t("pulls.nothing") : t("pulls.there", { n: found.length, names: found.slice(0, 3).map((f) => f.name).join(t("comma")) })}</Text>}
          </Group>
          {unfound && <ProblemBox error={unfound} />}
        </>
      )}
    </FormModal>
  );
}
