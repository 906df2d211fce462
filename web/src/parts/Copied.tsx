import { Button, Code, CopyButton, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** A value to be set or printed elsewhere, with a button that copies it. */
export function Copied({ label, value }: { label: string; value: string }) {
  const { t } = useTranslation();
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start">
      <Text size="xs" c="dimmed" w={48} pt={6} style={{ flexShrink: 0 }}>{label}</Text>
      <Code block style={{ flex: 1, overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{value}</Code>
      <CopyButton value={value}>{({ copied, copy }) => <Button size="compact-sm" variant="light" onClick={copy} style={{ flexShrink: 0 }} aria-label={copied ? undefined : t("sender.copyWhat", { what: label })}>{t(copied ? "sender.copied" : "sender.copy")}</Button>}</CopyButton>
    </Group>
  );
}
