import { Group, NativeSelect, NumberInput, Select, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { pick } from "../i18n";
import { quantities, readMeasure, writeMeasure, type Measured } from "./measures";

const written = "="; // no field's name
const listed = "*"; // before a list's: points are both a number and a list
const numbers = ["whole", "money", "number"];

/** By what people are put in order: a number or a time of the person, orders and events in so many days, or an expression. */
export function Measure({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const { t } = useTranslation();
  const lang = useApi("/segments/language", {}, { staleTime: Infinity });
  const fields = lang.data?.fields ?? [];
  const own = fields.filter((f) => !f.collection && [...numbers, "time"].includes(f.kind));
  const lists = fields.filter((f) => f.kind === "list");
  const m = readMeasure(value, own.map((f) => f.name));
  const of = (list: string, kinds: string[]) => fields.filter((f) => f.collection === list && kinds.includes(f.kind));
  const short = (list: string, f: { name: string }) => f.name.slice(list.length + 1);
  const begin = (list: string): string => {
    const time = of(list, ["time"])[0];
    return writeMeasure({ ...m, quantity: "count", list, field: "", time: time ? short(list, time) : "", days: time ? "90" : "" });
  };
  const change = (part: Partial<Measured>) => {
    const next = { ...m, ...part };
    const kinds = next.quantity === "max" || next.quantity === "min" ? [...numbers, "time"] : numbers;
    const fit = of(next.list, kinds).map((f) => short(next.list, f));
    const time = of(next.list, ["time"])[0];
    onChange(writeMeasure({ ...next, field: fit.includes(next.field) ? next.field : (fit[0] ?? ""), time: next.time || (time ? short(next.list, time) : "") }));
  };
  const item = (f: { name: string; label: Parameters<typeof pick>[0] }) => ({ value: f.name, label: pick(f.label) });
  const group = (label: string, kinds: string[]) => ({ group: label, items: own.filter((f) => kinds.includes(f.kind)).map(item) });
  const data = [group(t("measure.numbers"), numbers), group(t("measure.times"), ["time"]), { group: t("builder.addList"), items: lists.map((f) => ({ value: listed + f.name, label: pick(f.label) })) }, { group: t("measure.other"), items: [{ value: written, label: t("builder.expression") }] }];
  const choose = (v: string | null) => v && onChange(v === written ? "" : v.startsWith(listed) ? begin(v.slice(1)) : v);
  return (
    <Group gap="sm" align="flex-end">
      <Select label={t("measure.label")} data={data} value={m.kind === "field" ? m.text : m.kind === "list" ? listed + m.list : written} onChange={choose} searchable allowDeselect={false} miw={240} maxDropdownHeight={320} />
      {m.kind === "list" && (
        <>
          <NativeSelect aria-label={t("measure.quantity")} value={m.quantity} data={quantities.map((q) => ({ value: q, label: t(`measureQuantity.${q}`) })).filter((q) => q.value === "count" || of(m.list, numbers).length > 0)} onChange={(e) => change({ quantity: e.currentTarget.value })} />
          {m.quantity !== "count" && <NativeSelect aria-label={t("builder.measured")} value={m.field} data={of(m.list, m.quantity === "max" || m.quantity === "min" ? [...numbers, "time"] : numbers).map((f) => ({ value: short(m.list, f), label: pick(f.label) }))} onChange={(e) => change({ field: e.currentTarget.value })} />}
          {of(m.list, ["time"]).length > 0 && <NumberInput aria-label={t("measure.days")} value={m.days} onChange={(v) => change({ days: String(v) })} min={1} allowDecimal={false} w={150} placeholder={t("measure.ever")} suffix={t("measure.daysSuffix")} />}
        </>
      )}
      {m.kind === "text" && <TextInput label={t("measure.text")} value={value} onChange={(e) => onChange(e.currentTarget.value)} placeholder="ltv / orders_count" style={{ flex: "1 1 260px" }} spellCheck={false} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} />}
      <Text size="xs" c="dimmed">{t("measure.greater")}</Text>
    </Group>
  );
}
