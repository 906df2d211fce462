import type { ReactNode } from "react";
import { Group, NativeSelect, NumberInput, Select, Stack, Switch, Text, Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { language, pick } from "../i18n";
import type { Block, LanguageField } from "../types";
import { begun, begunList, codes, compared, isQuestion, kindOf, measures, rfm } from "./blocks";
import { Operand } from "./inputs";

// A field of the language, or a question that is asked with a value.
type Field = Omit<LanguageField, "kind"> & { kind: LanguageField["kind"] | Question };
type Question = "segment" | "onlist" | "top" | "birthday";

export interface Words { fields: LanguageField[] }

// Japanese says the number first: 支払合計 5,000 以上, 注文 2 件以上.
const numberFirst = (number: boolean) => number && language() === "ja";


// What is offered for a time is an operator with what it compares with; the rest is shown where an expression has it.
const times = [">:ago", "<:ago", "between:date", ">=:date", "<:date", ">=:calendar", "<:calendar", "present:", "missing:"];
const rare = ["<", "<=", ">", ">="];

/** How a field is compared, in words. */
function Operator({ block, kind, operators, onChange }: { block: Block; kind: string; operators: string[]; onChange: (b: Block) => void }) {
  const { t } = useTranslation();
  if (kind === "time") {
    const now = `${block.operator}:${["present", "missing"].includes(block.operator ?? "") ? "" : (block.as ?? "")}`;
    const word = (key: string) => {
      const [operator, as] = key.split(":");
      return t(`timeOperator.${codes[operator]}${as && operator !== "between" ? "_" + as : ""}`);
    };
    return (
      <NativeSelect size="sm" aria-label={t("builder.operator")} value={now} data={(times.includes(now) ? times : [...times, now]).map((k) => ({ value: k, label: word(k) }))}
        onChange={(e) => { const [operator, as] = e.currentTarget.value.split(":"); onChange(compared(block, kind, operator, as)); }} />
    );
  }
  if (isQuestion(kind)) {
    return <NativeSelect size="sm" aria-label={t("builder.operator")} value={block.operator ?? "true"} data={operators.map((o) => ({ value: o, label: t(`question.${kind}_${o}`) }))} onChange={(e) => onChange({ ...block, operator: e.currentTarget.value })} />;
  }
  const offered = operators.filter((o) => o === block.operator || !(kind === "text" && rare.includes(o)));
  return (
    <NativeSelect size="sm" aria-label={t("builder.operator")} value={block.operator ?? ""} data={offered.map((o) => ({ value: o, label: t(`operator.${codes[o]}`) }))}
      onChange={(e) => onChange(compared(block, kind, e.currentTarget.value))} />
  );
}

const inOrder = (number: boolean, operator: ReactNode, operand: ReactNode) => (numberFirst(number) ? [operand, operator] : [operator, operand]);

const grow = { flex: "1 1 200px", maxWidth: 320 };

/** What a condition can be about: of a person also traits that were seen, questions, ranks by rankings, distances to stores. */
function useFields(block: Block, words: Words, list?: string): Field[] {
  const { t } = useTranslation();
  const traits = useApi("/segments/values", { query: { field: "traits" } }, { enabled: !list, staleTime: 60_000 });
  const rankings = useApi("/rankings", {}, { enabled: !list, staleTime: 60_000 });
  const stores = useApi("/stores", {}, { enabled: !list, staleTime: 60_000 });
  if (list) return words.fields.filter((f) => f.collection === list);
  // Who is on a list is asked by in_list: the field behind it is there for what was written with it.
  const own: Field[] = words.fields.filter((f) => !f.collection && f.kind !== "list" && (f.name !== "lists" || block.field === "lists"));
  const add = (name: string, kind: Field["kind"], label: string, like: string) => {
    if (!own.some((f) => f.name === name)) own.push({ name, kind, type: "", label: { ja: label, en: label }, about: { ja: "", en: "" }, operators: words.fields.find((f) => f.kind === like)?.operators ?? [], values: kind === "trait" });
  };
  add("birthday_within", "birthday", t("question.birthday"), "flag");
  add("in_segment", "segment", t("question.segment"), "flag");
  add("in_list", "onlist", t("question.onlist"), "flag");
  add("top", "top", t("question.top"), "flag");
  for (const r of rankings.data?.items ?? []) if (!r.by.top && !Object.values(rfm).includes(r.name)) add("rank." + r.name, "number", pick(r.title), "number");
  for (const x of stores.data?.items ?? []) if (x.located) add("distance." + x.name, "number", t("builder.distance", { name: pick(x.title) || x.name }), "number");
  for (const v of traits.data?.items ?? []) add("traits." + v.value, "trait", pick(v.label), "trait");
  const [family, ...rest] = (block.field ?? "").split(".");
  if (["rank", "distance"].includes(family)) add(block.field!, "number", rest.join("."), "number");
  if (family === "traits" && rest.length) add(block.field!, "trait", rest.join("."), "trait");
  return own;
}

/** A condition on a field of the person, or of a list's elements. */
export function ValueCondition({ block, words, list, onChange }: { block: Block; words: Words; list?: string; onChange: (b: Block) => void }) {
  const { t } = useTranslation();
  const own = useFields(block, words, list);
  const prefix = list ? list + "." : "";
  const field = own.find((f) => f.name === prefix + block.field);
  const option = (f: Field) => ({ value: f.name.slice(prefix.length), label: pick(f.label) });
  const part = (label: string, fit: (f: Field) => boolean) => ({ group: label, items: own.filter(fit).map(option) });
  const consent = (f: Field) => f.name.startsWith("consent.");
  const ranked = (f: Field) => /^(rank\.|rfm_|top$)/.test(f.name);
  const data = list ? own.map(option) : [part(t("builder.ofPerson"), (f) => f.kind !== "trait" && !consent(f) && !ranked(f)), part(t("rankings.title"), ranked), part(t("builder.ofConsent"), consent), part(t("builder.ofTraits"), (f) => f.kind === "trait")];
  const span = words.fields.find((f) => f.name === list && f.kind === "list")?.window_days;
  return (
    <Group gap="sm" align="center" style={{ flex: 1 }}>
      <Select size="sm" aria-label={t("builder.field")} placeholder={t("builder.chooseField")} data={data} value={block.field || null} searchable allowDeselect={false} style={grow} maxDropdownHeight={320} nothingFoundMessage={t("builder.noField")}
        onChange={(name) => { const f = own.find((x) => x.name === prefix + name); if (f && name) onChange(begun(f, name)); }} />
      {field && inOrder(block.as === "number" || isQuestion(field.kind), <Operator key="operator" block={block} kind={field.kind} operators={field.operators} onChange={onChange} />,
        <Operand key="operand" block={block} kind={field.kind} field={field.name} seen={field.values} most={span || undefined} onChange={onChange} />)}
      {field && ["text", "trait"].includes(field.kind) && block.as === "text" && ["in", "not in", "==", "!=", "contains", "not contains", "startsWith", "not startsWith", "endsWith", "not endsWith"].includes(block.operator ?? "") && (
        <Switch size="xs" label={t("builder.fold")} checked={block.fold ?? false} onChange={(e) => { const { fold: _, ...rest } = block; onChange(e.currentTarget.checked ? { ...rest, fold: true } : rest); }} />
      )}
    </Group>
  );
}

/** How many elements of a list, or how much: the conditions on them follow in the group below. */
export function ListCondition({ block, words, onChange }: { block: Block; words: Words; onChange: (b: Block) => void }) {
  const { t } = useTranslation();
  const lists = words.fields.filter((f) => f.kind === "list");
  const quantities = lists.find((f) => f.name === block.list)?.operators ?? [];
  const measuring = measures.includes(block.quantity ?? "");
  const fields = words.fields.filter((f) => f.collection === block.list && (["whole", "money"].includes(f.kind) || (f.kind === "time" && ["min", "max"].includes(block.quantity ?? ""))));
  const field = fields.find((f) => f.name === `${block.list}.${block.field}`);
  const measure = (b: Block, f?: LanguageField): Block => {
    const { field: _f, operator: _o, as: _a, value: _v, to: _t, ...rest } = b;
    return f ? { ...rest, ...begun(f, f.name.slice((b.list ?? "").length + 1)), kind: "list" } : rest;
  };
  const choose = (quantity: string) => {
    const next = { ...block, quantity: quantity as Block["quantity"] };
    if (measures.includes(quantity)) onChange(measuring && (field?.kind !== "time" || ["min", "max"].includes(quantity)) ? next : measure(next, words.fields.find((f) => f.collection === block.list && f.kind === "money") ?? fields[0]));
    else onChange({ ...measure(next), ...(quantity === "none" || quantity === "all" ? {} : { value: measuring || !block.value ? "1" : block.value }) });
  };
  const kind = kindOf(block, field);
  const counts = ["at_least", "at_most", "exactly"].includes(block.quantity ?? "");
  const how = <NativeSelect key="how" size="sm" aria-label={t("builder.quantity")} value={block.quantity} data={quantities.map((q) => ({ value: q, label: t(`quantity.${q}`) }))} onChange={(e) => choose(e.currentTarget.value)} />;
  const number = counts && (
    <Group key="number" gap={4} wrap="nowrap">
      <NumberInput size="sm" w={80} aria-label={t("builder.times")} min={0} allowDecimal={false} allowNegative={false} value={block.value ?? ""} onChange={(v) => onChange({ ...block, value: String(v) })} />
      <Text size="sm">{t(`builder.unit_${block.quantity}`)}</Text>
    </Group>
  );
  return (
    <Group gap="sm" align="center" style={{ flex: 1 }}>
      <Select size="sm" aria-label={t("builder.list")} data={lists.map((f) => ({ value: f.name, label: pick(f.label) }))} value={block.list ?? null} allowDeselect={false} searchable style={{ flex: "1 1 160px", maxWidth: 240 }}
        onChange={(name) => name && name !== block.list && onChange(begunList(name, words.fields))} />
      {inOrder(counts, how, number)}
      {measuring && (
        <Select size="sm" aria-label={t("builder.measured")} data={fields.map((f) => ({ value: f.name.slice(block.list!.length + 1), label: pick(f.label) }))} value={block.field ?? null} allowDeselect={false} w={180}
          onChange={(name) => { const f = fields.find((x) => x.name === `${block.list}.${name}`); if (f) onChange(measure(block, f)); }} />
      )}
      {measuring && field && inOrder(block.as === "number", <Operator key="operator" block={block} kind={kind} operators={kind === "time" ? field.operators : [">=", "<=", ">", "<", "present", "missing"]} onChange={onChange} />,
        <Operand key="operand" block={block} kind={kind} field={field.name} seen={false} onChange={onChange} />)}
    </Group>
  );
}

/** What has no other form, as it is written. */
export function TextCondition({ block, onChange }: { block: Block; onChange: (b: Block) => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap={4} style={{ flex: 1 }}>
      <Textarea size="sm" aria-label={t("builder.text")} description={t("builder.textHint")} autosize minRows={1} value={block.text ?? ""} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} spellCheck={false}
        onChange={(e) => onChange({ ...block, text: e.currentTarget.value })} />
    </Stack>
  );
}
