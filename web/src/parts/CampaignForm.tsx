import { Button, Fieldset, Group, NumberInput, SegmentedControl, Select, Stack, Switch, Text, TextInput, Chip } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { BroadcastBody } from "../types";

type Props = { b: BroadcastBody; set: (b: BroadcastBody) => void };
const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** When a campaign goes: once, or again and again. */
export function ScheduleFields({ b, set }: Props) {
  const { t } = useTranslation();
  const s = b.schedule;
  const change = (x: Partial<NonNullable<typeof s>>) => set({ ...b, schedule: { ...s!, ...x } });
  const kind = !s ? "once" : s.payday ? "payday" : s.business_day ? "business" : s.every;
  const pick = (v: string) => {
    const { at: _, schedule: old, test: __, again: ___, ...rest } = b;
    const base = { time: old?.time ?? "10:00", from: old?.from, until: old?.until, holidays: old?.holidays };
    switch (v) {
      case "once": return set(rest);
      case "day": return set({ ...rest, schedule: { ...base, every: "day" } });
      case "week": return set({ ...rest, schedule: { ...base, every: "week", weekdays: ["tue"] } });
      case "business": return set({ ...rest, schedule: { ...base, every: "month", business_day: 1 } });
      case "payday": return set({ ...rest, schedule: { ...base, every: "month", payday: true } });
      default: return set({ ...rest, schedule: { ...base, every: "month", day: 1 } });
    }
  };
  return (
    <Fieldset legend={t("campaign.when")}>
      <Stack gap="sm">
        <Select label={t("campaign.often")} allowDeselect={false} value={kind} onChange={(v) => pick(v!)} data={["once", "day", "week", "month", "business", "payday"].map((k) => ({ value: k, label: t(`campaign.every_${k}`) }))} />
        {s?.every === "week" && <Chip.Group multiple value={s.weekdays ?? []} onChange={(v) => change({ weekdays: days.filter((d) => v.includes(d)) })}><Group gap={6}>{days.map((d) => <Chip key={d} value={d} size="xs">{t(`campaign.day_${d}`)}</Chip>)}</Group></Chip.Group>}
        {kind === "month" && <NumberInput label={t("campaign.dayOfMonth")} description={t("campaign.lastDay")} min={-1} max={31} value={s!.day ?? 1} onChange={(v) => change({ day: Number(v) || 1 })} w={220} />}
        {kind === "business" && <NumberInput label={t("campaign.businessDay")} description={t("campaign.lastDay")} min={-1} max={15} value={s!.business_day ?? 1} onChange={(v) => change({ business_day: Number(v) || 1 })} w={220} />}
        {s && (
          <Group gap="md" align="flex-start">
            <TextInput type="time" label={t("campaign.time")} value={s.time} onChange={(e) => change({ time: e.currentTarget.value })} />
            <TextInput type="date" label={t("campaign.from")} value={s.from ?? ""} onChange={(e) => change({ from: e.currentTarget.value || undefined })} />
            <TextInput type="date" label={t("campaign.until")} value={s.until ?? ""} onChange={(e) => change({ until: e.currentTarget.value || undefined })} />
            <Select label={t("campaign.holidays")} allowDeselect={false} value={s.holidays || "keep"} onChange={(v) => change({ holidays: v! })} data={["keep", "skip", "before", "after"].map((h) => ({ value: h, label: t(`campaign.holidays_${h}`) }))} />
          </Group>
        )}
      </Stack>
    </Fieldset>
  );
}

/** Variants that are compared on a share of the people first. */
export function TestFields({ b, set }: Props) {
  const { t } = useTranslation();
  if (b.schedule) return null;
  const test = b.test;
  const change = (x: Partial<NonNullable<typeof test>>) => set({ ...b, test: { ...test!, ...x } });
  const variant = (i: number, x: Partial<NonNullable<typeof test>["variants"][number]>) => change({ variants: test!.variants.map((v, k) => (k === i ? { ...v, ...x } : v)) });
  return (
    <Fieldset legend={t("campaign.test")}>
      <Stack gap="sm">
        <Switch label={t("campaign.testOn")} checked={!!test} onChange={(e) => {
          const { test: _, ...rest } = b;
          set(e.currentTarget.checked ? { ...rest, test: { share: 20, after: "4h", by: "click", least: 100, auto: true, variants: [{ subject: b.subject }, { subject: "" }] } } : rest);
        }} />
        {test && (
          <>
            <Group gap="md" align="flex-end">
              <NumberInput label={t("campaign.share")} min={1} max={90} value={test.share} onChange={(v) => change({ share: Number(v) || 20 })} w={150} />
              <Select label={t("campaign.after")} allowDeselect={false} value={test.after} onChange={(v) => change({ after: v! })} data={["1h", "2h", "4h", "8h", "24h"].map((h) => ({ value: h, label: t("campaign.hours", { n: h.slice(0, -1) }) }))} w={150} />
              <NumberInput label={t("campaign.least")} min={1} value={test.least} onChange={(v) => change({ least: Number(v) || 1 })} w={170} />
            </Group>
            <SegmentedControl w="max-content" value={test.by} onChange={(v) => change({ by: v as "click" | "order" })} data={(["click", "order"] as const).map((v) => ({ value: v, label: t(`campaign.by_${v}`) }))} aria-label={t("campaign.by")} />
            <Switch label={t("campaign.auto")} checked={!!test.auto} onChange={(e) => change({ auto: e.currentTarget.checked })} />
            {test.variants.map((v, i) => (
              <Group key={i} gap="sm" align="flex-end">
                <Text fw={600} w={44}>{t("campaign.variant", { v: String.fromCharCode(65 + i) })}</Text>
                <TextInput flex={1} miw={200} label={t("campaign.subject")} value={v.subject ?? ""} onChange={(e) => variant(i, { subject: e.currentTarget.value })} />
                <TextInput type="time" label={t("campaign.notBefore")} value={v.time ?? ""} onChange={(e) => variant(i, { time: e.currentTarget.value })} />
                <NumberInput label={t("campaign.weight")} min={1} max={1000} w={90} value={v.weight || 1} onChange={(n) => variant(i, { weight: Number(n) || 1 })} />
              </Group>
            ))}
            {test.variants.length < 5 && <Button variant="default" size="xs" w="max-content" onClick={() => change({ variants: [...test.variants, {}] })}>{t("campaign.addVariant")}</Button>}
            <Text size="xs" c="dimmed">{t("campaign.chance")}</Text>
          </>
        )}
      </Stack>
    </Fieldset>
  );
}

const tags = ["source", "medium", "campaign", "content", "term"] as const;

/** What links get, with how one will look. */
export function TagFields({ b, set }: Props) {
  const { t } = useTranslation();
  const places: Record<string, string> = { channel: b.channels[0] ?? "email", account: "default", journey: "campaign", node: "message", template: Object.values(b.templates)[0] ?? "template", date: new Date().toISOString().slice(0, 10).replaceAll("-", "") };
  const query = tags.filter((k) => b.utm?.[k]).map((k) => `utm_${k}=${encodeURIComponent(b.utm![k]!.replace(/\{(\w+)\}/g, (_, p: string) => places[p] ?? ""))}`).join("&");
  return (
    <Fieldset legend={t("campaign.tags")}>
      <Stack gap="sm">
        <Text size="xs" c="dimmed">{t("campaign.tagsHint")}</Text>
        <Group gap="sm">{tags.map((k) => <TextInput key={k} label={`utm_${k}`} w={200} value={b.utm?.[k] ?? ""} onChange={(e) => set({ ...b, utm: { ...b.utm, [k]: e.currentTarget.value } })} />)}</Group>
        {query && <Text size="xs" style={{ wordBreak: "break-all" }}>{t("campaign.tagsPreview")}: https://shop.example/item?id=1&amp;{query}</Text>}
      </Stack>
    </Fieldset>
  );
}
