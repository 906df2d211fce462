import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ApiError } from "../api";
import { language } from "../i18n";
import { ProblemBox } from "./Page";

/** What the server says of one field of a form, to stand below it. field is its name, or a part of its path as test.variants[0].subject. */
export const fieldProblem = (error: ApiError | null, field: string): string | undefined => {
  const steps = (path: string) => `.${path.split(/[.[\]]+/).filter(Boolean).join(".")}.`;
  const cause = error?.problem.errors?.find((e) => steps(e.location ?? "").includes(steps(field)));
  return cause && ((language() === "ja" && cause.message_ja) || cause.message);
};

/** A form in a dialog: what it does stands beside the button, what the server refuses stays with what was typed. */
export function FormModal({ title, action, then, ready, save, remove, close, children }: {
  title: string; action: string; then?: string; ready: boolean; save: () => Promise<unknown>; remove?: { label: string; act: () => Promise<unknown> }; close: () => void; children: (error: ApiError | null) => ReactNode;
}) {
  const { t } = useTranslation();
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const attempt = async (what: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await what();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} size="lg" title={<Text fw={700}>{title}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      <form onSubmit={(e) => { e.preventDefault(); if (ready && !busy) void attempt(save); }}>
        <Stack gap="md">
          {children(error)}
          {error && <ProblemBox error={error} />}
          {then && <Text size="sm" c="dimmed">{then}</Text>}
          <Group justify="space-between" gap="sm">
            {remove ? <Button variant="subtle" color="red" disabled={busy} onClick={() => void attempt(remove.act)}>{remove.label}</Button> : <span />}
            <Group gap="sm"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button type="submit" loading={busy} disabled={!ready}>{action}</Button></Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
