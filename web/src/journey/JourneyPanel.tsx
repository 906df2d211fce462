import { Box, Group, NativeSelect, NumberInput, SegmentedControl, Stack, Switch, Text as Words, TextInput, Textarea } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { both, pick, type Text } from "../i18n";
import { Clock, HappeningForm, Span, Weekdays } from "./fields";
import { tidy, type Definition } from "./model";
import { nothing } from "./problems";
import { Add, Icon, type PanelProps } from "./StepPanel";
import { useWrong } from "./wrong";

/** What holds for the journey as a whole. */
export function JourneyPanel({ d, change }: Pick<PanelProps, "d" | "change">) {
  const { t } = useTranslation();
  const [title, exits, goal] = [useWrong("title"), useWrong("exits"), useWrong("goal")];
  const put = (by: Partial<Definition>, what = "") => change({ ...tidy({ ...d, ...by }), title: by.title ?? d.title }, what);
  return (
    <Stack gap="md">
      <TextInput size="sm" label={t("build.title")} error={title} required value={pick(d.title)} maxLength={100} onChange={(e) => put({ title: renamed(e.currentTarget.value, d.title) }, "title")} />
      <Textarea size="sm" label={t("segment.about")} autosize minRows={2} maxLength={500} value={pick(d.about)} onChange={(e) => put({ about: e.currentTarget.value ? both(e.currentTarget.value, d.about) : undefined }, "about")} />
      <div>
        <Words size="sm" fw={600} mb={4}>{t("journeys.purpose")}</Words>
        <SegmentedControl size="xs" fullWidth aria-label={t("journeys.purpose")} value={d.purpose} onChange={(purpose) => put({ purpose, consent: purpose === "marketing" ? "opt_in" : "not_refused", ...(purpose === "marketing" ? {} : { topic: undefined, quiet_hours: undefined, send_days: undefined }) })} data={["marketing", "transactional"].map((p) => ({ value: p, label: t(`purpose.${p}`) }))} />
        <Words size="xs" c="dimmed" mt={4}>{t(d.consent === "not_refused" ? "build.notRefused" : "build.optIn")}</Words>
      </div>
      <TopicField d={d} put={put} />
      <CapForm d={d} put={put} />
      {d.purpose === "marketing" && <HoursForm d={d} put={put} />}
      <NumberInput size="sm" label={t("build.priority")} description={t("build.priorityHint")} inputWrapperOrder={["label", "input", "description"]} min={1} max={9} value={d.priority ?? 5} onChange={(v) => put({ priority: v === "" || v === 5 ? undefined : Number(v) }, "priority")} />
      <Section title={t("build.exits")} hint={t("build.exitsHint")}>
        {(d.exit_on ?? []).map((x, i) => (
          <Box key={i} className="block" pos="relative" role="group" aria-label={t("build.exitNth", { n: i + 1 })}>
            <Group justify="space-between" mb={4}><Words size="xs" fw={700}>{t("build.exitNth", { n: i + 1 })}</Words><Icon word={t("build.removeNth", { n: i + 1 })} icon={IconX} act={() => put({ exit_on: d.exit_on!.filter((_, k) => k !== i) })} /></Group>
            <HappeningForm d={d} error={nothing(x) ? exits : undefined} value={x} onChange={(h) => put({ exit_on: d.exit_on!.map((o, k) => (k === i ? h : o)) })} />
          </Box>
        ))}
        <Add word={t("build.addExit")} act={() => put({ exit_on: [...(d.exit_on ?? []), {}] })} />
      </Section>
      <Section title={t("build.goal")} hint={t("build.journeyGoalHint")}>
        <Switch size="sm" label={t("build.hasGoal")} checked={!!d.goal} onChange={(e) => put({ goal: e.currentTarget.checked ? {} : undefined })} />
        {d.goal && <HappeningForm d={d} error={goal} value={d.goal} onChange={(goal) => put({ goal })} />}
      </Section>
    </Stack>
  );
}

type Put = (by: Partial<Definition>, what?: string) => void;

/** A title in the language of the page; while both say the same, both change. */
const renamed = (text: string, before: Definition["title"]) => (before.ja === before.en ? { ja: text, en: text } : { ...both(text, before) });

function Section({ title, hint, children }: { title: string; hint: string; children: React.ReactNode }) {
  return <Stack gap="sm" pt="sm" style={{ borderTop: "1px solid var(--mantine-color-default-border)" }}><div><Words size="sm" fw={700}>{title}</Words><Words size="xs" c="dimmed">{hint}</Words></div>{children}</Stack>;
}

/** What the messages are about, as people can refuse it by itself; nothing where the shop has no such topics. */
function TopicField({ d, put }: { d: Definition; put: Put }) {
  const { t } = useTranslation();
  const setting = useApi("/settings/{name}", { path: { name: "topics" } }, { staleTime: 60_000 });
  const topics = (setting.data?.body as { topics?: { id: string; title: Text }[] } | undefined)?.topics ?? [];
  if (d.purpose !== "marketing" || (topics.length === 0 && !d.topic)) return null;
  const data = [{ value: "", label: t("build.noTopic") }, ...topics.map((x) => ({ value: x.id, label: pick(x.title) }))];
  if (d.topic && !topics.some((x) => x.id === d.topic)) data.push({ value: d.topic, label: d.topic });
  return <NativeSelect size="sm" label={t("build.topic")} description={t("build.topicHint")} inputWrapperOrder={["label", "input", "description"]} value={d.topic ?? ""} data={data} onChange={(e) => put({ topic: e.currentTarget.value })} />;
}

/** At most so many messages of this journey in a time. */
function CapForm({ d, put }: { d: Definition; put: Put }) {
  const { t } = useTranslation();
  const m = /^(\d+)\/(\d+[smhdw])$/.exec(d.cap?.default ?? "");
  const kind = m ? "own" : d.cap?.default === "none" ? "none" : "shop";
  return (
    <Stack gap="sm">
      <NativeSelect size="sm" label={t("build.cap")} value={kind} data={["shop", "own", "none"].filter((k) => k !== "none" || kind === "none").map((k) => ({ value: k, label: t(`build.cap_${k}`) }))} onChange={(e) => put({ cap: e.currentTarget.value === "own" ? { default: "1/7d" } : e.currentTarget.value === "none" ? { default: "none" } : undefined })} />
      {m && <Group gap="sm" wrap="nowrap" align="flex-end"><NumberInput size="sm" w={88} label={t("build.capCount")} min={1} max={100} allowDecimal={false} value={m[1]} onChange={(v) => put({ cap: { default: `${v || 1}/${m[2]}` } }, "cap")} /><div style={{ flex: 1 }}><Span label={t("build.capPeriod")} value={m[2]} units={["h", "d", "w"]} onChange={(x) => put({ cap: { default: `${m[1]}/${x || "1d"}` } }, "cap")} /></div></Group>}
    </Stack>
  );
}

/** When its messages may leave. */
function HoursForm({ d, put }: { d: Definition; put: Put }) {
  const { t } = useTranslation();
  const q = d.quiet_hours;
  const kind = !q ? "shop" : q.off ? "none" : "own";
  const days = d.send_days;
  const set = (by: NonNullable<Definition["send_days"]>) => put({ send_days: tidy({ ...days, ...by }) });
  return (
    <Stack gap="sm">
      <NativeSelect size="sm" label={t("build.quiet")} value={kind} data={["shop", "own", "none"].map((k) => ({ value: k, label: t(`build.quiet_${k}`) }))} onChange={(e) => put({ quiet_hours: e.currentTarget.value === "own" ? { from: "21:00", to: "09:00" } : e.currentTarget.value === "none" ? { off: true } : undefined })} />
      {kind === "own" && <Group gap="sm" grow><Clock label={t("build.quietFrom")} value={q!.from} onChange={(from) => put({ quiet_hours: { ...q, from } }, "from")} /><Clock label={t("build.quietTo")} value={q!.to} onChange={(to) => put({ quiet_hours: { ...q, to } }, "to")} /></Group>}
      <Switch size="sm" label={t("build.ownDays")} checked={!!days} onChange={(e) => put({ send_days: e.currentTarget.checked ? { weekdays: ["mon", "tue", "wed", "thu", "fri"] } : undefined })} />
      {days && (
        <>
          <Weekdays label={t("build.sendDays")} value={days.weekdays} onChange={(weekdays) => set({ weekdays })} />
          <Switch size="sm" label={t("build.noHolidays")} checked={days.not_on_holidays ?? false} onChange={(e) => set({ not_on_holidays: e.currentTarget.checked || undefined })} />
          <Switch size="sm" label={t("build.noClosed")} checked={days.not_on_closed_days ?? false} onChange={(e) => set({ not_on_closed_days: e.currentTarget.checked || undefined })} />
        </>
      )}
    </Stack>
  );
}
