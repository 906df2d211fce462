import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { saveDisclosure, useApi, type ApiError } from "../api";
import { ProblemBox } from "./Page";

/** Everything that is kept of a person, for the person: a page to read, or all of it with CSV and JSON. */
export function Disclosure({ id }: { id: string }) {
  const { t } = useTranslation();
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const [opened, { open, close }] = useDisclosure();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState<"zip" | "html" | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  if (session.data?.role !== "approver" && session.data?.role !== "admin") return null;
  const save = async (format: "zip" | "html") => {
    setBusy(format);
    setError(null);
    try {
      await saveDisclosure(id, format, reason);
      close();
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(null);
  };
  return (
    <>
      <Button size="xs" variant="default" onClick={open}>{t("person.disclose")}</Button>
      <Modal opened={opened} onClose={close} title={t("person.disclose")} closeButtonProps={{ "aria-label": t("close") }}>
        <Stack>
          <Text size="sm">{t("person.discloseText")}</Text>
          <TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} required data-autofocus />
          {error && <ProblemBox error={error} />}
          <Text size="xs" c="dimmed">{t("person.discloseZipHint")}</Text>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" loading={busy === "html"} disabled={!reason.trim() || busy !== null} onClick={() => void save("html")}>{t("person.disclosePage")}</Button>
            <Button loading={busy === "zip"} disabled={!reason.trim() || busy !== null} onClick={() => void save("zip")}>{t("person.discloseZip")}</Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
