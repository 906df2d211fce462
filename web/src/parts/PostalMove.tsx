import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { count, instant, money } from "../format";
import { pick } from "../i18n";
import type { PostalBatchPage } from "../types";
import { ProblemBox } from "./Page";

const first = ["approve", "export", "close"] as const; // what a batch waits for is the button that stands out

/** What may be done with a batch; what follows from it is said before. */
export function Moves({ b, reload }: { b: PostalBatchPage; reload: () => void }) {
  const { t } = useTranslation();
  const [move, setMove] = useState<string | null>(null);
  const main = first.find((m) => b.next.includes(m));
  const order = b.next.filter((m) => m !== main);
  return (
    <Group gap="sm">
      {order.map((m) => <Button key={m} size="xs" variant={m === "cancel" ? "subtle" : "default"} color={m === "cancel" ? "red" : undefined} onClick={() => setMove(m)}>{t(`postalMove.${m}`)}</Button>)}
      {main && <Button size="xs" variant={main === "export" && b.exported_at ? "default" : "filled"} onClick={() => setMove(main)}>{t(main === "export" && b.exported_at ? "postalMove.exportAgain" : `postalMove.${main}`)}</Button>}
      {move && <Dialog b={b} move={move} close={() => setMove(null)} done={() => { setMove(null); reload(); }} />}
    </Group>
  );
}

function Dialog({ b, move, close, done }: { b: PostalBatchPage; move: string; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const again = move === "export" && !!b.exported_at;
  const word = t(again ? "postalMove.exportAgain" : `postalMove.${move}`);
  const go = async () => {
    setBusy(true);
    try {
      await request("post", "/postal/batches/{id}/move", { path: { id: b.id }, body: { move: move as "approve", expect: b.version || undefined, reason } });
      done();
    } catch (e) {
      setError(e as ApiError);
      setBusy(false);
    }
  };
  const n = count(b.tally.ready);
  const cost = money(b.tally.cost.amount, b.tally.cost.currency);
  const said = {
    approve: t("postalMove.thenApprove", { n, cost, product: pick(b.product_title) }), export: again ? t("postalMove.thenAgain") : t("postalMove.thenExport", { n }), close: t("postalMove.thenClose", { n: count(b.tally.pieces), at: instant(b.cutoff) }),
    prepare: t("postalMove.thenPrepare"), reopen: t("postalMove.thenReopen"), cancel: t("postalMove.thenCancel", { n: count(b.tally.pieces) }),
  }[move];
  return (
    <Modal opened onClose={close} size="lg" title={<Text fw={700}>{word}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      <Stack gap="md">
        <Text size="sm">{said}</Text>
        {move === "approve" && b.letter && <Alert color="blue" p="sm">{t("postalMove.letter")}</Alert>}
        {move === "approve" && b.tally.rejected > 0 && <Alert color="orange" p="sm">{t("postalMove.rejected", { n: count(b.tally.rejected) })}</Alert>}
        {move === "approve" && b.tally.warnings > 0 && <Alert color="orange" p="sm">{t("postalMove.warned", { n: count(b.tally.warnings) })}</Alert>}
        <TextInput label={t("sheet.reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} data-autofocus />
        {error && <ProblemBox error={error} />}
        <Group justify="flex-end" gap="sm"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button color={move === "cancel" ? "red.9" : undefined} loading={busy} onClick={() => void go()}>{word}</Button></Group>
      </Stack>
    </Modal>
  );
}
