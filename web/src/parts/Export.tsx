import { Button, Checkbox, Group, Modal, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { saveExport, useApi, type ApiError } from "../api";
import { count } from "../format";
import { pick } from "../i18n";
import { ProblemBox } from "./Page";

/** Writes the people of a segment to a CSV file: which columns, and why. */
export function Export({ name, people }: { name: string; people: number }) {
  const { t } = useTranslation();
  const [opened, { open, close }] = useDisclosure();
  const columns = useApi("/exports/columns", {}, { enabled: opened, staleTime: Infinity });
  const [chosen, setChosen] = useState<string[] | null>(null);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const all = columns.data?.items ?? [];
  const names = chosen ?? all.filter((c) => c.default).map((c) => c.name);
  const run = async () => {
    setBusy(true);
    try {
      // In the order in which they are offered; a byte order mark is what Excel knows UTF-8 by.
      await saveExport({ name, columns: all.map((c) => c.name).filter((c) => names.includes(c)), format: "csv", labels: true, bom: true, reason }, name + ".csv");
      setError(null);
      close();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button size="xs" variant="default" onClick={open}>{t("segment.export")}</Button>
      <Modal opened={opened} onClose={close} title={t("segment.exportTitle")} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
        <Stack>
          <Checkbox.Group label={t("segment.columns")} value={names} onChange={setChosen}>
            <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="xs" mt="xs">{all.map((c) => <Checkbox key={c.name} value={c.name} label={pick(c.label)} />)}</SimpleGrid>
          </Checkbox.Group>
          <TextInput label={t("reason")} description={t("segment.exportHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required />
          {(columns.error ?? error) && <ProblemBox error={(columns.error ?? error)!} />}
          <Group justify="space-between"><Text size="xs" c="dimmed">{t("segment.exportFile")}</Text><Button loading={busy} disabled={!reason.trim() || names.length === 0} onClick={() => void run()}>{t("segment.exportDo", { n: count(people) })}</Button></Group>
        </Stack>
      </Modal>
    </>
  );
}
