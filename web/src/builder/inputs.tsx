import { useState } from "react";
import { Group, MultiSelect, NativeSelect, NumberInput, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useApi } from "../api";
import { pick } from "../i18n";
import type { Block } from "../types";

type Change = (b: Block) => void;

/** Values that the field has had, and what is being typed: a value may be new. */
function useSeen(field: string, chosen: string[], enabled: boolean) {
  const { t } = useTranslation();
  const [search, setSearch] = useState("");
  const [asked] = useDebouncedValue(search, 150);
  const seen = useApi("/segments/values", { query: { field, q: chosen.includes(asked) ? "" : asked } }, { enabled, staleTime: 60_000, placeholderData: (old) => old });
  const known = new Map((seen.data?.items ?? []).map((v) => [v.value, pick(v.label)]));
  const data = [...known].map(([value, label]) => ({ value, label }));
  for (const c of chosen) if (!known.has(c)) data.unshift({ value: c, label: c ? (field.endsWith(".type") ? t(`eventType.${c.replaceAll(".", "_")}`, { defaultValue: c }) : c) : t("builder.empty") });
  const typed = search.trim();
  if (typed && !data.some((d) => d.value === typed || d.label === typed)) data.push({ value: typed, label: t("builder.use", { value: typed }) });
  return { data, search, setSearch };
}

const popover = { shadow: "md", withinPortal: true };

function Several({ block, field, seen, onChange }: { block: Block; field: string; seen: boolean; onChange: Change }) {
  const { t } = useTranslation();
  const values = block.values ?? [];
  const s = useSeen(field, values, seen);
  return (
    <MultiSelect size="sm" aria-label={t("builder.values")} placeholder={values.length ? "" : t("builder.chooseValues")} data={s.data} value={values} searchable hidePickedOptions miw={180} maw={520} style={{ flex: "1 1 260px" }}
      searchValue={s.search} onSearchChange={s.setSearch} nothingFoundMessage={t("builder.noValues")} comboboxProps={popover}
      onChange={(v) => { onChange({ ...block, values: v }); s.setSearch(""); }} />
  );
}

function Single({ block, field, seen, onChange }: { block: Block; field: string; seen: boolean; onChange: Change }) {
  const { t } = useTranslation();
  const s = useSeen(field, block.value ? [block.value] : [], seen);
  return (
    <Select size="sm" aria-label={t("builder.value")} placeholder={t("builder.chooseValues")} data={s.data} value={block.value || null} searchable miw={160} comboboxProps={popover}
      onSearchChange={s.setSearch} nothingFoundMessage={t("builder.noValues")} onChange={(v) => onChange({ ...block, value: v ?? "" })} />
  );
}

/** 90 日 */
function Span({ block, most, onChange }: { block: Block; most?: number; onChange: Change }) {
  const { t } = useTranslation();
  const text = block.value ?? "";
  const unit = /[dhm]$/.exec(text)?.[0] ?? "d";
  return (
    <Group gap={4} wrap="nowrap">
      <NumberInput size="sm" w={90} aria-label={t("builder.howLong")} min={1} max={unit === "d" ? most : undefined} clampBehavior="none" allowDecimal={false} allowNegative={false} value={text.replace(/[dhm]$/, "")}
        onChange={(v) => onChange({ ...block, value: v === "" ? "" : `${v}${unit}` })} />
      <NativeSelect size="sm" w={92} aria-label={t("builder.unit")} value={unit} onChange={(e) => onChange({ ...block, value: text.replace(/[dhm]$/, "") + e.currentTarget.value })}
        data={["d", "h", "m"].map((u) => ({ value: u, label: t(`builder.unit_${u}`) }))} />
    </Group>
  );
}

function Day({ label, value, onChange }: { label: string; value: string; onChange: (day: string) => void }) {
  return <TextInput type="date" size="sm" w={160} aria-label={label} value={value.slice(0, 10)} min="1971-01-01" max="2199-12-31" onChange={(e) => onChange(e.currentTarget.value)} />;
}

/** Another segment, by its title. */
function Segment({ block, onChange }: { block: Block; onChange: Change }) {
  const { t } = useTranslation();
  const { name } = useParams();
  const all = useApi("/segments", {}, { staleTime: 30_000 });
  const data = (all.data?.items ?? []).filter((s) => s.name !== name).map((s) => ({ value: s.name, label: pick(s.title) }));
  if (block.value && !data.some((d) => d.value === block.value)) data.push({ value: block.value, label: block.value });
  return <Select size="sm" aria-label={t("builder.segment")} placeholder={t("builder.chooseSegment")} data={data} value={block.value || null} searchable miw={200} comboboxProps={popover} nothingFoundMessage={t("builder.noSegments")} onChange={(v) => onChange({ ...block, value: v ?? "" })} />;
}

const periods = ["today", "this_week", "this_month", "last_month", "this_year", "fiscal_year"];

/** What is compared with, fitting the field and the operator. */
export function Operand({ block, kind, field, seen, most, onChange }: { block: Block; kind: string; field: string; seen: boolean; most?: number; onChange: Change }) {
  const { t } = useTranslation();
  if (kind === "segment") return <Segment block={block} onChange={onChange} />;
  if (kind === "birthday") return <Span block={block} most={180} onChange={onChange} />;
  switch (block.operator) {
    case "true":
    case "false":
    case "present":
    case "missing":
      return null;
    case "in":
    case "not in":
      if (block.as === "number") return <Text size="sm" className="num">{block.values?.join(t("comma"))}</Text>;
      return <Several block={block} field={field} seen={seen} onChange={onChange} />;
    case "between":
      return (
        <Group gap={4}>
          <Day label={t("builder.first")} value={block.value ?? ""} onChange={(value) => onChange({ ...block, value })} />
          <Text size="sm" c="dimmed">{t("builder.until")}</Text>
          <Day label={t("builder.last")} value={block.to ?? ""} onChange={(to) => onChange({ ...block, to })} />
        </Group>
      );
  }
  switch (block.as) {
    case "ago":
      return <Span block={block} most={most} onChange={onChange} />;
    case "date":
      return <Day label={t("builder.day")} value={block.value ?? ""} onChange={(value) => onChange({ ...block, value })} />;
    case "now":
      return null;
    case "calendar":
      return <NativeSelect size="sm" aria-label={t("builder.period")} value={block.value ?? ""} data={periods.map((p) => ({ value: p, label: t(`period.${p}`) }))} onChange={(e) => onChange({ ...block, value: e.currentTarget.value })} />;
    case "number":
      return <NumberInput size="sm" w={kind === "money" ? 140 : 110} aria-label={t("builder.value")} thousandSeparator="," prefix={kind === "money" ? "¥" : undefined} decimalScale={4} value={block.value ?? ""} placeholder={kind === "money" ? "¥5,000" : "0"} onChange={(v) => onChange({ ...block, value: String(v) })} />;
  }
  if (["==", "!=", "has", "not has"].includes(block.operator ?? "") && seen) return <Single block={block} field={field} seen onChange={onChange} />;
  return <TextInput size="sm" miw={160} aria-label={t("builder.value")} value={block.value ?? ""} onChange={(e) => onChange({ ...block, value: e.currentTarget.value })} />;
}
