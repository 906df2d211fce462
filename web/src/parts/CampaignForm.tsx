import { Chip, Fieldset, Group, NumberInput, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ApiError } from "../api";
import { fromWall, wall } from "../zone";
import type { BroadcastBody } from "../types";
import { asKind, kindOf, kinds, weekdays, type Kind, type Schedule } from "./campaign";
import { fieldProblem } from "./FormModal";

export type CampaignProps = { b: BroadcastBody; set: (b: BroadcastBody) => void; error: ApiError | null };

/** When a campaign goes: at once, at a moment, or again and again. */
export function ScheduleFields({ b, set, error }: CampaignProps) {
  const { t } = useTranslation();
  const s = b.schedule;
  const at = (iso?: string) => {
    const { at: _, ...rest } = b;
    set(iso ? { ...rest, at: iso } : rest);
  };
  return (
    <Fieldset legend={t("campaign.when")}>
      <Stack gap="md">
        <Group gap="md" align="flex-start">
          {!b.again && <Select label={t("campaign.often")} allowDeselect={false} w={230} value={kindOf(s)} onChange={(v) => set(asKind(b, v as Kind))} data={kinds.map((k) => ({ value: k, label: t(`campaign.every_${k}`) }))} />}
          {!s && <TextInput type="datetime-local" label={t("campaign.at")} description={t("broadcast.atHint")} value={wall(b.at)} onChange={(e) => at(e.currentTarget.value && fromWall(e.currentTarget.value))} error={fieldProblem(error, "broadcast.at")} />}
          <Select w={200} label={t("broadcast.sendBy")} description={t("broadcast.sendByHint")} inputWrapperOrder={["label", "input", "description", "error"]} allowDeselect={false} value={b.send_by || "24h"} onChange={(v) => set({ ...b, send_by: v ?? "24h" })} data={["3h", "6h", "12h", "24h", "48h"].map((h) => ({ value: h, label: t("broadcast.hours", { n: h.slice(0, -1) }) }))} error={fieldProblem(error, "broadcast.send_by")} />
        </Group>
        {s && <Recurring s={s} change={(x) => set({ ...b, schedule: { ...s, ...x } })} error={error} />}
      </Stack>
    </Fieldset>
  );
}

/** Of a month or a year the first ones, and the last as -1. */
const numbered = (n: number, name: (i: number) => string, last: string) => [...Array.from({ length: n }, (_, i) => ({ value: String(i + 1), label: name(i + 1) })), { value: "-1", label: last }];

function Recurring({ s, change, error }: { s: Schedule; change: (x: Partial<Schedule>) => void; error: ApiError | null }) {
  const { t } = useTranslation();
  const kind = kindOf(s);
  const wrong = (field: string) => fieldProblem(error, `schedule.${field}`);
  const order = (i: number) => t("campaign.nth", { n: i });
  return (
    <>
      {kind === "week" && (
        <div>
          <Chip.Group multiple value={s.weekdays ?? []} onChange={(v) => change({ weekdays: weekdays.filter((d) => v.includes(d)) })}><Group gap={6} role="group" aria-label={t("campaign.weekdays")}>{weekdays.map((d) => <Chip key={d} value={d} size="xs">{t(`campaign.day_${d}`)}</Chip>)}</Group></Chip.Group>
          {(wrong("weekdays") || (s.weekdays ?? []).length === 0) && <Text size="xs" mt={4} className="problem">{wrong("weekdays") ?? t("campaign.noDay")}</Text>}
        </div>
      )}
      <Group gap="md" align="flex-start">
        {kind === "month" && <Select w={150} label={t("campaign.dayOfMonth")} allowDeselect={false} value={String(s.day ?? 1)} onChange={(v) => change({ day: Number(v) })} data={numbered(31, (i) => t("campaign.dayNth", { n: i }), t("campaign.lastDay"))} error={wrong("day")} />}
        {kind === "business" && <Select w={190} label={t("campaign.businessDay")} allowDeselect={false} value={String(s.business_day ?? 1)} onChange={(v) => change({ business_day: Number(v) })} data={numbered(15, (i) => t("campaign.businessNth", { n: i }), t("campaign.lastBusiness"))} error={wrong("business_day")} />}
        {kind === "nth" && <Select w={120} label={t("campaign.weekOfMonth")} allowDeselect={false} value={String(s.nth ?? 1)} onChange={(v) => change({ nth: Number(v) })} data={numbered(4, order, t("campaign.lastWeek"))} error={wrong("nth")} />}
        {kind === "nth" && <Select w={110} label={t("campaign.weekday")} allowDeselect={false} value={s.weekdays?.[0] ?? "fri"} onChange={(v) => change({ weekdays: [v!] })} data={weekdays.map((d) => ({ value: d, label: t(`campaign.day_${d}`) }))} error={wrong("weekdays")} />}
        <TextInput type="time" label={t("campaign.time")} required w={132} value={s.time} onChange={(e) => change({ time: e.currentTarget.value })} error={wrong("time")} />
        <NumberInput label={t("campaign.interval")} w={150} min={1} max={12} allowDecimal={false} clampBehavior="strict" value={s.interval ?? 1} suffix={t(`campaign.interval_${s.every}`)} onChange={(v) => change({ interval: Number(v) > 1 ? Number(v) : undefined, ...(Number(v) > 1 && !s.from && { from: wall(new Date().toISOString()).slice(0, 10) }) })} error={wrong("interval")} />
      </Group>
      <Group gap="md" align="flex-start">
        <TextInput type="date" label={t("campaign.from")} value={s.from ?? ""} onChange={(e) => change({ from: e.currentTarget.value || undefined })} error={wrong("from")} />
        <TextInput type="date" label={t("campaign.until")} value={s.until ?? ""} onChange={(e) => change({ until: e.currentTarget.value || undefined })} error={wrong("until")} />
        <Select w={200} label={t("campaign.holidays")} allowDeselect={false} value={s.holidays || "keep"} onChange={(v) => change({ holidays: v! })} data={["keep", "skip", "before", "after"].map((h) => ({ value: h, label: t(`campaign.holidays_${h}`) }))} error={wrong("holidays")} />
      </Group>
    </>
  );
}

const tags = ["source", "medium", "campaign", "content", "term"] as const;

/** What links get, with how one will look. */
export function TagFields({ b, set, error }: CampaignProps) {
  const { t } = useTranslation();
  const places: Record<string, string> = { channel: b.channels[0] ?? "email", account: "default", journey: "campaign", node: "message", template: Object.values(b.templates)[0] || "template", date: wall(new Date().toISOString()).slice(0, 10).replaceAll("-", "") };
  const query = tags.filter((k) => b.utm?.[k]).map((k) => `utm_${k}=${encodeURIComponent(b.utm![k]!.replace(/\{(\w+)\}/g, (_, p: string) => places[p] ?? ""))}`).join("&");
  return (
    <Fieldset legend={t("campaign.tags")}>
      <Stack gap="sm">
        <Text size="xs" c="dimmed">{t("campaign.tagsHint")}</Text>
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">{tags.map((k) => <TextInput key={k} label={t(`campaign.tag_${k}`)} value={b.utm?.[k] ?? ""} onChange={(e) => set({ ...b, utm: { ...b.utm, [k]: e.currentTarget.value } })} error={fieldProblem(error, `utm.${k}`)} />)}</SimpleGrid>
        {query && <Text size="xs" style={{ overflowWrap: "anywhere" }}>{t("campaign.tagsPreview")}: https://shop.example/item?id=1&amp;{query}</Text>}
      </Stack>
    </Fieldset>
  );
}
