import { Anchor, Badge, Card, Group, SegmentedControl, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, instant, money } from "../format";
import { joined, pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { PostalTabs } from "../parts/PostalTabs";
import { batchColour } from "../postal/state";
import type { PostalBatchRow } from "../types";

const groups: Record<string, string[]> = { all: [], waiting: ["in_review", "approved"], collecting: ["collecting", "closed"], done: ["exporting", "exported", "delivered"], cancelled: ["cancelled"] };

/** Batches of post: what collects, what waits for somebody, what has left. */
export function Postal() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const show = params.get("show") ?? "all";
  const journey = params.get("journey") ?? undefined;
  const batches = useApi("/postal/batches", { query: { journey, limit: 200 } }, { refetchInterval: 5_000 });
  const all = batches.data?.items ?? [];
  const items = all.filter((b) => show === "all" || groups[show]?.includes(b.state));
  return (
    <Page title={t("nav.outbox")} about={t("postal.about")}>
      <PostalTabs at="batches" />
      {batches.error && !batches.data && <ProblemBox error={batches.error} retry={() => void batches.refetch()} />}
      {!batches.data && !batches.error && <Loading />}
      {batches.data && all.length === 0 && <Empty title={t("postal.none")}>{t("postal.noneText")}</Empty>}
      {all.length > 0 && (
        <>
          <SegmentedControl w="max-content" maw="100%" style={{ overflowX: "auto" }} value={show} onChange={(v) => setParams((p) => { if (v === "all") p.delete("show"); else p.set("show", v); return p; }, { replace: true })} data={Object.keys(groups).map((g) => ({ value: g, label: t(`postal.show_${g}`) }))} aria-label={t("status")} />
          {items.length === 0 && <Empty title={t("nav.nothing")} />}
          {items.length > 0 && <Card withBorder padding={0}><div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("postal.batch")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th>{t("postal.cutoff")}</Table.Th><Table.Th ta="right">{t("postal.pieces")}</Table.Th><Table.Th ta="right">{t("postal.rejected")}</Table.Th><Table.Th ta="right">{t("postal.cost")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((b) => <Row key={b.id} b={b} />)}</Table.Tbody>
            </Table>
          </div></Card>}
        </>
      )}
    </Page>
  );
}

function Row({ b }: { b: PostalBatchRow }) {
  const { t } = useTranslation();
  const prepared = !["collecting", "closed"].includes(b.state);
  return (
    <Table.Tr>
      <Table.Td miw={220}><Anchor component={Link} to={`/postal/${b.id}`} fw={600}>{pick(b.title) || t("postal.unnamed")}</Anchor><Text size="xs" c="dimmed">{joined([b.account === "default" ? "" : b.account_title, pick(b.product_title)])}</Text>{pick(b.problem) && <Text size="xs" className="problem">{pick(b.problem)}</Text>}</Table.Td>
      <Table.Td><Badge variant="light" color={batchColour[b.state]}>{pick(b.state_label)}</Badge></Table.Td>
      <Table.Td className="num">{instant(b.cutoff)}</Table.Td>
      <Table.Td ta="right" className="num">{prepared ? <Group gap={4} justify="flex-end" wrap="nowrap"><Text span fw={600} size="sm">{count(b.tally.ready)}</Text><Text span size="xs" c="dimmed">/ {count(b.tally.pieces)}</Text></Group> : count(b.tally.pieces)}</Table.Td>
      <Table.Td ta="right" className="num">{prepared && b.tally.rejected > 0 ? <Anchor component={Link} to={`/postal/${b.id}?state=rejected`} size="sm">{count(b.tally.rejected)}</Anchor> : prepared ? count(0) : "—"}</Table.Td>
      <Table.Td ta="right" className="num">{prepared ? money(b.tally.cost.amount, b.tally.cost.currency) : "—"}</Table.Td>
    </Table.Tr>
  );
}
