import { Checkbox, Group, MultiSelect, NumberInput, Select, SimpleGrid, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, type Got } from "../api";
import { both, pick } from "../i18n";
import { dateOf, midnight } from "../zone";
import { fieldProblem, FormModal } from "./FormModal";
import { nameOfToday } from "./ListForm";

export type ExportPlan = Got<"/bulk-exports">["items"][number];
type What = ExportPlan["what"];

/** The day after a day, as fields for days have it. */
const after = (day: string) => new Date(Date.parse(`${day}T00:00Z`) + 86_400_000).toISOString().slice(0, 10);

/** What is exported, how and where: once, or as a plan that is kept. */
export function BulkExportForm({ of, names, tables, places, close, done }: { of?: ExportPlan; names: string[]; tables: Got<"/export-tables">["items"]; places: string[]; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [what, setWhat] = useState<What>(of?.what ?? { tables: [], format: "parquet" });
  const [from, setFrom] = useState(of?.what.since ? dateOf(of.what.since) : "");
  const [until, setUntil] = useState("");
  const [keep, setKeep] = useState(!!of);
  const [title, setTitle] = useState(of ? pick(of.title) : "");
  const [every, setEvery] = useState<string>(of?.schedule?.every ?? "");
  const [at, setAt] = useState(of?.schedule?.every === "day" ? of.schedule.at : "03:30");
  const [minute, setMinute] = useState(of?.schedule?.every === "hour" ? Number(of.schedule.at) : 15);
  const [days, setDays] = useState(of?.keep_days ?? 30);
  const [reason, setReason] = useState("");
  const set = (change: Partial<What>) => setWhat({ ...what, ...change });
  const chosen = tables.filter((x) => what.tables.includes(x.name));
  const personal = chosen.some((x) => x.personal);
  const timed = chosen.length > 0 && chosen.every((x) => x.time);
  const save = async () => {
    const body: What = { ...what, since: !keep && timed && from ? midnight(from) : undefined, until: !keep && timed && until ? midnight(after(until)) : undefined, new: keep && what.new, bom: what.format === "csv" && what.bom, contacts: personal && what.contacts };
    if (keep) {
      const name = of?.name ?? nameOfToday("export", names);
      await request("put", "/bulk-exports/{name}", { path: { name }, body: { title: both(title, of?.title), what: body, schedule: every === "day" ? { every, at } : every === "hour" ? { every, at: String(minute).padStart(2, "0") } : undefined, keep_days: what.place ? days : 0, paused: of?.paused, expect: of?.version ?? 0, reason } });
    } else await request("post", "/export-runs", { body: { what: body, reason } });
    done();
  };
  return (
    <FormModal title={t(of ? "bulk.editTitle" : "bulk.open")} action={t(keep ? "bulk.saveDo" : "bulk.do")} ready={what.tables.length > 0 && reason.trim() !== "" && (!keep || title.trim() !== "")} save={save} close={close}
      remove={of && { label: t("bulk.delete"), act: () => request("delete", "/bulk-exports/{name}", { path: { name: of.name }, query: { expect: of.version } }).then(done) }}>
      {(error) => (
        <>
          <MultiSelect label={t("bulk.tables")} data={tables.map((x) => ({ value: x.name, label: pick(x.title) }))} value={what.tables} onChange={(v) => set({ tables: v })} searchable hidePickedOptions required error={fieldProblem(error, "tables")} comboboxProps={{ withinPortal: true }} data-autofocus />
          <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
            <Select label={t("bulk.format")} data={[{ value: "parquet", label: "Parquet" }, { value: "csv", label: "CSV" }, { value: "ndjson", label: t("bulk.ndjson") }]} value={what.format} onChange={(v) => v && set({ format: v as What["format"] })} allowDeselect={false} />
            <Select label={t("bulk.compression")} data={[{ value: "", label: t("bulk.compressionNone") }, { value: "gzip", label: "gzip" }, { value: "zstd", label: "zstd" }]} value={what.compression ?? ""} onChange={(v) => set({ compression: (v || undefined) as What["compression"] })} allowDeselect={false} />
            <Select label={t("bulk.place")} data={[{ value: "", label: t("bulk.download") }, ...places.map((p) => ({ value: p, label: p }))]} value={what.place ?? ""} onChange={(v) => set({ place: v || undefined, folder: v ? what.folder : undefined })} allowDeselect={false} error={fieldProblem(error, "place")} />
          </SimpleGrid>
          {what.place ? <TextInput label={t("bulk.folder")} value={what.folder ?? ""} placeholder="enishi/exports" onChange={(e) => set({ folder: e.currentTarget.value || undefined })} error={fieldProblem(error, "folder")} /> : places.length === 0 && <Text size="xs" c="dimmed">{t("bulk.noPlace")}</Text>}
          <Stack gap="xs">
            {what.format === "csv" && <Checkbox label={t("bulk.bom")} checked={!!what.bom} onChange={(e) => set({ bom: e.currentTarget.checked })} />}
            {chosen.some((x) => x.time) && <Checkbox label={t("bulk.byDay")} checked={!!what.by_day} onChange={(e) => set({ by_day: e.currentTarget.checked })} />}
            {personal && <Checkbox label={t("bulk.contacts")} description={t("bulk.contactsHint")} checked={!!what.contacts} onChange={(e) => set({ contacts: e.currentTarget.checked })} />}
          </Stack>
          {!keep && timed && (
            <Group grow align="flex-start">
              <TextInput type="date" label={t("bulk.since")} description={t("bulk.sinceHint")} value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
              <TextInput type="date" label={t("bulk.until")} description={t("bulk.untilHint")} value={until} onChange={(e) => setUntil(e.currentTarget.value)} error={fieldProblem(error, "until")} />
            </Group>
          )}
          {!of && <Switch label={t("bulk.keep")} checked={keep} onChange={(e) => setKeep(e.currentTarget.checked)} />}
          {keep && (
            <Stack gap="sm">
              <TextInput label={t("bulk.name")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} maxLength={100} required error={fieldProblem(error, "title")} />
              <Group align="flex-end" gap="sm">
                <Select label={t("bulk.every")} data={[{ value: "", label: t("bulk.everyNone") }, { value: "day", label: t("bulk.day") }, { value: "hour", label: t("bulk.hour") }]} value={every} onChange={(v) => setEvery(v ?? "")} allowDeselect={false} w={240} maw="100%" />
                {every === "day" && <TextInput type="time" label={t("bulk.time")} value={at} onChange={(e) => setAt(e.currentTarget.value.slice(0, 5))} error={fieldProblem(error, "schedule.at")} />}
                {every === "hour" && <NumberInput label={t("bulk.minute")} value={minute} min={0} max={59} allowDecimal={false} onChange={(v) => setMinute(Number(v) || 0)} w={100} error={fieldProblem(error, "schedule.at")} />}
              </Group>
              <Checkbox label={t("bulk.new")} description={t("bulk.newHint")} checked={!!what.new} onChange={(e) => set({ new: e.currentTarget.checked })} />
              {what.place && <NumberInput label={t("bulk.keepDays")} description={t("bulk.keepDaysHint")} value={days} min={0} max={3650} allowDecimal={false} onChange={(v) => setDays(Number(v) || 0)} w={240} maw="100%" />}
            </Stack>
          )}
          <TextInput label={t("reason")} description={t("bulk.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} required />
        </>
      )}
    </FormModal>
  );
}
