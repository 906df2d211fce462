import { Anchor, Badge, Box, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi, type Got } from "../api";
import { count, day as dayOf, month as named } from "../format";
import { pick } from "../i18n";
import { weekdays } from "../parts/campaign";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { MonthStep, thisMonth } from "../parts/MonthStep";
import { wall } from "../zone";
import { Loading, Page, ProblemBox } from "../parts/Page";

type Calendar = Got<"/broadcasts/calendar">;

/** The days of a month, 2026-12, in weeks from Monday; other months' days fill the ends. */
function weeksOf(month: string): string[][] {
  const [year, m] = month.split("-").map(Number);
  const first = new Date(Date.UTC(year, m - 1, 1));
  const end = Date.UTC(year, m, 1);
  const weeks: string[][] = [];
  for (let at = Date.UTC(year, m - 1, 1 - ((first.getUTCDay() + 6) % 7)); at < end; at += 7 * 86_400_000) {
    weeks.push(Array.from({ length: 7 }, (_, k) => new Date(at + k * 86_400_000).toISOString().slice(0, 10)));
  }
  return weeks;
}

/** Campaigns past and planned, by day. */
export function CampaignCalendar() {
  const { t } = useTranslation();
  const [query, setQuery] = useSearchParams();
  const month = query.get("month") ?? thisMonth();
  const weeks = weeksOf(month);
  const page = useApi("/broadcasts/calendar", { query: { from: weeks[0][0], to: weeks[weeks.length - 1][6] } }, { placeholderData: keepPreviousData });
  const empty = page.data && !page.isPlaceholderData && page.data.campaigns.length === 0 && page.data.sent.length === 0;
  return (
    <Page title={t("nav.outbox")} about={t("campaign.calendarAbout")} actions={<MonthStep month={month} choose={(m) => setQuery({ month: m }, { replace: true })} />}>
      <DeliveryTabs at="broadcasts/calendar" />
      {page.error && !page.data && <ProblemBox error={page.error} retry={() => void page.refetch()} />}
      {!page.data && !page.error && <Loading lines={8} />}
      {page.data && (
        <>
          {empty && <Text size="sm" c="dimmed">{t("campaign.emptyMonth")}</Text>}
          <Weeks month={month} weeks={weeks} data={page.data} />
          <Agenda days={weeks.flat().filter((d) => d.startsWith(month))} data={page.data} />
          <SentByDay rows={page.data.sent} />
        </>
      )}
    </Page>
  );
}

const today = () => wall(new Date().toISOString()).slice(0, 10);
const sentOn = (data: Calendar, day: string) => data.sent.filter((s) => s.day === day).reduce((n, s) => n + s.messages, 0);

/** A campaign on a day: when, which, and how many. */
function Item({ c }: { c: Calendar["campaigns"][number] }) {
  const { t } = useTranslation();
  return (
    <div className={c.planned ? "planned" : "went"}>
      <Anchor component={Link} to={`/broadcasts/${c.name}`} size="xs" fw={600} style={{ overflowWrap: "anywhere" }}>{wall(c.at).slice(11)} {pick(c.title) || c.name}</Anchor>
      <Text size="xs" c={c.missed ? "red" : undefined}>{c.missed ? t("campaign.missed") : c.planned ? t("campaign.planned", { n: count(c.people) }) : t("campaign.wentTo", { n: count(c.sent) })}</Text>
    </div>
  );
}

/** The month as a sheet of weeks, where there is room for one. */
function Weeks({ month, weeks, data }: { month: string; weeks: string[][]; data: Calendar }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding={0} visibleFrom="md">
      <Table withColumnBorders style={{ tableLayout: "fixed" }} aria-label={named(month)}>
        <Table.Thead><Table.Tr>{weekdays.map((d) => <Table.Th key={d}>{t(`campaign.day_${d}`)}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{weeks.map((week) => (
          <Table.Tr key={week[0]}>{week.map((day) => (
            <Table.Td key={day} aria-current={day === today() ? "date" : undefined} style={{ verticalAlign: "top", height: 96, boxShadow: day === today() ? "inset 0 3px var(--mantine-color-enji-filled)" : undefined }}>
              <Text size="xs" className="num" fw={day === today() ? 700 : 400} c={day.startsWith(month) ? undefined : "dimmed"}>{Number(day.slice(8))}{day === today() && ` ${t("campaign.today")}`}</Text>
              <Stack gap={6} mt={2}>{data.campaigns.filter((c) => c.day === day).map((c) => <Item key={c.name + c.at} c={c} />)}</Stack>
              {sentOn(data, day) > 0 && <Text size="xs" c="dimmed" mt={4}>{t("campaign.allSent", { n: count(sentOn(data, day)) })}</Text>}
            </Table.Td>
          ))}</Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Card>
  );
}

/** The same as a list of the days on which something is, for a phone. */
function Agenda({ days, data }: { days: string[]; data: Calendar }) {
  const { t } = useTranslation();
  const busy = days.filter((d) => data.campaigns.some((c) => c.day === d) || sentOn(data, d) > 0);
  if (busy.length === 0) return null;
  return (
    <Card withBorder padding="md" hiddenFrom="md">
      <Stack gap="md">{busy.map((d) => (
        <Box key={d}>
          <Text size="sm" fw={700} className="num">{dayOf(`${d}T12:00:00Z`)}{d === today() && ` ${t("campaign.today")}`}</Text>
          <Stack gap={6} mt={4}>{data.campaigns.filter((c) => c.day === d).map((c) => <Item key={c.name + c.at} c={c} />)}</Stack>
          {sentOn(data, d) > 0 && <Text size="xs" c="dimmed" mt={4}>{t("campaign.allSent", { n: count(sentOn(data, d)) })}</Text>}
        </Box>
      ))}</Stack>
    </Card>
  );
}

/** What left each day, by journey; the newest first. */
function SentByDay({ rows }: { rows: Calendar["sent"] }) {
  const { t } = useTranslation();
  if (rows.length === 0) return null;
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("campaign.byDay")}</Title>
      <div className="scroll"><Table verticalSpacing={4}><Table.Tbody>{rows.toReversed().map((s) => (
        <Table.Tr key={s.day + s.journey}>
          <Table.Td className="num">{dayOf(`${s.day}T12:00:00Z`)}</Table.Td>
          <Table.Td miw={160}><Group gap="xs"><Anchor component={Link} size="sm" to={s.campaign ? `/broadcasts/${s.journey}` : `/journeys/${s.journey}`}>{pick(s.title) || s.journey}</Anchor>{s.campaign && <Badge size="xs" variant="light">{t("broadcast.title")}</Badge>}</Group></Table.Td>
          <Table.Td ta="right" className="num">{t("contacts.n", { n: count(s.messages) })}</Table.Td>
        </Table.Tr>
      ))}</Table.Tbody></Table></div>
    </Card>
  );
}
