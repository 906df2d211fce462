import { Anchor, Badge, Button, Card, Chip, Group, Select, SegmentedControl, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { request, useApi } from "../api";
import { count } from "../format";
import { joined, pick } from "../i18n";
import { pieceColour } from "../postal/state";
import type { PostalBatchPage, PostalPiece } from "../types";
import { Address, AddressForm, Problems } from "./Address";
import { tell, told } from "./confirm";
import { Empty, Loading, ProblemBox } from "./Page";
import { ProofModal } from "./Proof";

const states = ["ready", "rejected", "left_out", "exported", "collected"] as const;

/** The pieces of a batch: who gets one, whose address needs a hand, who was left out and why. */
export function Pieces({ b, reload }: { b: PostalBatchPage; reload: () => void }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const state = states.find((s) => s === params.get("state"));
  const reason = params.get("reason") ?? "";
  const warned = params.has("warned");
  const [cursors, setCursors] = useState<string[]>([]);
  const [editing, setEditing] = useState<PostalPiece | null>(null);
  const [shown, setShown] = useState<PostalPiece | null>(null);
  const set = (by: Record<string, string>) => { setCursors([]); setParams((p) => { for (const [k, v] of Object.entries(by)) if (v) p.set(k, v); else p.delete(k); return p; }, { replace: true }); };
  const list = useApi("/postal/batches/{id}/pieces", { path: { id: b.id }, query: { state: state ?? "", reason, warned: warned || undefined, cursor: cursors.at(-1), limit: 50 } }, { placeholderData: (old) => old, refetchInterval: 5_000 });
  const items = list.data?.items;
  const early = ["collecting", "closed"].includes(b.state);
  const counts: Record<string, number> = { ready: b.tally.ready, rejected: b.tally.rejected, left_out: b.tally.left_out };
  const open = b.state === "in_review";
  const leave = async (x: PostalPiece, out: boolean) => {
    try {
      await request("post", "/postal/batches/{id}/pieces/{send}/leave", { path: { id: b.id, send: x.send_id }, body: { out } });
      void list.refetch();
      reload();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Stack gap="md">
      {!early && (
        <Group gap="md">
          <SegmentedControl maw="100%" style={{ overflowX: "auto" }} value={state ?? "all"} onChange={(v) => set({ state: v === "all" ? "" : v, reason: "" })} data={["all", ...(b.exported_at ? (["exported"] as const) : (["ready"] as const)), "rejected", "left_out"].map((s) => ({ value: s, label: s === "all" ? t("all") : `${t(`postal.state_${s}`)}${t("paren", { text: count(counts[s === "exported" ? "ready" : s]) })}` }))} aria-label={t("status")} />
          {(state === "rejected" || state === "left_out") && <Select aria-label={t("reason")} placeholder={t("reason")} clearable value={reason || null} onChange={(v) => set({ reason: v ?? "" })} data={b.tally.reasons.filter((r) => r.state === state).map((r) => ({ value: r.reason, label: `${pick(r.label)}${t("paren", { text: count(r.count) })}` }))} />}
          {b.tally.warnings > 0 && <Chip checked={warned} onChange={(v) => set({ warned: v ? "1" : "" })}>{t("postal.warned", { n: count(b.tally.warnings) })}</Chip>}
        </Group>
      )}
      {state === "rejected" && open && b.tally.rejected > 0 && <Text size="sm" c="dimmed">{t("postal.mendHint")}</Text>}
      {list.error && !items && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {!items && !list.error && <Loading />}
      {items?.length === 0 && <Empty title={t(state === "rejected" ? "postal.noRejects" : "postal.noPieces")} />}
      {items && items.length > 0 && <Card withBorder padding={0}><div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("postal.recipient")}</Table.Th><Table.Th>{t("addresses.title")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th>{t("returns.code")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((x) => (
              <Table.Tr key={x.send_id} data-piece={x.state}>
                <Table.Td>{x.profile ? <Anchor component={Link} to={`/people/${x.profile}?tab=addresses`} size="sm">{x.name || t(x.state === "collected" ? "person.one" : "person.unnamed")}</Anchor> : <Text size="sm">{x.name || t("postal.erased")}</Text>}{x.seed && <Badge ml={6} size="sm" variant="light" color="gray">{t("postalForm.part_seeds")}</Badge>}</Table.Td>
                <Table.Td miw={200}>{x.state === "collected" && !x.address ? <Text size="xs" c="dimmed">{t("postal.atCutoff")}</Text> : <Address a={x.address} />}</Table.Td>
                <Table.Td miw={220}><Badge variant="light" color={pieceColour[x.state]}>{pick(x.state_label)}</Badge>{pick(x.reason_label) && <Text size="xs" mt={2}>{pick(x.reason_label)}</Text>}{x.problems.length > 0 && <div style={{ marginTop: 4 }}><Problems items={x.problems} /></div>}</Table.Td>
                <Table.Td className="mono">{joined([x.code, x.variant && x.variant.toUpperCase()])}</Table.Td>
                <Table.Td><Group gap={4} justify="flex-end" wrap="nowrap">
                  {open && x.profile && (x.state === "rejected" || x.problems.length > 0) && <Button size="compact-sm" variant="light" onClick={() => setEditing(x)} aria-label={t("addresses.mendOf", { name: x.name || t("person.unnamed") })}>{t("addresses.mend")}</Button>}
                  {(x.state === "ready" || x.state === "exported") && <Button size="compact-sm" variant="subtle" onClick={() => setShown(x)} aria-label={t("proof.of", { name: x.name })}>{t("proof.see")}</Button>}
                  {open && x.state === "ready" && !x.seed && <Button size="compact-sm" variant="subtle" onClick={() => void leave(x, true)} aria-label={t("postal.leaveOf", { name: x.name })}>{t("postal.leave")}</Button>}
                  {open && x.state === "left_out" && x.reason === "by_hand" && <Button size="compact-sm" variant="subtle" onClick={() => void leave(x, false)}>{t("postal.takeBack")}</Button>}
                </Group></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div></Card>}
      {(cursors.length > 0 || list.data?.next) && <Group gap="sm">{cursors.length > 0 && <Button size="xs" variant="default" onClick={() => setCursors(cursors.slice(0, -1))}>{t("pager.previous")}</Button>}{list.data?.next && <Button size="xs" variant="default" onClick={() => setCursors([...cursors, list.data!.next!])}>{t("pager.next")}</Button>}</Group>}
      {editing && <AddressForm profile={editing.profile} name={editing.name} address={editing.address} problems={editing.problems} close={() => setEditing(null)} saved={() => { setEditing(null); told(t("postal.mended")); void list.refetch(); }} />}
      {shown && <ProofModal batch={b.id} send={shown.send_id} name={shown.name} close={() => setShown(null)} />}
    </Stack>
  );
}
