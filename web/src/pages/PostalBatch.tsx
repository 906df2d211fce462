import { Alert, Anchor, Badge, Group, SimpleGrid, Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, instant, money } from "../format";
import { joined, pick } from "../i18n";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { Moves } from "../parts/PostalMove";
import { Files, History, Product, Proofs, Response } from "../parts/PostalParts";
import { Pieces } from "../parts/PostalPieces";
import { batchColour, busy } from "../postal/state";
import type { PostalBatchPage } from "../types";

const tabs = ["pieces", "proofs", "product", "files", "response", "history"] as const;

/** One batch of post: who gets a piece, how it looks, what it costs, what was handed over and what came of it. */
export function PostalBatch() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const [params, setParams] = useSearchParams();
  const batch = useApi("/postal/batches/{id}", { path: { id: name } }, { refetchInterval: (q) => (busy((q.state.data as PostalBatchPage | undefined)?.state ?? "") ? 1_000 : 5_000) });
  if (batch.error && !batch.data) return <Page title={t("postal.title")}><ProblemBox error={batch.error} retry={() => void batch.refetch()} /></Page>;
  if (!batch.data) return <Loading lines={8} />;
  const b = batch.data as PostalBatchPage;
  const early = ["collecting", "closed"].includes(b.state);
  const shown = early ? (["pieces", "history"] as const) : tabs;
  const tab = shown.find((x) => x === params.get("tab")) ?? "pieces";
  const reload = () => void batch.refetch();
  const { tally } = b;
  return (
    <Page title={<Group gap="sm"><span>{pick(b.title) || t("postal.unnamed")}</span><Badge variant="light" color={batchColour[b.state]}>{pick(b.state_label)}</Badge></Group>}
      about={<><Anchor component={Link} to="/postal" size="sm" underline="always">{t("postal.back")}</Anchor>{t("sep")}{joined([b.account !== "default" && b.account_title, pick(b.product_title), t("postal.cutoffIs", { at: instant(b.cutoff) })])}</>} actions={<Moves b={b} reload={reload} />}>
      {pick(b.problem) && <Alert color="orange">{pick(b.problem)}</Alert>}
      {busy(b.state) && <Alert color="blue" role="status">{t(`postal.busy_${b.state}`)}</Alert>}
      {b.state === "approved" && b.hold_until && Date.parse(b.hold_until) > Date.now() && <Alert color="blue">{t("postal.held", { at: instant(b.hold_until) })}</Alert>}
      {!early && (
        <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
          <Figure label={t(b.exported_at ? "postal.printed" : "postal.ready")} value={count(tally.ready)} note={joined([t("postal.of", { n: count(tally.pieces) }), tally.seeds > 0 && t("postal.seeds", { n: count(tally.seeds) })])} />
          <Figure label={t("postal.rejected")} value={count(tally.rejected)} note={tally.rejected > 0 ? <Anchor component={Link} to="?tab=pieces&state=rejected" size="xs">{t("postal.mendThem")}</Anchor> : t("postal.noRejects")} />
          <Figure label={t("postal.leftOut")} value={count(tally.left_out)} note={tally.left_out > 0 ? <Anchor component={Link} to="?tab=pieces&state=left_out" size="xs">{joined(tally.reasons.filter((r) => r.state === "left_out").slice(0, 2).map((r) => `${pick(r.label)} ${count(r.count)}`))}</Anchor> : t("broadcast.nobodyOut")} />
          <Figure label={t("postal.cost")} value={money(tally.cost.amount, tally.cost.currency)} note={joined([t("postal.each", { amount: money(tally.per_piece.amount, tally.per_piece.currency) }), b.budget_left && t("postal.budgetLeft", { amount: money(b.budget_left.amount, b.budget_left.currency) })])} />
        </SimpleGrid>
      )}
      <Tabs value={tab} onChange={(v) => setParams(v && v !== "pieces" ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="md">{shown.map((x) => <Tabs.Tab key={x} value={x}>{t(`postal.tab_${x}`)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="pieces"><Pieces b={b} reload={reload} /></Tabs.Panel>
        <Tabs.Panel value="proofs"><Proofs b={b} /></Tabs.Panel>
        <Tabs.Panel value="product"><Product b={b} /></Tabs.Panel>
        <Tabs.Panel value="files"><Files b={b} /></Tabs.Panel>
        <Tabs.Panel value="response"><Response b={b} /></Tabs.Panel>
        <Tabs.Panel value="history"><History b={b} /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
