import { Alert, Anchor, Badge, Button, Card, Group, Table, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { request, useApi } from "../api";
import { count, instant, percent } from "../format";
import { joined, pick } from "../i18n";
import { modals, tell } from "./confirm";
import type { BroadcastPage } from "../types";

/** The next and the past times of a campaign that recurs. */
export function Occurrences({ page: b }: { page: BroadcastPage }) {
  const { t } = useTranslation();
  if (!b.recurs) return null;
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("campaign.upcoming")}</Title>
      {b.upcoming.length === 0 && <Text size="sm" c="dimmed">{t("campaign.noUpcoming")}</Text>}
      <Group gap="xs">{b.upcoming.map((at) => <Badge key={at} data-upcoming variant="light" size="lg" className="num">{instant(at)}</Badge>)}</Group>
      {b.past.length > 0 && (
        <div className="scroll"><Table mt="md" verticalSpacing={6}>
          <Table.Thead><Table.Tr><Table.Th>{t("campaign.went")}</Table.Th><Table.Th ta="right">{t("campaign.entered")}</Table.Th><Table.Th ta="right">{t("campaign.sent")}</Table.Th><Table.Th ta="right">{t("campaign.clicked")}</Table.Th><Table.Th ta="right">{t("campaign.ordered")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{b.past.map((o) => <Table.Tr key={o.at}><Table.Td className="num">{instant(o.at)}</Table.Td>{o.missed ? <Table.Td colSpan={4}>{pick(o.missed)}</Table.Td> : <><Table.Td ta="right" className="num">{count(o.entered)}</Table.Td><Table.Td ta="right" className="num">{count(o.sent)}</Table.Td><Table.Td ta="right" className="num">{count(o.clicked)}</Table.Td><Table.Td ta="right" className="num">{count(o.ordered)}</Table.Td></>}</Table.Tr>)}</Table.Tbody>
        </Table></div>
      )}
    </Card>
  );
}

/** The variants of a test, and the choice of the one that everybody else gets. */
export function Variants({ page: b, reload }: { page: BroadcastPage; reload: () => void }) {
  const { t } = useTranslation();
  const templates = useApi("/templates", {}, { staleTime: 60_000 });
  const test = b.broadcast.test;
  if (!test || b.variants.length === 0) return null;
  const title = (name: string) => pick(templates.data?.items.find((x) => x.name === name)?.title) || name;
  const ownText = test.variants.some((v) => Object.keys(v.templates ?? {}).length > 0);
  const saysOf = (i: number) => {
    const v = test.variants[i] ?? {};
    const texts = ownText ? b.broadcast.channels.map((c) => title(v.templates?.[c] || b.broadcast.templates[c])) : [];
    return joined([v.subject, ...texts, ...Object.values(v.accounts ?? {}), v.time && t("campaign.notBeforeAt", { at: v.time })]) || t("campaign.asAll");
  };
  const choose = async (variant: string) => {
    if (!(await modals.confirm(t("campaign.chooseTitle", { v: variant.toUpperCase() }), t("campaign.chooseText"), t("campaign.choose")))) return;
    try {
      await request("post", "/broadcasts/{name}/winner", { path: { name: b.name }, body: { variant: variant as "a" } });
      reload();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("campaign.test")}</Title>
      {b.status === "testing" && <Alert color="blue" mb="sm">{test.auto && b.decides && !b.decides.startsWith("0001") ? t("campaign.decides", { at: instant(b.decides), n: count(test.least) }) : t("campaign.byHand")}</Alert>}
      <div className="scroll"><Table verticalSpacing={6}>
        <Table.Thead><Table.Tr><Table.Th>{t("campaign.one")}</Table.Th><Table.Th>{t("campaign.differs")}</Table.Th><Table.Th ta="right">{t("campaign.sent")}</Table.Th><Table.Th ta="right">{t("campaign.clicked")}</Table.Th><Table.Th ta="right">{t("campaign.ordered")}</Table.Th><Table.Th ta="right">{t("campaign.rate")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
        <Table.Tbody>{b.variants.map((v, i) => (
          <Table.Tr key={v.variant}>
            <Table.Td style={{ whiteSpace: "nowrap" }}>{t("campaign.variant", { v: v.variant.toUpperCase() })}{test.winner === v.variant && <Badge ml="xs" color="teal" variant="light">{t("campaign.winner")}</Badge>}</Table.Td>
            <Table.Td miw={160}>{saysOf(i)}</Table.Td>
            <Table.Td ta="right" className="num">{count(v.sent)}</Table.Td><Table.Td ta="right" className="num">{count(v.clicked)}</Table.Td><Table.Td ta="right" className="num">{count(v.ordered)}</Table.Td><Table.Td ta="right" className="num">{percent(v.rate)}</Table.Td>
            <Table.Td ta="right">{!test.winner && b.status === "testing" && <Button size="compact-xs" variant="default" onClick={() => void choose(v.variant)}>{t("campaign.choose")}</Button>}</Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table></div>
      <Text size="xs" c="dimmed" mt="xs">{t("campaign.chance")}</Text>
    </Card>
  );
}

/** A new campaign for those whom this one reached in vain. */
export function AgainButton({ page: b }: { page: BroadcastPage }) {
  const { t } = useTranslation();
  const go = useNavigate();
  if (b.status !== "sent" || b.recurs) return null;
  return <Button size="xs" variant="default" onClick={() => void go(`/broadcasts/new?again=${encodeURIComponent(b.name)}`)}>{t("campaign.again")}</Button>;
}

/** Whom a campaign goes to once more. */
export function AgainOf({ name }: { name: string }) {
  const { t } = useTranslation();
  const of = useApi("/broadcasts/{name}", { path: { name } }, { staleTime: 60_000 });
  return <Text size="sm">{t("campaign.againOf")} <Anchor component={Link} to={`/broadcasts/${name}`}>{pick(of.data?.title) || name}</Anchor></Text>;
}
