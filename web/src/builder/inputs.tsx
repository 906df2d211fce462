import { useState } from "react";
import { Group, MultiSelect, NativeSelect, NumberInput, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useApi } from "../api";
import { pick, type Text as Both } from "../i18n";
import type { Block } from "../types";
import { rfm } from "./blocks";

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

/** One of what the shop has made, by its title. */
function Named({ block, label, hint, nothing, items, onChange }: { block: Block; label: string; hint: string; nothing: string; items: { name: string; title: Both }[]; onChange: Change }) {
  const data = items.map((s) => ({ value: s.name, label: pick(s.title) || s.name }));
  if (block.value && !data.some((d) => d.value === block.value)) data.push({ value: block.value, label: block.value });
  return <Select size="sm" aria-label={label} placeholder={hint} data={data} value={block.value || null} searchable miw={200} comboboxProps={popover} nothingFoundMessage={nothing} onChange={(v) => onChange({ ...block, value: v ?? "" })} />;
}

function Segment({ block, onChange }: { block: Block; onChange: Change }) {
  const { t } = useTranslation();
  const { name } = useParams();
  const all = useApi("/segments", {}, { staleTime: 30_000 });
  return <Named block={block} label={t("builder.segment")} hint={t("builder.chooseSegment")} nothing={t("builder.noSegments")} items={(all.data?.items ?? []).filter((s) => s.name !== name)} onChange={onChange} />;
}

function OnList({ block, onChange }: { block: Block; onChange: Change }) {
  const { t } = useTranslation();
  const all = useApi("/lists", {}, { staleTime: 30_000 });
  return <Named block={block} label={t("question.onlist")} hint={t("builder.chooseList")} nothing={t("builder.noLists")} items={all.data?.items ?? []} onChange={onChange} />;
}

function Top({ block, onChange }: { block: Block; onChange: Change }) {
  const { t } = useTranslation();
  const all = useApi("/rankings", {}, { staleTime: 30_000 });
  return <Named block={block} label={t("rankings.title")} hint={t("builder.chooseRanking")} nothing={t("builder.noTop")} items={(all.data?.items ?? []).filter((r) => r.by.top)} onChange={onChange} />;
}

/** A rank: of five as stars, else with how many there are. */
function Rank({ block, ranking, onChange }: { block: Block; ranking: string; onChange: Change }) {
  const { t } = useTranslation();
  const all = useApi("/rankings", {}, { staleTime: 30_000 });
  const by = all.data?.items.find((r) => r.name === ranking)?.by;
  const most = by?.quantiles || (by?.percentiles?.length ?? 4) + 1;
  const word = (n: number) => (most === 5 ? "★".repeat(n) + "☆".repeat(5 - n) + ` ${n}` : t("builder.rankOf", { n, of: most })) + (n === most ? t("paren", { text: t("builder.rankTop") }) : n === 1 ? t("paren", { text: t("builder.rankLowest") }) : "");
  const data = Array.from({ length: most }, (_, i) => ({ value: String(most - i), label: word(most - i) }));
  const value = block.value ?? "";
  if (!data.some((d) => d.value === value)) data.unshift({ value, label: value || t("builder.chooseRank") });
  return <NativeSelect size="sm" aria-label={t("rankings.rank")} data={data} value={value} onChange={(e) => onChange({ ...block, value: e.currentTarget.value })} />;
}

const periods = ["today", "this_week", "this_month", "last_month", "this_year", "fiscal_year"];

/** What is compared with, fitting the field and the operator. */
export function Operand({ block, kind, field, seen, most, onChange }: { block: Block; kind: string; field: string; seen: boolean; most?: number; onChange: Change }) {
  const { t } = useTranslation();
  if (kind === "onlist") return <OnList block={block} onChange={onChange} />;
  if (kind === "top") return <Top block={block} onChange={onChange} />;
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
      if (rfm[field] || field.startsWith("rank.")) return <Rank block={block} ranking={rfm[field] ?? field.slice(5)} onChange={onChange} />;
      return <NumberInput size="sm" w={kind === "money" ? 140 : 110} aria-label={t("builder.value")} thousandSeparator="," prefix={kind === "money" ? "¥" : undefined} decimalScale={4} value={block.value ?? ""} placeholder={kind === "money" ? "¥5,000" : "0"} onChange={(v) => onChange({ ...block, value: String(v) })} />;
  }
  if (["==", "!=", "has", "not has"].includes(block.operator ?? "") && seen) return <Single block={block} field={field} seen onChange={onChange} />;
  return <TextInput size="sm" miw={160} aria-label={t("builder.value")} value={block.value ?? ""} onChange={(e) => onChange({ ...block, value: e.currentTarget.value })} />;
}
