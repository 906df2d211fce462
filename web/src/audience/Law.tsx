import { Card, Group, List, Text, Title } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { country } from "../format";
import { sentences } from "../i18n";
import type { AdAccount } from "../types";
import { permissionWords } from "./words";

/** On what ground an account is told of people, and what that asks of the shop. */
export function Law({ account }: { account: AdAccount }) {
  const { t } = useTranslation();
  const names = { recipient: account.recipient, country: country(account.country), consent: permissionWords(t, account.consent) };
  return (
    <Card withBorder padding="lg">
      <Group gap={6} mb="sm"><IconScale size={18} aria-hidden /><Title order={2}>{t("audiences.law")}</Title></Group>
      <List size="sm" spacing={6} pr="sm">
        <List.Item>{account.basis === "consent" ? sentences(t("audiences.lawConsent", names), account.country === "JP" ? "" : t("audiences.lawAbroad", names)) : t("audiences.lawProcessor", names)}</List.Item>
        <List.Item>{t("audiences.lawRecord")}</List.Item>
        <List.Item>{t("audiences.lawSensitive")}</List.Item>
      </List>
      {account.rebuilds && <Text size="sm" c="dimmed" mt="sm">{t("audiences.rebuilds")}</Text>}
    </Card>
  );
}
