import { Anchor, Badge, Button, Card, FileButton, Progress, Stack, Table, Text, Title } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { useApi, type ApiError } from "../api";
import { count, short } from "../format";
import { actor, pick } from "../i18n";
import { DataTabs } from "../parts/DataTabs";
import { FilePulls } from "../parts/FilePulls";
import { Mappings } from "../parts/Mappings";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { upload } from "../parts/upload";
import type { Import } from "../types";

export const files = ".csv,.tsv,.txt,.json,.jsonl,.ndjson,.gz,.zip,text/csv,text/plain,application/json,application/zip,application/gzip";
export const colours: Record<Import["state"], string> = { receiving: "gray", ready: "gray", checking: "blue", checked: "gray", running: "blue", done: "teal", cancelled: "gray", failed: "red" };

/** Files of past orders, people and receipts: what was taken in, and where a new one is dropped. */
export function Imports() {
  const { t } = useTranslation();
  const all = useApi("/imports", {}, { refetchInterval: 5_000 });
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const items = all.data?.items ?? [];
  const mayWrite = session.data?.role !== "viewer";
  return (
    <Page title={t("nav.data")} about={t("imports.about")}>
      <DataTabs at="/imports" />
      {mayWrite && <Drop />}
      <FilePulls mayWrite={mayWrite} />
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading />}
      {all.data && items.length === 0 && <Empty title={t("imports.none")}>{t("imports.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md">
              <Table.Thead><Table.Tr><Table.Th>{t("imports.file")}</Table.Th><Table.Th>{t("imports.state")}</Table.Th><Table.Th>{t("imports.format")}</Table.Th><Table.Th ta="right">{t("imports.taken")}</Table.Th><Table.Th ta="right">{t("imports.rejected")}</Table.Th><Table.Th>{t("imports.when")}</Table.Th><Table.Th>{t("imports.by")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((m) => (
                  <Table.Tr key={m.id}>
                    <Table.Td><Anchor component={Link} to={`/imports/${m.id}`} size="sm" fw={600}>{m.name}</Anchor></Table.Td>
                    <Table.Td><Badge variant="light" color={colours[m.state]}>{t(`imports.is_${m.state}`)}</Badge></Table.Td>
                    <Table.Td>{pick(m.format) || "—"}</Table.Td>
                    <Table.Td ta="right" className="num">{m.state === "done" || m.state === "running" || m.state === "cancelled" ? count(m.events) : "—"}</Table.Td>
                    <Table.Td ta="right" className="num">{m.rows > 0 ? count(m.rejected) : "—"}</Table.Td>
                    <Table.Td className="num">{short(m.started_at ?? m.created_at)}</Table.Td>
                    <Table.Td>{actor(m.actor)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      <Mappings mayWrite={mayWrite} />
    </Page>
  );
}

/** Where a file is dropped or chosen; its import opens when it is there. */
function Drop() {
  const { t } = useTranslation();
  const go = useNavigate();
  const [sending, setSending] = useState<{ name: string; part: number } | null>(null);
  const [over, setOver] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const take = async (file: File | null | undefined) => {
    if (!file || sending) return;
    setError(null);
    setSending({ name: file.name, part: 0 });
    try {
      const m = await upload(file, undefined, (part) => setSending({ name: file.name, part }));
      void go(`/imports/${m.id}`);
    } catch (e) {
      setError(e as ApiError);
    }
    setSending(null);
  };
  const drop = (e: DragEvent) => {
    e.preventDefault();
    setOver(false);
    void take(e.dataTransfer.files[0]);
  };
  return (
    <>
      <Card withBorder padding="xl" onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop} style={{ borderStyle: "dashed", borderColor: over ? "var(--mantine-primary-color-filled)" : undefined }}>
        <Stack align="center" gap="sm">
          <Title order={2} size="h4" ta="center">{t("imports.drop")}</Title>
          <FileButton accept={files} onChange={(f) => void take(f)}>{(props) => <Button {...props} leftSection={<IconUpload size={16} aria-hidden />} loading={sending !== null}>{t("imports.choose")}</Button>}</FileButton>
          {sending && (
            <Stack gap={4} w="100%" maw={420} role="status">
              <Text size="sm" ta="center">{t("imports.sending", { name: sending.name, part: Math.round(sending.part * 100) })}</Text>
              <Progress value={sending.part * 100} aria-label={t("imports.sendingBar")} animated />
            </Stack>
          )}
          <Text size="xs" c="dimmed" ta="center">{t("imports.kinds")}</Text>
        </Stack>
      </Card>
      {error && <ProblemBox error={error} />}
    </>
  );
}
