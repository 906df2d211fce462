import { Alert, Anchor, Badge, Button, Card, Grid, Group, Progress, SimpleGrid, Table, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { count, instant, percent, short } from "../format";
import { actor, joined, pick } from "../i18n";
import type { BroadcastPage } from "../types";
import { WaitingDraft } from "./CampaignDraft";
import { AgainButton, AgainOf, Occurrences, Variants } from "./CampaignResult";
import { broadcastColour } from "./campaign";
import { modals, tell } from "./confirm";
import { DeliveryTabs } from "./DeliveryTabs";
import { Figure, Page } from "./Page";

/** What became of it: how far it is, who got it, who did not and why. */
export function Running({ page: b, reload }: { page: BroadcastPage; reload: () => void }) {
  const { t } = useTranslation();
  const share = b.done / Math.max(1, b.of);
  const sent = b.sent.reduce((n, s) => n + s.people, 0);
  const out = b.left_out.reduce((n, s) => n + s.people, 0);
  const messages = b.states.reduce((n, s) => n + s.messages, 0);
  const open = b.states.filter((s) => ["decided", "intent", "parked"].includes(s.state)).reduce((n, s) => n + s.messages, 0);
  const templates = useApi("/templates", {}, { staleTime: 60_000 });
  const titles = new Map((templates.data?.items ?? []).map((x) => [x.name, pick(x.title) || x.name]));
  const change = async (status: "paused" | "sending" | "cancelled") => {
    if (status === "cancelled" && !(await modals.confirm(t("broadcast.cancelTitle"), t("broadcast.cancelText"), t("broadcast.cancel")))) return;
    try {
      await request("post", "/broadcasts/{name}/status", { path: { name: b.name }, body: { status } });
      reload();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Page title={<Group gap="sm"><span>{pick(b.title)}</span><Badge variant="light" color={broadcastColour[b.status]}>{t(`broadcast.status_${b.status}`)}</Badge></Group>} actions={
      <Group gap="sm">
        <AgainButton page={b} />
        <Button size="xs" variant="default" component={Link} to={`/broadcasts/new?copy=${encodeURIComponent(b.name)}`}>{t("campaign.copy")}</Button>
        {b.recurs && !b.draft && ["recurring", "paused", "sending"].includes(b.status) && <Button size="xs" variant="default" component={Link} to="?edit=1">{t("campaign.edit")}</Button>}
        {["sending", "scheduled", "recurring", "testing"].includes(b.status) && <Button size="xs" variant="default" onClick={() => void change("paused")}>{t("broadcast.pause")}</Button>}
        {b.status === "paused" && <Button size="xs" onClick={() => void change("sending")}>{t("broadcast.resume")}</Button>}
        {["sending", "scheduled", "paused", "recurring", "testing"].includes(b.status) && <Button size="xs" variant="default" onClick={() => void change("cancelled")}>{t("broadcast.cancel")}</Button>}
      </Group>
    }>
      <DeliveryTabs at="broadcasts" />
      <WaitingDraft page={b} reload={reload} />
      {b.status === "scheduled" && <Alert color="blue">{t("broadcast.starts", { at: instant(b.at) })}</Alert>}
      {(b.status === "sending" || b.status === "paused") && <Card withBorder padding="lg"><Progress value={100 * share} aria-label={t("broadcast.progress")} mb="sm" /><Text size="sm" className="num" role="status">{t("broadcast.decided", { share: percent(share) })}</Text></Card>}
      {open > 0 && <Card withBorder padding="lg"><Progress value={(100 * (messages - open)) / messages} aria-label={t("broadcast.states")} mb="sm" /><Text size="sm" className="num" role="status" style={{ whiteSpace: "normal" }}>{t("broadcast.leaving", { n: count(messages - open), of: count(messages), open: count(open) })}</Text></Card>}
      {b.status === "missed" && <Alert color="red">{b.missed && pick(b.missed)}</Alert>}
      {b.again && <AgainOf name={b.again} />}
      <Occurrences page={b} />
      <Variants page={b} reload={reload} />
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
        <Figure label={t("broadcast.got")} value={count(sent)} note={b.sent.map((s, i) => <span key={s.channel}>{i > 0 && t("sep")}<Anchor component={Link} size="xs" to={`/people?broadcast=${b.name}&by=${s.channel}`}>{t(`channel.${s.channel}`)} {count(s.people)}</Anchor></span>)} />
        <Figure label={t("broadcast.leftOut")} value={count(out)} />
        <Figure label={t("broadcast.states")} value={count(b.states.reduce((n, s) => n + s.messages, 0))} note={joined(b.states.map((s) => `${t(`broadcast.state_${s.state}`, { defaultValue: s.state })} ${count(s.messages)}`))} />
      </SimpleGrid>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Card withBorder padding="lg">
            <Title order={2} mb="sm">{t("broadcast.why")}</Title>
            {b.left_out.length === 0 && <Text size="sm" c="dimmed">{t("broadcast.nobodyOut")}</Text>}
            <Table verticalSpacing={6}><Table.Tbody>{b.left_out.map((r) => <Table.Tr key={r.reason}><Table.Td>{pick(r.text)}</Table.Td><Table.Td ta="right" className="num"><Anchor component={Link} to={`/people?broadcast=${b.name}&left_out=${encodeURIComponent(r.reason)}`} size="sm">{t("broadcast.nPeople", { n: count(r.people) })}</Anchor></Table.Td></Table.Tr>)}</Table.Tbody></Table>
          </Card>
          <LineSays journey={b.name} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Card withBorder padding="lg">
            <Title order={2} mb="sm">{t("journey.history")}</Title>
            <Table verticalSpacing={4}><Table.Tbody>{b.history.map((h) => <Table.Tr key={h.version}><Table.Td className="num">{short(h.at)}</Table.Td><Table.Td style={{ whiteSpace: "nowrap" }}>{h.status && t(`journeyStatus.${h.status}`)}</Table.Td><Table.Td>{joined([actor(h.actor), h.reason])}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
            <Group gap="md" mt="md"><Anchor component={Link} size="sm" to={b.list ? `/segments/lists/${b.list}` : `/segments/${b.segment}`}>{t("broadcast.segment")}</Anchor>{Object.values(b.broadcast.templates).map((x) => <Anchor key={x} component={Link} size="sm" to={`/content/${x}`}>{titles.get(x) ?? x}</Anchor>)}<Anchor component={Link} size="sm" to={`/journeys/${b.name}`}>{t("broadcast.people")}</Anchor></Group>
          </Card>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

/** What LINE itself says of the messages, once it has said anything. */
function LineSays({ journey }: { journey: string }) {
  const { t } = useTranslation();
  const rows = useApi("/line/statistics", { query: { journey } }).data?.items ?? [];
  if (rows.length === 0) return null;
  return (
    <Card withBorder padding="lg" mt="lg">
      <Title order={2} mb="sm">{t("broadcast.lineSays")}</Title>
      <Table verticalSpacing={6}><Table.Tbody>{rows.map((r) => <Table.Tr key={r.account + r.template + r.month}><Table.Td>{pick(r.title)}</Table.Td><Table.Td className="num">{r.month}</Table.Td><Table.Td ta="right" className="num">{pick(r.text)}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
      <Text size="xs" c="dimmed" mt="xs">{t("broadcast.lineWhen", { at: instant(rows[0].asked_at) })}</Text>
    </Card>
  );
}
