import { ActionIcon, Alert, Button, Chip, Group, Modal, MultiSelect, NativeSelect, NumberInput, SegmentedControl, Select, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { IconPencil, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { Builder } from "../builder/Builder";
import { Expression } from "../builder/Expression";
import { useCondition } from "../builder/useCondition";
import { pick } from "../i18n";
import { Loading, ProblemBox } from "../parts/Page";
import { offered, wordOf } from "./conditions";
import type { Definition, Happening } from "./model";
import { tidy } from "./model";
import { phrase } from "./phrase";
import { blocksOf } from "./useConditions";
import { events, eventWord } from "./words";
import { useWrong } from "./wrong";

/** 3 日 as a number and a unit; text is 3d, empty while there is no number. */
export function Span({ label, value, onChange, hint, error, disabled, units = ["m", "h", "d", "w"] }: { label: string; value: string | undefined; onChange: (text: string) => void; hint?: string; error?: string; disabled?: boolean; units?: string[] }) {
  const { t } = useTranslation();
  const [left, setLeft] = useState("d");
  const m = /^(\d+)([smhdw])$/.exec(value ?? "");
  const unit = m?.[2] ?? left;
  return (
    <div>
      <Group gap={4} align="flex-end" wrap="nowrap">
        <NumberInput size="sm" style={{ flex: 1 }} label={label} disabled={disabled} error={!!error} min={1} max={99999} allowDecimal={false} allowNegative={false} value={m?.[1] ?? ""} onChange={(v) => onChange(v === "" ? "" : `${v}${unit}`)} />
        <NativeSelect size="sm" w={106} disabled={disabled} aria-label={t("build.unitOf", { name: label })} value={unit} data={[...new Set([...units, unit])].map((u) => ({ value: u, label: t(`spanUnit.${u}`) }))}
          onChange={(e) => { setLeft(e.currentTarget.value); if (m) onChange(m[1] + e.currentTarget.value); }} />
      </Group>
      {error && <Text size="sm" className="problem" mt={4}>{error}</Text>}
      {hint && <Text size="xs" c="dimmed" mt={4}>{hint}</Text>}
    </div>
  );
}

export function Events({ label, value, error, onChange }: { label: string; value: string[]; error?: string; onChange: (events: string[]) => void }) {
  const { t } = useTranslation();
  return <MultiSelect size="sm" label={label} error={error} placeholder={value.length ? "" : t("build.chooseEvents")} searchable hidePickedOptions value={value} onChange={onChange} maxDropdownHeight={280} comboboxProps={{ shadow: "md" }}
    data={[...new Set([...events(), ...value])].map((e) => ({ value: e, label: eventWord(e, t) }))} />;
}

/** One of what the shop has made, by its title. */
export function Named({ label, value, items, onChange, hint, nothing, error }: { error?: string; label: string; value: string | undefined; items: { name: string; title: { ja: string; en: string } }[]; onChange: (name: string) => void; hint: string; nothing: string }) {
  const data = items.map((x) => ({ value: x.name, label: pick(x.title) || x.name }));
  if (value && !data.some((d) => d.value === value)) data.push({ value, label: value });
  return <Select size="sm" label={label} error={error} placeholder={hint} searchable data={data} value={value || null} onChange={(v) => onChange(v ?? "")} nothingFoundMessage={nothing} comboboxProps={{ shadow: "md" }} />;
}

export function Segments({ label, value, error, onChange }: { label: string; value: string | undefined; error?: string; onChange: (name: string) => void }) {
  const { t } = useTranslation();
  const all = useApi("/segments", {}, { staleTime: 30_000 });
  return <Named label={label} value={value} error={error} items={all.data?.items ?? []} onChange={onChange} hint={t("builder.chooseSegment")} nothing={t("builder.noSegments")} />;
}

/** Before, on or after a date: -7d is a week before it. */
export function DateOffset({ offset, onChange }: { offset: string | undefined; onChange: (offset: string, what?: string) => void }) {
  const { t } = useTranslation();
  const [, sign, length] = /^(-?)(.*)$/.exec(offset ?? "")!;
  const when = !length ? "same" : sign ? "before" : "after";
  return (
    <>
      <NativeSelect size="sm" label={t("build.dateWhen")} value={when} data={["before", "same", "after"].map((x) => ({ value: x, label: t(`build.date_${x}`) }))}
        onChange={(e) => onChange(e.currentTarget.value === "same" ? "" : (e.currentTarget.value === "before" ? "-" : "") + (length || "7d"))} />
      {when !== "same" && <Span label={t("build.howMuch")} value={length} units={["d", "w"]} onChange={(x) => onChange(sign + (x || "1d"), "offset")} />}
    </>
  );
}

/** A trait that holds a date: one that was seen, or one that is yet to come. */
export function DateTrait({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState<string>();
  const seen = useApi("/segments/values", { query: { field: "traits" } }, { staleTime: 60_000 });
  const known = new Map([["birthday", ""], ...(seen.data?.items ?? []).map((v): [string, string] => [v.value, pick(v.label) || v.value])]).set("birthday", t("build.birthday"));
  const name = value.trim();
  const data = [...known].map(([v, label]) => ({ value: v, label }));
  for (const x of [name, typed?.trim() ?? ""]) if (/^[A-Za-z][A-Za-z0-9_]*$/.test(x) && !data.some((o) => o.value === x || o.label === x)) data.push({ value: x, label: x });
  return <Select size="sm" label={t("build.dateTrait")} description={t("build.dateTraitHint")} error={useWrong("date")} placeholder={t("build.chooseDate")} searchable data={data} value={name || null} searchValue={typed} onSearchChange={setTyped} onChange={(v) => onChange(v ?? "")} nothingFoundMessage={t("build.noTrait")} comboboxProps={{ shadow: "md" }} />;
}

// The days of a week stand in one line of the narrowest panel.
const days = { label: { paddingInline: 9 }, iconWrapper: { display: "none" } };
const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

export function Weekdays({ label, value, error, disabled, onChange }: { label: string; value: string[] | undefined; error?: string; disabled?: boolean; onChange: (days: string[]) => void }) {
  const { t } = useTranslation();
  return (
    <div role="group" aria-label={label}>
      <Text size="sm" fw={600} mb={4}>{label}</Text>
      <Chip.Group multiple value={value ?? []} onChange={(v) => onChange(weekdays.filter((w) => v.includes(w)))}>
        <Group gap={4}>{weekdays.map((w) => <Chip key={w} size="xs" value={w} disabled={disabled} styles={days}>{t(`weekday.${w}`)}</Chip>)}</Group>
      </Chip.Group>
      {error && <Text size="sm" className="problem">{error}</Text>}
    </div>
  );
}

export const Clock = ({ label, value, error, disabled, onChange }: { label: string; value: string | undefined; error?: string; disabled?: boolean; onChange: (time: string) => void }) => (
  <TextInput size="sm" type="time" label={label} value={value ?? ""} error={error} disabled={disabled} onChange={(e) => onChange(e.currentTarget.value.slice(0, 5))} />
);

/** A condition in words: its blocks are read by the server. */
export function useWords(expression: string) {
  const { t } = useTranslation();
  const known = wordOf(expression);
  const lang = useApi("/segments/language", {}, { staleTime: Infinity });
  const read = useQuery({ ...blocksOf(expression), enabled: !known && expression.trim() !== "" });
  if (!expression.trim()) return "";
  if (known) return t(`known.${known}`);
  return read.data?.blocks && lang.data ? phrase(read.data.blocks, lang.data.fields, t) : t("build.written");
}

/** A condition: what it says, and a window to change it in. */
export function Condition({ label, value, withEvent, optional, error, onChange }: { label: string; value: string; withEvent: boolean; optional?: boolean; error?: string; onChange: (expression: string) => void }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const said = useWords(value);
  return (
    <div role="group" aria-label={label}>
      <Text size="sm" fw={600}>{label}</Text>
      <Group gap={4} wrap="nowrap" align="flex-start">
        <Button size="compact-sm" variant="default" fw={400} c={value.trim() ? undefined : "dimmed"} fullWidth justify="space-between" h="auto" mih={30} py={4} rightSection={<IconPencil size={15} aria-hidden />} onClick={() => setOpen(true)} styles={{ label: { whiteSpace: "normal", textAlign: "start", overflowWrap: "anywhere" } }}>{said || t(optional ? "build.noCondition" : "build.setCondition")}</Button>
        {optional && value && <Tooltip label={t("build.dropCondition")}><ActionIcon variant="subtle" color="gray" size={30} aria-label={t("build.dropCondition")} onClick={() => onChange("")}><IconX size={15} aria-hidden /></ActionIcon></Tooltip>}
      </Group>
      {error && <Text size="sm" className="problem" mt={4}>{error}</Text>}
      {open && <ConditionWindow title={label} start={value} withEvent={withEvent} close={() => setOpen(false)} save={(x) => { onChange(x); setOpen(false); }} />}
    </div>
  );
}

function ConditionWindow({ title, start, withEvent, save, close }: { title: string; start: string; withEvent: boolean; save: (expression: string) => void; close: () => void }) {
  const { t } = useTranslation();
  const named = offered(withEvent);
  const begins = wordOf(start);
  const [by, setBy] = useState<"name" | "blocks" | "text">(begins || !start.trim() ? "name" : "blocks");
  const [word, setWord] = useState<string | null>(begins ?? null);
  const condition = useCondition(begins ? "" : start, "blocks");
  const lang = useApi("/segments/language", {}, { staleTime: Infinity });
  const view = by === "name" ? "name" : (condition.view ?? "blocks");
  const show = (v: string) => { setBy(v as typeof by); if (v !== "name") condition.show(v as "blocks" | "text"); };
  const done = async () => {
    if (by === "name") return save(named.find(([w]) => w === word)?.[1] ?? "");
    const finished = await condition.finished();
    if (finished !== undefined) save(finished);
  };
  return (
    <Modal opened onClose={close} size="56rem" title={<Text fw={700}>{title}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      <Stack gap="md" mih={280}>
        <SegmentedControl size="xs" aria-label={t("builder.view")} value={view} onChange={show} data={[{ value: "name", label: t("build.aboutJourney") }, { value: "blocks", label: t("build.aboutPerson") }, { value: "text", label: t("builder.expression") }]} />
        {view === "name" && <Select size="sm" searchable label={t("build.choose")} placeholder={t("build.chooseCondition")} data={named.map(([w]) => ({ value: w, label: t(`known.${w}`) }))} value={word} onChange={setWord} maxDropdownHeight={260} data-autofocus />}
        {view === "blocks" && (lang.data && condition.view ? <Builder root={condition.root} words={lang.data} problems={condition.problems} onChange={condition.change} /> : !condition.error && <Loading lines={3} />)}
        {view === "text" && <div><Expression value={condition.text} lang={lang.data} problems={[]} onChange={condition.setText} /><Text size="xs" c="dimmed" mt={4}>{t("build.textHint")}</Text></div>}
        {condition.error && view !== "name" && <ProblemBox error={condition.error} />}
        <Group justify="flex-end" gap="sm" mt="auto"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button disabled={view === "name" && !word} onClick={() => void done()}>{t("build.take")}</Button></Group>
      </Stack>
    </Modal>
  );
}

/** The keys that runs go by, of one event or several: an order, a cart, a parcel. */
export const keyNames = ["order_id", "cart_id", "shipment_id", "subscription_id", "product_id", "return_id", "contact_id", "store_id"];

/** Something that happens: events, or a segment entered or left. */
export function HappeningForm({ value, onChange, d, error }: { value: Happening; onChange: (h: Happening) => void; d: Definition; error?: string }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<string>();
  const kind = value.segment ? "segment" : value.event || value.events?.length ? "event" : (asked ?? "event");
  const list = value.event ? [value.event] : (value.events ?? []);
  const about = value.key === "any" ? "any" : value.key ? "other" : "same";
  return (
    <Stack gap="sm">
      <SegmentedControl size="xs" fullWidth aria-label={t("build.whatHappens")} value={kind} onChange={(k) => { setAsked(k); onChange({}); }} data={[{ value: "event", label: t("build.byEvent") }, { value: "segment", label: t("build.bySegment") }]} />
      {kind === "segment" ? (
        <>
          <Segments label={t("builder.segment")} value={value.segment} error={error} onChange={(segment) => onChange(tidy({ segment, entered: value.entered }))} />
          <NativeSelect size="sm" aria-label={t("build.entered")} value={value.entered === false ? "left" : "entered"} data={["entered", "left"].map((x) => ({ value: x, label: t(`build.segment_${x}`) }))} onChange={(e) => onChange({ ...value, entered: e.currentTarget.value === "left" ? false : undefined })} />
        </>
      ) : (
        <>
          <Events label={t("build.events")} value={list} error={error} onChange={(all) => onChange(tidy({ ...value, event: undefined, events: all }))} />
          {d.entry.key && list.length > 0 && (
            <NativeSelect size="sm" label={t("build.aboutWhat")} value={about === "other" ? value.key : about} data={[{ value: "same", label: t("build.sameKey", { key: t(`runKey.${d.entry.key}`, { defaultValue: d.entry.key }) }) }, { value: "any", label: t("build.anyKey") }, ...(about === "other" ? [{ value: value.key!, label: t(`runKey.${value.key}`, { defaultValue: value.key }) }] : [])]}
              onChange={(e) => onChange(tidy({ ...value, key: e.currentTarget.value === "same" ? undefined : e.currentTarget.value }))} />
          )}
          {list.length > 0 && <Condition label={t("build.onlyIf")} value={value.where ?? ""} withEvent optional onChange={(where) => onChange(tidy({ ...value, where }))} />}
        </>
      )}
    </Stack>
  );
}

export const Note = ({ children }: { children: string }) => <Alert color="blue" variant="light" p="xs"><Text size="xs">{children}</Text></Alert>;
