import { Anchor, Badge, Button, Card, Group, SimpleGrid, Stack, Table, Text, ThemeIcon, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { modals, tell } from "../parts/confirm";
import { IconCheck, IconCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { ago, count, money } from "../format";
import { pick } from "../i18n";
import { Bars } from "../parts/Bars";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";

export function Home() {
  const { t } = useTranslation();
  const session = useApi("/session", {});
  const home = useApi("/home", {}, { refetchInterval: 5_000 });
  if (home.error && !home.data) return <Page title={t("nav.home")}><ProblemBox error={home.error} retry={() => void home.refetch()} /></Page>;
  if (!home.data) return <Loading lines={8} />;
  const h = home.data;
  const done = h.checklist.filter((c) => c.done).length;
  return (
    <Page title={t("nav.home")} through={h.complete_through}>
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <Link to="/reports" className="plain"><Figure label={t("home.revenueToday")} value={money(h.today.revenue.amount, h.today.revenue.currency)} note={t("home.ordersToday", { n: count(h.today.orders) })} /></Link>
        <Link to="/people" className="plain"><Figure label={t("home.people")} value={count(h.totals.people)} note={t("home.newToday", { n: count(h.today.new_people) })} /></Link>
        <Link to="/outbox" className="plain"><Figure label={t("home.sendsToday")} value={count(h.today.sends)} note={t("home.waiting", { n: count(h.totals.waiting_runs) })} /></Link>
        <Link to="/dead" className="plain"><Figure label={t("nav.dead")} value={count(h.totals.dead)} note={h.totals.dead ? t("home.deadNote") : t("home.deadNone")} /></Link>
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Card withBorder padding="lg">
          <Group justify="space-between" mb="sm">
            <Title order={2}>{t("home.arriving")}</Title>
            {h.arriving.by_type_24h.length > 0 && <Text size="xs" c="dimmed">{t("home.lastEvent", { at: ago(h.arriving.last_event_at) })}</Text>}
          </Group>
          {h.arriving.by_type_24h.length === 0 && <Text size="sm" c="dimmed" mb="sm">{t("live.noneText")}</Text>}
          {h.arriving.by_type_24h.length > 0 && <Bars values={h.arriving.per_minute} label={t("home.perMinute")} />}
          <Table mt="sm" verticalSpacing={4}>
            <Table.Tbody>
              {h.arriving.by_type_24h.slice(0, 6).map((x) => (
                <Table.Tr key={x.type}><Table.Td>{pick(x.label)}</Table.Td><Table.Td ta="right" className="num">{count(x.count)}</Table.Td></Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {h.arriving.by_type_24h.length > 0 ? <Anchor component={Link} to="/live" size="sm">{t("home.toLive")}</Anchor> : <Anchor component={Link} to="/settings" size="sm">{t("live.toKeys")}</Anchor>}
        </Card>
        <Card withBorder padding="lg">
          <Title order={2} mb="sm">{t("home.start", { done, of: h.checklist.length })}</Title>
          <Stack gap="sm">
            {h.checklist.map((c) => (
              <Group key={c.id} justify="space-between" wrap="nowrap" align="flex-start">
                <Group gap="sm" wrap="nowrap" align="flex-start">
                  <ThemeIcon size="sm" radius="xl" variant={c.done ? "filled" : "light"} color={c.done ? "teal" : "gray"} mt={3}>{c.done ? <IconCheck size={13} /> : <IconCircle size={11} />}</ThemeIcon>
                  {c.href.startsWith("http") || c.href.startsWith("/demo") ? <Anchor href={c.href} target="_blank" rel="noopener" size="sm">{pick(c.title)}</Anchor> : <Anchor component={Link} to={c.href} size="sm">{pick(c.title)}</Anchor>}
                </Group>
                {!c.done && <Text size="xs" c="dimmed" className="num">{t("home.minutes", { n: c.minutes })}</Text>}
              </Group>
            ))}
          </Stack>
          {session.data?.demo && (
            <Group mt="lg" gap="sm">
              <Button component="a" href="/demo/shop" target="_blank" rel="noopener">{t("home.openShop")}</Button>
              <Button variant="default" onClick={() => void clearDemo(t)}>{t("home.clearDemo")}</Button>
            </Group>
          )}
        </Card>
      </SimpleGrid>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("home.running")}</Title>
        <div className="scroll">
          <Table verticalSpacing="sm">
            <Table.Thead><Table.Tr><Table.Th>{t("nav.journeys")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th ta="right">{t("home.inFlight")}</Table.Th><Table.Th ta="right">{t("home.entered7d")}</Table.Th><Table.Th ta="right">{t("home.sent7d")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {h.journeys.map((j) => (
                <Table.Tr key={j.name}>
                  <Table.Td><Anchor component={Link} to={`/journeys/${j.name}`}>{pick(j.title)}</Anchor></Table.Td>
                  <Table.Td><Badge variant="light" color={j.status === "live" ? "teal" : "gray"}>{t(`journeyStatus.${j.status}`)}</Badge></Table.Td>
                  <Table.Td ta="right" className="num">{count(j.running)}</Table.Td><Table.Td ta="right" className="num">{count(j.entered_7d)}</Table.Td><Table.Td ta="right" className="num">{count(j.sent_7d)}</Table.Td>
                </Table.Tr>
              ))}
              {h.journeys.length === 0 && <Table.Tr><Table.Td colSpan={5}><Text size="sm" c="dimmed">{t("home.noJourneys")} <Anchor component={Link} to="/journeys" underline="always" inherit>{t("home.toGallery")}</Anchor></Text></Table.Td></Table.Tr>}
            </Table.Tbody>
          </Table>
        </div>
      </Card>
    </Page>
  );
}

async function clearDemo(t: (k: string) => string) {
  if (!(await modals.confirm(t("home.clearTitle"), t("home.clearText"), t("home.clearDo")))) return;
  try {
    await request("post", "/demo/clear", { body: { confirm: true } });
  } catch (e) {
    return tell(e);
  }
  notifications.show({ id: "clearing", loading: true, autoClose: false, withCloseButton: false, message: t("home.clearing") });
  // The server starts again, empty: wait until it answers.
  for (let i = 0; i < 60; i++) {
    await new Promise((done) => setTimeout(done, 500));
    try {
      if (!(await request("get", "/session", {})).demo) break;
    } catch {
      // not up yet
    }
  }
  location.reload(); // of the same address: a workspace's path and the language stay
}
