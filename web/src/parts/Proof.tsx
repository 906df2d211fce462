import { Alert, Group, Modal, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { pick } from "../i18n";
import type { PostalProof } from "../types";
import { Loading, ProblemBox } from "./Page";

/** The faces of a piece as they are printed, side by side: the same drawing as the PDF. */
export function Faces({ proof, small = false }: { proof: Pick<PostalProof, "faces" | "problems">; small?: boolean }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      {proof.problems.length > 0 && <Alert color="red" p="sm" title={t("proof.cannot")}>{proof.problems.map((p, i) => <Text key={i} size="sm">{pick(p)}</Text>)}</Alert>}
      <Group gap="md" align="flex-start">
        {proof.faces.map((f) => (
          <figure key={f.name} style={{ margin: 0, flex: `0 1 ${f.width * (small ? 1.6 : 2.6)}px`, minWidth: 0 }}>
            <img className="sheet-face" src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(f.svg)}`} alt={t("proof.alt", { face: t(`piece.face_${f.name}`, { defaultValue: f.name }) })} width="100%" style={{ aspectRatio: `${f.width} / ${f.height}` }} />
            <Text component="figcaption" size="xs" c="dimmed">{t(`piece.face_${f.name}`, { defaultValue: f.name })} {t("proof.size", { w: f.width, h: f.height })}</Text>
          </figure>
        ))}
      </Group>
    </Stack>
  );
}

/** A piece of a batch as it will be printed. */
export function PieceProof({ batch, send, small }: { batch: string; send: string; small?: boolean }) {
  const proof = useApi("/postal/batches/{id}/pieces/{send}/proof", { path: { id: batch, send } }, { staleTime: 30_000 });
  if (proof.error && !proof.data) return <ProblemBox error={proof.error} retry={() => void proof.refetch()} />;
  if (!proof.data) return <Loading lines={4} />;
  return <Faces proof={proof.data} small={small} />;
}

export function ProofModal({ batch, send, name, close }: { batch: string; send: string; name: string; close: () => void }) {
  const { t } = useTranslation();
  return <Modal opened onClose={close} size="xl" title={<Text fw={700}>{t("proof.of", { name })}</Text>} closeButtonProps={{ "aria-label": t("close") }}><PieceProof batch={batch} send={send} /></Modal>;
}
