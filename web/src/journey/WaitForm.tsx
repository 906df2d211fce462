import { NativeSelect, Stack, Switch } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Clock, Condition, DateOffset, DateTrait, HappeningForm, Note, Span, Weekdays } from "./fields";
import { tidy, type Step, type Until } from "./model";
import { atHand, type FormProps } from "./StepPanel";
import { useWrong } from "./wrong";

const waits = ["for", "until", "event", "true"] as const;
const moments = ["time", "date", "shop_hours", "cutoff", "best_hour"] as const;

const waitOf = (n: Step): (typeof waits)[number] => (n.until ? "until" : n.until_event ? "event" : n.until_true !== undefined ? "true" : "for");
const momentOf = (u: Until): (typeof moments)[number] => (u.shop_hours ? "shop_hours" : u.cutoff ? "cutoff" : u.best_hour ? "best_hour" : u.date !== undefined ? "date" : "time");

const nothing: Partial<Step> = { for: undefined, until: undefined, until_event: undefined, until_true: undefined, timeout: undefined, on_timeout: undefined, reset_on: undefined };
const first: Record<(typeof waits)[number], Partial<Step>> = { for: { for: "1d" }, until: { until: { time: "10:00" } }, event: { until_event: {}, timeout: "3d" }, true: { timeout: "3d" } };
const firstMoment: Record<(typeof moments)[number], Until> = { time: { time: "10:00" }, date: { date: "birthday", time: "10:00", yearly: true }, shop_hours: { shop_hours: true }, cutoff: { cutoff: true }, best_hour: { best_hour: true, time: "12:00" } };

/** How long, until when, or until what somebody stands here. */
export function WaitForm({ d, n, set }: FormProps) {
  const { t } = useTranslation();
  const wrong = { wait: useWrong("wait"), happening: useWrong("happening"), condition: useWrong("condition"), timeout: useWrong("timeout"), reset: useWrong("reset") };
  const kind = waitOf(n);
  const limited = kind === "event" || kind === "true";
  return (
    <Stack gap="sm">
      <NativeSelect size="sm" label={t("build.waitFor")} value={kind} data={waits.map((k) => ({ value: k, label: t(`build.wait_${k}`) }))}
        onChange={(e) => set({ ...nothing, ...first[e.currentTarget.value as typeof kind], ...(e.currentTarget.value === "true" ? { until_true: " " } : {}) })} />
      {kind === "for" && <Span label={t("build.howLong")} error={wrong.wait} value={n.for} onChange={(x) => set({ for: x }, "for")} />}
      {kind === "until" && <MomentForm u={n.until!} put={(until, what) => set({ until: tidy(until) }, what)} n={n} set={set} />}
      {kind === "event" && <HappeningForm d={d} error={wrong.happening} value={n.until_event!} onChange={(h) => set({ until_event: h })} />}
      {kind === "true" && <Condition label={t("build.untilTrue")} error={wrong.condition} value={n.until_true?.trim() ?? ""} withEvent={atHand(d)} onChange={(x) => set({ until_true: x || " " })} />}
      {limited && <Span label={t("build.timeout")} error={wrong.timeout} value={n.timeout} onChange={(x) => set({ timeout: x }, "timeout")} />}
      {limited && <Switch size="sm" label={t("build.otherWay")} checked={!!n.on_timeout} onChange={(e) => set({ on_timeout: e.currentTarget.checked ? n.next : undefined })} />}
      {kind !== "until" && <Switch size="sm" label={t("build.reset")} description={t("build.resetHint")} checked={!!n.reset_on} onChange={(e) => set({ reset_on: e.currentTarget.checked ? {} : undefined })} />}
      {n.reset_on && <HappeningForm d={d} error={wrong.reset} value={n.reset_on} onChange={(h) => set({ reset_on: h })} />}
    </Stack>
  );
}

function MomentForm({ u, put, n, set }: { u: Until; put: (u: Until, what?: string) => void; n: Step; set: FormProps["set"] }) {
  const { t } = useTranslation();
  const kind = momentOf(u);
  return (
    <Stack gap="sm">
      <NativeSelect size="sm" label={t("build.moment")} value={kind} data={moments.map((m) => ({ value: m, label: t(`build.moment_${m}`) }))} onChange={(e) => set({ until: firstMoment[e.currentTarget.value as typeof kind], on_timeout: undefined })} />
      {(kind === "time" || kind === "best_hour") && <Clock label={t(kind === "best_hour" ? "build.elseTime" : "time")} value={u.time} onChange={(time) => put({ ...u, time }, "time")} />}
      {kind === "time" && (
        <>
          <Weekdays label={t("build.weekdays")} value={u.weekdays} onChange={(weekdays) => put({ ...u, weekdays })} />
          <NativeSelect size="sm" label={t("build.day")} value={u.day ?? ""} data={["", "business", "open", "payday"].map((x) => ({ value: x, label: t(`build.day_${x || "any"}`) }))} onChange={(e) => put({ ...u, day: e.currentTarget.value })} />
        </>
      )}
      {kind === "date" && (
        <>
          <DateTrait value={u.date ?? ""} onChange={(date) => put({ ...u, date: date || " " }, "date")} />
          <DateOffset offset={u.offset} onChange={(offset, what) => put({ ...u, offset }, what)} />
          <Clock label={t("time")} value={u.time} onChange={(time) => put({ ...u, time }, "time")} />
          <Switch size="sm" label={t("build.yearly")} checked={u.yearly ?? false} onChange={(e) => put({ ...u, yearly: e.currentTarget.checked || undefined })} />
          <Switch size="sm" label={t("build.noDateWay")} checked={!!n.on_timeout} onChange={(e) => set({ on_timeout: e.currentTarget.checked ? n.next : undefined })} />
        </>
      )}
      {kind === "best_hour" && <Note>{t("build.bestHint")}</Note>}
    </Stack>
  );
}
