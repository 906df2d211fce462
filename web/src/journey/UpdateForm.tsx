import { Autocomplete, Group, NativeSelect, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { Add, Icon, type FormProps } from "./StepPanel";

type Kind = "text" | "number" | "yes" | "no" | "clear";
interface Row { name: string; kind: Kind; value: string }

/** Traits that get a value or lose theirs, one line each. */
export function UpdateForm({ n, set }: FormProps) {
  const { t } = useTranslation();
  const seen = useApi("/segments/values", { query: { field: "traits" } }, { staleTime: 60_000 });
  const rows: Row[] = [
    ...Object.entries(n.set ?? {}).map(([name, v]): Row => ({ name, kind: v === true ? "yes" : v === false ? "no" : typeof v === "number" ? "number" : "text", value: typeof v === "boolean" ? "" : String(v) })),
    ...(n.clear ?? []).map((name): Row => ({ name, kind: "clear", value: "" })),
  ];
  const put = (all: Row[], what = "") => set({
    set: Object.fromEntries(all.filter((r) => r.kind !== "clear").map((r) => [r.name, r.kind === "yes" ? true : r.kind === "no" ? false : r.kind === "number" ? Number(r.value) || 0 : r.value])),
    clear: all.filter((r) => r.kind === "clear").map((r) => r.name),
  }, what);
  const change = (i: number, by: Partial<Row>, what = "") => put(rows.map((r, k) => (k === i ? { ...r, ...by } : r)), what);
  return (
    <Stack gap="md">
      <Text size="xs" c="dimmed">{t("build.updateHint")}</Text>
      {rows.map((r, i) => (
        <Stack key={i} gap={4} role="group" aria-label={t("build.traitNth", { n: i + 1 })}>
          <Group gap={4} wrap="nowrap" align="flex-end">
            <Autocomplete size="sm" style={{ flex: 1 }} label={t("build.trait")} data={(seen.data?.items ?? []).map((v) => v.value)} value={r.name} onChange={(name) => { if (!rows.some((o, k) => k !== i && o.name === name)) change(i, { name }, `name${i}`); }} />
            <Icon word={t("build.removeNth", { n: i + 1 })} icon={IconX} act={() => put(rows.filter((_, k) => k !== i))} />
          </Group>
          <Group gap={4} wrap="nowrap">
            <NativeSelect size="sm" aria-label={t("build.traitKind")} value={r.kind} data={(["text", "number", "yes", "no", "clear"] as Kind[]).map((k) => ({ value: k, label: t(`build.trait_${k}`) }))} onChange={(e) => change(i, { kind: e.currentTarget.value as Kind })} />
            {r.kind === "text" && <TextInput size="sm" style={{ flex: 1 }} aria-label={t("builder.value")} value={r.value} maxLength={300} onChange={(e) => change(i, { value: e.currentTarget.value }, `value${i}`)} />}
            {r.kind === "number" && <NumberInput size="sm" style={{ flex: 1 }} aria-label={t("builder.value")} value={r.value} onChange={(v) => change(i, { value: String(v) }, `value${i}`)} />}
          </Group>
        </Stack>
      ))}
      {rows.length < 20 && rows.every((r) => r.name) && <Add word={t("build.addTrait")} act={() => put([...rows, { name: "", kind: "text", value: "" }])} />}
    </Stack>
  );
}
