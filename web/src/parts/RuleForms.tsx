import { ActionIcon, Button, Card, Chip, Group, NativeSelect, NumberInput, Select, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { joined, language } from "../i18n";
import { Clock, Span, Weekdays } from "../journey/fields";
import { tidy } from "../journey/model";
import type { ProblemDetail } from "../types";
import { channels } from "./channels";
import { saidOf } from "./limits";
import { capNames, capOf, daysOf, put, putCalendar, rangeOf, type RulesBody } from "./rules";

type RulesForm = { body: RulesBody; set: (body: RulesBody) => void; problems: ProblemDetail[]; disabled: boolean; today: string };

/** What the server has against a field. */
const said = ({ problems }: RulesForm, place: string) => saidOf(problems, place, language() === "ja") || undefined;

function Part({ title, about, children }: { title: string; about: string; children: ReactNode }) {
  return <Card withBorder padding="lg" component="section" aria-label={title}><Title order={2}>{title}</Title><Text size="sm" c="dimmed" mb="md">{about}</Text><Stack gap="md">{children}</Stack></Card>;
}

function Remove({ name, disabled, act }: { name: string; disabled: boolean; act: () => void }) {
  const { t } = useTranslation();
  return <ActionIcon mt={24} size={36} variant="subtle" color="gray" disabled={disabled} aria-label={t("limits.removeOf", { name })} onClick={act}><IconTrash size={17} aria-hidden /></ActionIcon>;
}

/** How often a person gets messages, by what they are for and by what they come. */
export function Caps(form: RulesForm) {
  const { t } = useTranslation();
  const { body, set, disabled } = form;
  const caps = body.caps ?? {};
  const named = (name: string) => { const [purpose, channel] = name.split("."); return joined([t(`purpose.${purpose}`), channel ? t(`channel.${channel}`) : t("rules.together")]); };
  const change = (name: string, to?: string) => set(put(body, { caps: to ? { ...caps, [name]: { default: to } } : Object.fromEntries(Object.entries(caps).filter(([k]) => k !== name)) }));
  const left = capNames.filter((n) => !caps[n]);
  return (
    <Part title={t("rules.caps")} about={t("rules.capsAbout")}>
      {Object.keys(caps).length === 0 && <Text size="sm" c="dimmed">{t("rules.noCaps")}</Text>}
      {Object.entries(caps).map(([name, cap]) => {
        const { count, period } = capOf(cap.default);
        return (
          <div key={name} role="group" aria-label={named(name)}>
            <Text size="sm" fw={600}>{named(name)}</Text>
            <Group gap="sm" align="flex-start" wrap="nowrap">
              <NumberInput size="sm" w={96} label={t("build.capCount")} disabled={disabled} min={1} max={100} allowDecimal={false} allowNegative={false} value={count} onChange={(v) => change(name, `${v || 1}/${period || "7d"}`)} />
              <div style={{ width: 220 }}><Span label={t("build.capPeriod")} value={period} disabled={disabled} units={["h", "d", "w"]} onChange={(x) => change(name, `${count || 1}/${x || "1d"}`)} /></div>
              <Remove name={named(name)} disabled={disabled} act={() => change(name)} />
            </Group>
            {said(form, `caps.${name}`) && <Text size="sm" className="problem">{said(form, `caps.${name}`)}</Text>}
          </div>
        );
      })}
      {left.length > 0 && <Select w={280} size="sm" searchable disabled={disabled} placeholder={t("rules.addCap")} aria-label={t("rules.addCap")} data={left.map((value) => ({ value, label: named(value) }))} value={null} onChange={(v) => v && change(v, "2/7d")} />}
    </Part>
  );
}

/** Hours and days on which advertising does not leave. */
export function HoursAndDays(form: RulesForm) {
  const { t } = useTranslation();
  const { body, set, disabled } = form;
  const q = body.quiet_hours;
  const kind = !q ? "shop" : q.off ? "none" : "own";
  const days = body.send_days ?? {};
  const hours = (by: NonNullable<RulesBody["quiet_hours"]>) => set(put(body, { quiet_hours: tidy({ ...q, ...by }) }));
  const onDays = (by: NonNullable<RulesBody["send_days"]>) => set(put(body, { send_days: tidy({ ...days, ...by }) }));
  return (
    <Part title={t("rules.hours")} about={t("rules.hoursAbout")}>
      <NativeSelect w={320} label={t("build.quiet")} disabled={disabled} value={kind} data={["shop", "own", "none"].map((k) => ({ value: k, label: t(`rules.quiet_${k}`) }))}
        onChange={(e) => set(put(body, { quiet_hours: e.currentTarget.value === "own" ? { from: "21:00", to: "09:00", channels: ["line", "sms", "push"] } : e.currentTarget.value === "none" ? { off: true } : undefined }))} />
      {kind === "own" && (
        <>
          <Group gap="sm" align="flex-start"><Clock label={t("build.quietFrom")} disabled={disabled} value={q!.from} error={said(form, "quiet_hours")} onChange={(from) => hours({ from })} /><Clock label={t("build.quietTo")} disabled={disabled} value={q!.to} onChange={(to) => hours({ to })} /></Group>
          <div role="group" aria-label={t("rules.quietFor")}>
            <Text size="sm" fw={500} mb={4}>{t("rules.quietFor")}</Text>
            <Chip.Group multiple value={q!.channels ?? []} onChange={(channels) => hours({ channels })}><Group gap={4}>{channels.map((c) => <Chip key={c} size="xs" value={c} disabled={disabled}>{t(`channel.${c}`)}</Chip>)}</Group></Chip.Group>
          </div>
        </>
      )}
      <Weekdays label={t("build.weekdays")} disabled={disabled} value={days.weekdays} error={said(form, "send_days")} onChange={(weekdays) => onDays({ weekdays })} />
      <Switch label={t("build.noHolidays")} disabled={disabled} checked={days.not_on_holidays ?? false} onChange={(e) => onDays({ not_on_holidays: e.currentTarget.checked || undefined })} />
      <Switch label={t("build.noClosed")} disabled={disabled} checked={days.not_on_closed_days ?? false} onChange={(e) => onDays({ not_on_closed_days: e.currentTarget.checked || undefined })} />
    </Part>
  );
}

/** What days and hours mean to the shop. */
export function ShopCalendar(form: RulesForm) {
  const { t } = useTranslation();
  const { body, set, disabled, today } = form;
  const c = body.calendar ?? {};
  const change = (by: NonNullable<RulesBody["calendar"]>) => set(putCalendar(body, by));
  const closed = c.closed ?? [];
  const holidays = c.holidays ?? [];
  const at = (list: string[], i: number, to?: string) => (to === undefined ? list.filter((_, k) => k !== i) : list.map((x, k) => (k === i ? to : x)));
  const hours = c.hours ?? { from: "10:00", to: "18:00" };
  const weekend = (days: string[]) => change({ weekend: days.join() === "sat,sun" ? undefined : days });
  return (
    <Part title={t("rules.calendar")} about={t("rules.calendarAbout")}>
      <div role="group" aria-label={t("rules.closed")}>
        <Text size="sm" fw={500}>{t("rules.closed")}</Text>
        {closed.map((text, i) => {
          const [from, to] = daysOf(text);
          return (
            <Group key={i} gap="sm" align="flex-start" data-closed={i}>
              <TextInput type="date" label={t("rules.firstDay")} disabled={disabled} value={from} error={said(form, `calendar.closed[${i}]`)} onChange={(e) => change({ closed: at(closed, i, rangeOf(e.currentTarget.value, to)) })} />
              <TextInput type="date" label={t("rules.lastDay")} disabled={disabled} value={to} onChange={(e) => change({ closed: at(closed, i, rangeOf(from, e.currentTarget.value)) })} />
              <Remove name={joined([t("rules.closed"), from])} disabled={disabled} act={() => change({ closed: at(closed, i) })} />
            </Group>
          );
        })}
        <Button mt="sm" size="xs" variant="default" disabled={disabled} onClick={() => change({ closed: [...closed, today] })}>{t("rules.addClosed")}</Button>
      </div>
      <div role="group" aria-label={t("rules.holidays")}>
        <Text size="sm" fw={500}>{t("rules.holidays")}</Text>
        <Text size="xs" c="dimmed">{t("rules.holidaysHint")}</Text>
        {holidays.map((text, i) => (
          <Group key={i} gap="sm" align="flex-start">
            <TextInput type="date" label={t("rules.holidayNth", { n: i + 1 })} disabled={disabled} value={text} error={said(form, `calendar.holidays[${i}]`)} onChange={(e) => change({ holidays: at(holidays, i, e.currentTarget.value) })} />
            <Remove name={joined([t("rules.holidays"), text])} disabled={disabled} act={() => change({ holidays: at(holidays, i) })} />
          </Group>
        ))}
        <Button mt="sm" size="xs" variant="default" disabled={disabled} onClick={() => change({ holidays: [...holidays, today] })}>{t("rules.addHoliday")}</Button>
      </div>
      <Weekdays label={t("rules.weekend")} disabled={disabled} value={c.weekend ?? ["sat", "sun"]} error={said(form, "calendar.weekend")} onChange={weekend} />
      <Group gap="sm" align="flex-start">
        <Clock label={t("rules.opens")} disabled={disabled} value={hours.from} error={said(form, "calendar.hours")} onChange={(from) => change({ hours: { ...hours, from } })} />
        <Clock label={t("rules.shuts")} disabled={disabled} value={hours.to} onChange={(to) => change({ hours: { ...hours, to } })} />
        <Clock label={t("rules.cutoff")} disabled={disabled} value={c.cutoff ?? "15:00"} error={said(form, "calendar.cutoff")} onChange={(cutoff) => change({ cutoff })} />
        <NumberInput w={120} label={t("rules.paydayOf")} disabled={disabled} allowDecimal={false} allowNegative={false} value={c.payday ?? 25} error={said(form, "calendar.payday")} onChange={(v) => change({ payday: v === "" || v === 25 ? undefined : Number(v) })} />
      </Group>
      <Text size="xs" c="dimmed">{t("rules.calendarHint")}</Text>
    </Part>
  );
}

/** The share of everybody who gets no advertising, so that its effect can be told. */
export function HoldoutPart(form: RulesForm) {
  const { t } = useTranslation();
  const { body, set, disabled } = form;
  return (
    <Part title={t("rules.holdout")} about={t("rules.holdoutAbout")}>
      <NumberInput w={180} label={t("rules.holdoutShare")} suffix=" %" disabled={disabled} decimalScale={1} allowNegative={false} value={body.holdout ?? 0} error={said(form, "holdout")} onChange={(v) => set(put(body, { holdout: Number(v) || undefined }))} />
    </Part>
  );
}
