import { Anchor, Badge, Button, Card, Progress, Stack, Table } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { useApi } from "../api";
import { count, percent, short } from "../format";
import { pick } from "../i18n";
import type { BroadcastRow } from "../types";
import { broadcastColour } from "../parts/campaign";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";

/** One message to everybody in a segment. */
export function Broadcasts() {
  const { t } = useTranslation();
  const go = useNavigate();
  const list = useApi("/broadcasts", {}, { refetchInterval: 3_000 });
  const segments = useApi("/segments", {}, { staleTime: 60_000 });
  const titles = new Map((segments.data?.items ?? []).map((s) => [s.name, pick(s.title)]));
  const known = useApi("/lists", {}, { staleTime: 60_000 });
  const lists = new Map((known.data?.items ?? []).map((l) => [l.name, pick(l.title)]));
  const items = (list.data?.items ?? []).toSorted((a, b) => b.updated_at.localeCompare(a.updated_at));
  const make = <Button size="xs" onClick={() => void go("/broadcasts/new")}>{t("broadcast.new")}</Button>;
  return (
    <Page title={t("nav.outbox")} about={t("broadcast.about")} actions={make}>
      <DeliveryTabs at="broadcasts" />
      {list.error && !list.data && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {!list.data && !list.error && <Loading />}
      {list.data && items.length === 0 && <Empty title={t("broadcast.none")} action={make}>{t("broadcast.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}><div className="scroll"><Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
          <Table.Thead><Table.Tr><Table.Th>{t("content.name")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th>{t("broadcast.segment")}</Table.Th><Table.Th>{t("broadcast.at")}</Table.Th><Table.Th ta="right">{t("campaign.sent")}</Table.Th><Table.Th ta="right">{t("campaign.opened")}</Table.Th><Table.Th ta="right">{t("campaign.clicked")}</Table.Th><Table.Th ta="right">{t("campaign.ordered")}</Table.Th><Table.Th>{t("updated")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((b) => (
              <Table.Tr key={b.name}>
                <Table.Td miw={180}><Anchor component={Link} to={`/broadcasts/${b.name}`} fw={600}>{pick(b.title) || b.name}</Anchor></Table.Td>
                <Table.Td miw={120}><Stack gap={4}><Badge variant="light" color={broadcastColour[b.status]}>{t(`broadcast.status_${b.status}`)}</Badge>{b.draft && <Badge variant="light" color={broadcastColour[b.draft]}>{t(`campaign.change_${b.draft}`)}</Badge>}{b.status === "sending" && <Progress value={(100 * b.done) / Math.max(1, b.of)} aria-label={percent(b.done / Math.max(1, b.of))} />}</Stack></Table.Td>
                <Table.Td>{b.again ? <Anchor component={Link} to={`/broadcasts/${b.again}`}>{t("campaign.againTo", { title: pick(items.find((x) => x.name === b.again)?.title) || b.again })}</Anchor> : b.list ? <Anchor component={Link} to={`/segments/lists/${b.list}`}>{lists.get(b.list) || b.list}</Anchor> : <Anchor component={Link} to={`/segments/${b.segment}`}>{titles.get(b.segment) || b.segment}</Anchor>}</Table.Td>
                <Table.Td className="num"><When b={b} /></Table.Td>
                {(["sent", "opened", "clicked", "ordered"] as const).map((k) => <Table.Td key={k} ta="right" className="num">{b.result?.entered ? count(b.result[k]) : "–"}</Table.Td>)}
                <Table.Td className="num">{short(b.updated_at)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table></div></Card>
      )}
    </Page>
  );
}

/** When it goes next, will go, or went. */
function When({ b }: { b: BroadcastRow }) {
  const { t } = useTranslation();
  if (b.recurs) return b.next && b.status !== "cancelled" ? t("campaign.nextAt", { at: short(b.next) }) : "–";
  if (b.result?.first) return short(b.result.first);
  if (b.at) return short(b.at);
  return ["draft", "in_review", "approved"].includes(b.status) ? t("broadcast.atOnce") : "–";
}
