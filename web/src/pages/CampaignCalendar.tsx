import { Anchor, Badge, Button, Card, Group, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count } from "../format";
import { language, pick } from "../i18n";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { Loading, Page, ProblemBox } from "../parts/Page";

const iso = (d: Date) => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`;

/** The days of a month in weeks from Monday; other months' days fill the ends. */
export function weeksOf(month: string): string[][] {
  const [year, m] = month.split("-").map(Number);
  const first = new Date(year, m - 1, 1);
  const start = new Date(year, m - 1, 1 - ((first.getDay() + 6) % 7));
  const weeks: string[][] = [];
  for (let i = 0; weeks.length === 0 || new Date(start.getFullYear(), start.getMonth(), start.getDate() + i) < new Date(year, m, 1); i += 7) {
    weeks.push(Array.from({ length: 7 }, (_, k) => iso(new Date(start.getFullYear(), start.getMonth(), start.getDate() + i + k))));
  }
  return weeks;
}

/** Campaigns past and planned, by day. */
export function CampaignCalendar() {
  const { t } = useTranslation();
  const [query, setQuery] = useSearchParams();
  const today = iso(new Date());
  const month = query.get("month") ?? today.slice(0, 7);
  const weeks = weeksOf(month);
  const page = useApi("/broadcasts/calendar", { query: { from: weeks[0][0], to: weeks[weeks.length - 1][6] } });
  const move = (by: number) => {
    const [y, m] = month.split("-").map(Number);
    setQuery({ month: iso(new Date(y, m - 1 + by, 1)).slice(0, 7) }, { replace: true });
  };
  const on = (day: string) => (page.data?.campaigns ?? []).filter((c) => c.day === day);
  const sent = (day: string) => (page.data?.sent ?? []).filter((s) => s.day === day);
  const title = new Intl.DateTimeFormat(language() === "ja" ? "ja-JP" : "en-GB", { year: "numeric", month: "long" }).format(new Date(`${month}-01T00:00:00`));
  const time = (at: string) => new Intl.DateTimeFormat("ja-JP", { hour: "2-digit", minute: "2-digit", timeZone: page.data?.zone }).format(new Date(at));
  return (
    <Page title={t("nav.outbox")} about={t("campaign.calendarAbout")} actions={<Group gap="xs"><Button size="xs" variant="default" onClick={() => move(-1)} aria-label={t("campaign.before")}>‹</Button><Text fw={600} component="span" role="status">{title}</Text><Button size="xs" variant="default" onClick={() => move(1)} aria-label={t("campaign.next")}>›</Button></Group>}>
      <DeliveryTabs at="broadcasts/calendar" />
      {page.error && !page.data && <ProblemBox error={page.error} retry={() => void page.refetch()} />}
      {!page.data && !page.error && <Loading lines={8} />}
      {page.data && (
        <>
          <Card withBorder padding={0}><div className="scroll" tabIndex={0} role="region" aria-label={title}>
            <Table withColumnBorders style={{ tableLayout: "fixed", minWidth: 900 }}>
              <Table.Thead><Table.Tr>{["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map((d) => <Table.Th key={d}>{t(`campaign.day_${d}`)}</Table.Th>)}</Table.Tr></Table.Thead>
              <Table.Tbody>{weeks.map((week) => (
                <Table.Tr key={week[0]}>{week.map((day) => (
                  <Table.Td key={day} style={{ verticalAlign: "top", height: 96, background: day === today ? "var(--mantine-color-default-hover)" : undefined }}>
                    <Text size="xs" className="num" fw={day === today ? 700 : 400} c={day.startsWith(month) ? undefined : "dimmed"}>{Number(day.slice(8))}</Text>
                    <Stack gap={4}>{on(day).map((c) => (
                      <div key={c.name + c.at}>
                        <Anchor component={Link} to={`/broadcasts/${c.name}`} size="xs" fw={600}>{time(c.at)} {pick(c.title) || c.name}</Anchor>
                        <Text size="xs">{c.missed ? t("campaign.missed") : c.planned ? t("campaign.planned", { n: count(c.people) }) : t("campaign.wentTo", { n: count(c.sent) })}</Text>
                      </div>
                    ))}</Stack>
                    {sent(day).length > 0 && <Text size="xs" c="dimmed" className="num">{t("campaign.allSent", { n: count(sent(day).reduce((n, s) => n + s.messages, 0)) })}</Text>}
                  </Table.Td>
                ))}</Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </div></Card>
          <SentByDay rows={page.data.sent} />
        </>
      )}
    </Page>
  );
}

/** What left each day, by journey. */
function SentByDay({ rows }: { rows: { day: string; journey: string; title: { ja: string; en: string }; campaign: boolean; messages: number }[] }) {
  const { t } = useTranslation();
  if (rows.length === 0) return null;
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("campaign.byDay")}</Title>
      <SimpleGrid cols={1}><Table verticalSpacing={4}><Table.Tbody>{rows.map((s) => <Table.Tr key={s.day + s.journey}><Table.Td className="num">{s.day}</Table.Td><Table.Td><Anchor component={Link} size="sm" to={s.campaign ? `/broadcasts/${s.journey}` : `/journeys/${s.journey}`}>{pick(s.title) || s.journey}</Anchor>{s.campaign && <Badge ml="xs" size="xs" variant="light">{t("broadcast.title")}</Badge>}</Table.Td><Table.Td ta="right" className="num">{count(s.messages)}</Table.Td></Table.Tr>)}</Table.Tbody></Table></SimpleGrid>
    </Card>
  );
}
