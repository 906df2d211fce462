import { Anchor, Card, Grid, SegmentedControl, Stack, Table, Text, Title } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, fresh } from "../format";
import { pick } from "../i18n";
import { channels } from "../parts/channels";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { MonthStep, thisMonth } from "../parts/MonthStep";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";

/** How many messages people get in a month, who gets several, and who none. */
export function Contacts() {
  const { t } = useTranslation();
  const [query, setQuery] = useSearchParams();
  const asked = query.get("month") ?? undefined; // the server knows which one it is, also on a virtual clock
  const channel = query.get("channel") ?? "all";
  const page = useApi("/reports/contacts", { query: { month: asked } }, { placeholderData: keepPreviousData });
  const d = page.data;
  const set = (key: string, value: string) => setQuery((q) => { q.set(key, value); return q; }, { replace: true });
  const counts = d?.channels.find((c) => c.channel === channel)?.counts ?? [];
  const most = Math.max(1, ...counts.map((c) => c.people));
  return (
    <Page title={t("nav.outbox")} about={t("contacts.about")} actions={<MonthStep month={asked ?? d?.month ?? thisMonth()} choose={(m) => set("month", m)} />}>
      <DeliveryTabs at="broadcasts/contacts" />
      {page.error && !d && <ProblemBox error={page.error} retry={() => void page.refetch()} />}
      {!d && !page.error && <Loading lines={8} />}
      {d && (
        <Grid gap="lg">
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Card withBorder padding="lg">
              <Title order={2} mb="sm">{t("contacts.perPerson")}</Title>
              <SegmentedControl mb="sm" value={channel} onChange={(v) => set("channel", v)} data={["all", ...channels].map((c) => ({ value: c, label: c === "all" ? t("contacts.all") : t(`channel.${c}`) }))} aria-label={t("contacts.channel")} style={{ maxWidth: "100%", overflowX: "auto" }} />
              <Table verticalSpacing={4}>
                <Table.Thead><Table.Tr><Table.Th w={110}>{t("contacts.messages")}</Table.Th><Table.Th w="100%" /><Table.Th ta="right">{t("contacts.people")}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{counts.map((c, i) => (
                  <Table.Tr key={c.messages}>
                    <Table.Td className="num" miw={90}>{i === counts.length - 1 ? t("contacts.orMore", { n: c.messages }) : t("contacts.n", { n: c.messages })}</Table.Td>
                    <Table.Td><div aria-hidden style={{ height: 10, width: `${(100 * c.people) / most}%`, background: "var(--mantine-primary-color-filled)", borderRadius: 4 }} /></Table.Td>
                    <Table.Td ta="right" className="num">{c.people > 0 ? <Anchor component={Link} size="sm" to={`/people?received=${channel}:${c.messages}&month=${d.month}`}>{count(c.people)}</Anchor> : count(0)}</Table.Td>
                  </Table.Tr>
                ))}</Table.Tbody>
              </Table>
              <Text size="xs" c="dimmed" mt="xs">{t("contacts.zero")}{d.complete_through && ` ${t("through", { at: fresh(d.complete_through) })}`}</Text>
            </Card>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Stack gap="lg">
              <Figure label={t("contacts.unreached")} value={count(d.unreached)} note={d.unreached > 0 && <Anchor component={Link} size="xs" to="/people?unreached=90">{t("contacts.see")}</Anchor>} />
              <Card withBorder padding="lg">
                <Title order={2} mb="sm">{t("contacts.overlaps")}</Title>
                <Text size="sm" mb="sm">{t("contacts.several", { n: count(d.several) })}</Text>
                <Table verticalSpacing={4}><Table.Tbody>{d.overlaps.map((o) => <Table.Tr key={`${o.a}+${o.b}`}><Table.Td>{pick(o.a_title) || o.a} × {pick(o.b_title) || o.b}</Table.Td><Table.Td ta="right" className="num"><Anchor component={Link} size="sm" to={`/people?both=${o.a},${o.b}&month=${d.month}`}>{count(o.people)}</Anchor></Table.Td></Table.Tr>)}</Table.Tbody></Table>
              </Card>
            </Stack>
          </Grid.Col>
        </Grid>
      )}
    </Page>
  );
}
