import { Alert, Badge, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { count } from "../format";
import { joined, language } from "../i18n";
import type { Outlook } from "../types";
import { shareOf } from "./rules";

const date = (iso: string) => new Intl.DateTimeFormat(language() === "ja" ? "ja-JP" : "en-GB", { timeZone: "UTC", month: "numeric", day: "numeric", weekday: "short" }).format(new Date(`${iso}T00:00:00Z`));

/** What the setting means: the days ahead with the hours at which advertising leaves. */
export function OutlookCard({ p }: { p: Outlook }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding="lg" component="section" aria-label={t("rules.outlook")}>
      <Title order={2} mb={4}>{t("rules.outlook")}</Title>
      <Text size="sm" c="dimmed" mb="md">{t("rules.outlookAbout", { zone: p.timezone })}</Text>
      {p.accelerated && <Alert color="gray" mb="md">{t("rules.accelerated")}</Alert>}
      <Group gap="md" mb="sm">{(["open", "quiet"] as const).map((k) => <Group key={k} gap={6}><span className={`hours-key hours-${k}`} aria-hidden /><Text size="xs">{t(`rules.is_${k}`)}</Text></Group>)}</Group>
      <Stack gap={0}>{p.days.map((d) => <Day key={d.date} d={d} />)}</Stack>
      <Text size="xs" c="dimmed" mt="sm">{joined([t("rules.shopHours", p.hours), t("rules.cutoffIs", { at: p.cutoff }), t("rules.holidaysEnd", { at: p.holidays_end })])}</Text>
      {p.held > 0 && <Text size="sm" mt="sm">{t("rules.heldIs", { n: count(p.held), of: count(p.people) })}</Text>}
    </Card>
  );
}

function Day({ d }: { d: Outlook["days"][number] }) {
  const { t } = useTranslation();
  const said = (open: { from: string; to: string }[]) => (open.length === 0 ? t("rules.notThisDay") : open[0].from === "00:00" && open[0].to === "24:00" ? t("rules.allDay") : joined(open.map((o) => t("rules.span", o))));
  return (
    <Group className="outlook-day" data-day={d.date} gap="sm" wrap="nowrap" align="flex-start" py={6}>
      <Stack gap={2} w={112} style={{ flexShrink: 0 }}>
        <Text size="sm" className="num" fw={d.business ? 400 : 600}>{date(d.date)}</Text>
        <Group gap={4}>
          {d.holiday && <Badge size="xs" color="red" variant="light" style={{ textTransform: "none" }}>{/^\d/.test(d.holiday) ? t("rules.ownHoliday") : d.holiday}</Badge>}
          {d.closed && <Badge size="xs" color="gray" variant="light">{t("rules.closedDay")}</Badge>}
          {d.payday && <Badge size="xs" color="teal" variant="light">{t("rules.payday")}</Badge>}
        </Group>
      </Stack>
      <Stack gap={4} flex={1} miw={0}>
        {d.channels.map((c) => (
          <Group key={c.channel} gap="xs" wrap="nowrap">
            <Text size="xs" c="dimmed" w={48} style={{ flexShrink: 0 }}>{t(`channel.${c.channel}`)}</Text>
            <div className="hours" role="img" aria-label={`${t(`channel.${c.channel}`)}: ${said(c.open)}`}>{c.open.map((o) => <span key={o.from} className="hours-open" style={{ left: `${shareOf(o.from)}%`, width: `${shareOf(o.to) - shareOf(o.from)}%` }} />)}</div>
            <Text size="xs" className="num" w={104} style={{ flexShrink: 0 }}>{said(c.open)}</Text>
          </Group>
        ))}
      </Stack>
    </Group>
  );
}
