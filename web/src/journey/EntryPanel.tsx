import { Checkbox, NativeSelect, SegmentedControl, Stack, Switch } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ExpectedEntries } from "./Expected";
import { Clock, Condition, DateOffset, DateTrait, Events, keyNames, Note, Segments, Span } from "./fields";
import { connected, entryID, tidy, type Definition, type Entry } from "./model";
import type { PanelProps } from "./StepPanel";
import { nameOf, reentryKind } from "./words";
import { useWrong } from "./wrong";

type Kind = "event" | "segment" | "date" | "called";
const kindOf = (e: Entry): Kind | undefined => (e.segment ? "segment" : e.event || e.events?.length ? "event" : e.date !== undefined ? "date" : e.called ? "called" : undefined);

/** How people come in: by what they do, by a segment, or because another journey sends them. */
export function EntryPanel({ name, d, titles, change }: Omit<PanelProps, "id"> & { name: string }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<Kind>();
  const e = d.entry;
  const kind = kindOf(e) ?? asked ?? "event";
  const put = (entry: Entry, what = "") => change({ ...d, entry: tidy(entry) }, what);
  const list = e.event ? [e.event] : (e.events ?? []);
  const choose = (k: Kind) => { setAsked(k); put({ reentry: e.reentry, ...(k === "called" ? { called: true } : {}), ...(k === "date" ? { date: "birthday", yearly: true, time: "10:00", reentry: "never" } : {}) }); };
  const wrong = useWrong("entry");
  const custom = e.key && !keyNames.includes(e.key);
  return (
    <Stack gap="md">
      {e.sweep ? <Note>{t("build.sweepHint")}</Note> : (
        <SegmentedControl size="xs" fullWidth aria-label={t("build.entryBy")} value={kind} onChange={(k) => choose(k as Kind)} data={(["event", "segment", "date", "called"] as const).map((k) => ({ value: k, label: t(`build.entry_${k}`) }))} />
      )}
      {kind === "event" && !e.sweep && (
        <>
          <Events label={t("build.events")} value={list} error={wrong} onChange={(all) => put({ ...e, event: undefined, events: all })} />
          <NativeSelect size="sm" label={t("build.key")} value={e.key ?? ""} data={["", ...keyNames, ...(custom ? [e.key!] : [])].map((k) => ({ value: k, label: k ? t(`runKey.each_${k}`, { defaultValue: k }) : t("build.eachPerson") }))} onChange={(x) => put({ ...e, key: x.currentTarget.value })} />
          <Condition label={t("build.onlyIf")} value={e.where ?? ""} withEvent optional onChange={(where) => put({ ...e, where })} />
          <Checkbox size="sm" label={t("build.alsoCalled")} checked={e.called ?? false} onChange={(x) => put({ ...e, called: x.currentTarget.checked || undefined })} />
        </>
      )}
      {kind === "segment" && (
        <>
          <Segments label={t("builder.segment")} value={e.segment} error={wrong} onChange={(segment) => put({ ...e, segment, key: undefined })} />
          {!e.sweep && <NativeSelect size="sm" label={t("build.entered")} value={e.entered === false ? "left" : "entered"} data={["entered", "left"].map((x) => ({ value: x, label: t(`build.segment_${x}`) }))} onChange={(x) => put({ ...e, entered: x.currentTarget.value === "left" ? false : undefined, include_people_in: undefined })} disabled={!e.segment} />}
          {!e.sweep && e.segment && e.entered !== false && <Switch size="sm" label={t("build.peopleIn")} checked={e.include_people_in ?? false} onChange={(x) => put({ ...e, include_people_in: x.currentTarget.checked || undefined })} />}
        </>
      )}
      {kind === "date" && (
        <>
          <DateTrait value={e.date ?? ""} onChange={(date) => change({ ...d, entry: { ...e, date } }, "date")} />
          <DateOffset offset={e.offset} onChange={(offset, what) => put({ ...e, offset }, what)} />
          <Clock label={t("build.dateTime")} value={e.time ?? "10:00"} onChange={(time) => put({ ...e, time }, "time")} />
          <Switch size="sm" label={t("build.dateYearly")} description={t("build.yearlyHint")} checked={e.yearly ?? false} onChange={(x) => put({ ...e, yearly: x.currentTarget.checked || undefined })} />
          <Condition label={t("build.onlyIf")} value={e.where ?? ""} withEvent={false} optional onChange={(where) => put({ ...e, where })} />
        </>
      )}
      {kind === "called" && <Note>{t("build.calledHint")}</Note>}
      <ExpectedEntries name={name} d={d} />
      {!e.sweep && <Reentry rule={e.reentry} put={(reentry) => put({ ...e, reentry }, "reentry")} />}
      <First d={d} titles={titles} change={change} />
    </Stack>
  );
}

function Reentry({ rule, put }: { rule: string; put: (rule: string) => void }) {
  const { t } = useTranslation();
  const kind = reentryKind(rule);
  return (
    <>
      <NativeSelect size="sm" label={t("build.again")} value={kind} data={["never", "after_exit", "after", "always"].map((k) => ({ value: k, label: t(`build.again_${k}`) }))} onChange={(x) => put(x.currentTarget.value === "after" ? "after:30d" : x.currentTarget.value)} />
      {kind === "after" && <Span label={t("build.againAfter")} value={rule.slice(6)} units={["h", "d", "w"]} onChange={(x) => put(`after:${x || "1d"}`)} />}
    </>
  );
}

function First({ d, titles, change }: { d: Definition; titles: PanelProps["titles"]; change: PanelProps["change"] }) {
  const { t } = useTranslation();
  return <NativeSelect size="sm" label={t("build.firstStep")} value={d.start ?? ""} data={Object.keys(d.nodes ?? {}).map((id) => ({ value: id, label: nameOf(d, id, t, titles) }))} onChange={(x) => change(connected(d, entryID, "start", x.currentTarget.value))} />;
}
