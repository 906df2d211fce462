import { Alert, Anchor, Badge, Button, Card, Group, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { address, useApi } from "../api";
import { count, day, instant, money, percent } from "../format";
import { actor, joined, pick } from "../i18n";
import type { PostalBatchPage, PostalOrders } from "../types";
import { Copied } from "./Copied";
import { Empty, Figure, Loading, ProblemBox } from "./Page";
import { PieceProof } from "./Proof";

/** Several pieces as they are printed, both faces each. */
export function Proofs({ b }: { b: PostalBatchPage }) {
  const { t } = useTranslation();
  const [cursors, setCursors] = useState<string[]>([]);
  const list = useApi("/postal/batches/{id}/pieces", { path: { id: b.id }, query: { state: b.exported_at ? "exported" : "ready", cursor: cursors.at(-1), limit: 3 } }, { placeholderData: (old) => old });
  if (list.error && !list.data) return <ProblemBox error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  if (list.data.items.length === 0) return <Empty title={t("proof.none")}>{t("proof.noneText")}</Empty>;
  return (
    <Stack gap="lg">
      <Text size="sm" c="dimmed">{t("proof.about")}</Text>
      {list.data.items.map((x) => <Card key={x.send_id} withBorder padding="lg" component="section" aria-label={x.name}><Group gap="sm" mb="sm"><Title order={2}>{x.name}</Title><Text size="xs" c="dimmed" className="mono">{joined([x.code, x.barcode])}</Text></Group><PieceProof batch={b.id} send={x.send_id} /></Card>)}
      <Group gap="sm">{cursors.length > 0 && <Button size="xs" variant="default" onClick={() => setCursors(cursors.slice(0, -1))}>{t("pager.previous")}</Button>}{list.data.next && <Button size="xs" variant="default" onClick={() => setCursors([...cursors, list.data!.next!])}>{t("proof.others")}</Button>}</Group>
    </Stack>
  );
}

/** By which product it goes, what it costs, and which of them the content may not use. */
export function Product({ b }: { b: PostalBatchPage }) {
  const { t } = useTranslation();
  return (
    <Stack gap="md">
      <Alert color={b.letter ? "blue" : "gray"} title={t(b.letter ? "product.letter" : "product.noLetter")}>
        <Text size="sm">{t(b.letter ? "product.letterText" : "product.noLetterText")}</Text>
        {b.findings.map((f, i) => <Text key={i} size="xs" mt={4}><code>{f.what}</code> {pick(f.reason)}</Text>)}
      </Alert>
      <Card withBorder padding={0}><div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("postalForm.product")}</Table.Th><Table.Th ta="right">{t("product.each")}</Table.Th><Table.Th>{t("product.discounts")}</Table.Th><Table.Th ta="right">{t("product.total")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
          <Table.Tbody>{b.quotes.map((q) => (
            <Table.Tr key={q.product} style={pick(q.refused) ? { color: "var(--mantine-color-dimmed)" } : undefined}>
              <Table.Td><Group gap={6}>{pick(q.title)}{q.product === b.product && <Badge variant="light">{t("product.chosen")}</Badge>}</Group>{pick(q.note) && <Text size="xs" c="dimmed">{pick(q.note)}</Text>}</Table.Td>
              <Table.Td ta="right" className="num">{money(q.price.amount, q.price.currency)}</Table.Td>
              <Table.Td>{q.percent !== "0" ? joined([t("product.percent", { n: q.percent }), ...(q.discounts ?? []).map((d) => t(`product.discount_${d}`, { defaultValue: d }))]) : "—"}</Table.Td>
              <Table.Td ta="right" className="num">{money(q.total.amount, q.total.currency)}</Table.Td>
              <Table.Td miw={220}>{pick(q.refused) && <Text size="xs" className="problem">{pick(q.refused)}</Text>}</Table.Td>
            </Table.Tr>
          ))}</Table.Tbody>
        </Table>
      </div></Card>
      <Text size="xs" c="dimmed">{b.quotes[0]?.valid_from && t("product.from", { at: day(b.quotes[0].valid_from) })}</Text>
    </Stack>
  );
}

/** What was made for the print house, and how it gets there. */
export function Files({ b }: { b: PostalBatchPage }) {
  const { t } = useTranslation();
  if (b.files.length === 0) return <Empty title={t("files.none")}>{t(b.state === "approved" ? "files.approvedText" : "files.noneText")}</Empty>;
  return (
    <Stack gap="md">
      {pick(b.erased_note) && <Alert color="red" title={t("files.erased")}>{pick(b.erased_note)}</Alert>}
      {pick(b.delivery_note) && <Alert color="red" title={t("files.notDelivered")}>{pick(b.delivery_note)}</Alert>}
      <Text size="sm">{joined([t(`postalForm.kind_${b.delivery}`), b.recipient, b.delivered_at ? t("files.delivered", { at: instant(b.delivered_at) }) : t("files.waiting"), b.repeats > 0 && t("files.repeats", { n: b.repeats })])}</Text>
      {b.files.map((f) => (
        <Card key={f.name} withBorder padding="lg" component="section" aria-label={f.name}>
          <Group justify="space-between" mb="sm"><div><Title order={2} size="h4" className="mono">{f.name}</Title><Text size="xs" c="dimmed">{joined([t(`files.kind_${f.kind}`), f.pieces > 0 && t("files.pieces", { n: count(f.pieces) }), t("files.size", { n: count(Math.ceil(f.size / 1024)) }), instant(f.at), f.encrypted && t(`postalForm.encrypt_${f.encrypted}`, { defaultValue: f.encrypted })])}</Text></div>
            <Button component="a" href={address("/postal/batches/{id}/files/{name}", { path: { id: b.id, name: f.name } })} download={f.name} size="xs">{t("files.download")}</Button></Group>
          <Copied label="SHA-256" value={f.sha256} />
        </Card>
      ))}
      <Text size="xs" c="dimmed">{t("files.recorded")} <Anchor component={Link} to={`/postal/provisions?batch=${b.id}`} size="xs" underline="always">{t("postalTab.provisions")}</Anchor></Text>
    </Stack>
  );
}

/** What came of it: scans, coupons, orders, and what a response cost. */
export function Response({ b }: { b: PostalBatchPage }) {
  const { t } = useTranslation();
  const response = useApi("/postal/batches/{id}/response", { path: { id: b.id } }, { refetchInterval: 15_000 });
  const r = response.data;
  if (response.error && !r) return <ProblemBox error={response.error} retry={() => void response.refetch()} />;
  if (!r) return <Loading />;
  if (!r.from) return <Empty title={t("response.none")}>{t("response.noneText")}</Empty>;
  const rows: [string, string, PostalOrders][] = [[t("response.direct"), t("response.directText"), r.direct], [t("response.matched"), t("response.matchedText"), r.matched], [t("response.household"), t("response.householdText"), r.household]];
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
        <Figure label={t("response.rate")} value={percent(r.rate)} note={t("response.rateNote", { n: count(r.direct.people + r.matched.people), of: count(r.pieces) })} />
        <Figure label={t("response.each")} value={r.cost_per_response ? money(r.cost_per_response.amount.split(".")[0], r.cost_per_response.currency) : "—"} note={t("response.cost", { amount: money(r.cost.amount, r.cost.currency) })} />
        <Figure label={t("response.scanned")} value={count(r.scanned)} note={joined([t("response.scans", { n: count(r.scans) }), t("response.coupons", { n: count(r.coupons) })])} />
        <Figure label={t("response.returned")} value={count(r.returned)} note={r.returned > 0 ? <Anchor component={Link} to={`/postal/returns?batch=${b.id}`} size="xs">{joined((r.returns ?? []).map((x) => `${pick(x.label)} ${count(x.count)}`))}</Anchor> : t("response.noReturns")} />
      </SimpleGrid>
      <Card withBorder padding={0}><div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("response.tie")}</Table.Th><Table.Th ta="right">{t("response.orders")}</Table.Th><Table.Th ta="right">{t("response.people")}</Table.Th><Table.Th ta="right">{t("response.revenue")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{rows.map(([label, text, x]) => <Table.Tr key={label}><Table.Td>{label}<Text size="xs" c="dimmed">{text}</Text></Table.Td><Table.Td ta="right" className="num">{count(x.orders)}</Table.Td><Table.Td ta="right" className="num">{count(x.people)}</Table.Td><Table.Td ta="right" className="num">{money(x.revenue.amount, x.revenue.currency)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </div></Card>
      {r.variants.length > 0 && <Card withBorder padding={0}><div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("response.variant")}</Table.Th><Table.Th ta="right">{t("postal.pieces")}</Table.Th><Table.Th ta="right">{t("response.scanned")}</Table.Th><Table.Th ta="right">{t("response.orders")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{r.variants.map((v) => <Table.Tr key={v.variant}><Table.Td>{v.variant.toUpperCase()}</Table.Td><Table.Td ta="right" className="num">{count(v.pieces)}</Table.Td><Table.Td ta="right" className="num">{count(v.scanned)}</Table.Td><Table.Td ta="right" className="num">{count(v.direct.orders + v.matched.orders)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </div></Card>}
      {r.holdout && <Text size="sm">{t("response.holdout", { n: count(r.holdout.people), rate: percent(r.holdout.rate) })}</Text>}
      <Text size="xs" c="dimmed">{t("response.window", { from: day(r.from), until: day(r.until) })}</Text>
    </Stack>
  );
}

export function History({ b }: { b: PostalBatchPage }) {
  const { t } = useTranslation();
  if (b.history.length === 0) return <Empty title={t("postal.noHistory")}>{t("postal.noHistoryText")}</Empty>;
  return (
    <Card withBorder padding={0}><div className="scroll">
      <Table verticalSpacing="sm" horizontalSpacing="md">
        <Table.Thead><Table.Tr><Table.Th>{t("provisions.at")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th>{t("provisions.who")}</Table.Th><Table.Th>{t("reason")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{b.history.map((h, i) => <Table.Tr key={i}><Table.Td className="num">{instant(h.at)}</Table.Td><Table.Td>{pick(h.label)}</Table.Td><Table.Td>{h.role === "system" || h.actor === "system" || h.actor === "enishi" ? t("postal.system") : joined([actor(h.actor), t(`role.${h.role}`, { defaultValue: "" })])}</Table.Td><Table.Td>{h.reason}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
    </div></Card>
  );
}
