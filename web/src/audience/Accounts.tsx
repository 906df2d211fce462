import { Accordion, Alert, Badge, Card, Code, Group, Stack, Table, Text, Title } from "@mantine/core";
import { IconFlask } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { count, country } from "../format";
import { joined } from "../i18n";
import type { AdAccount } from "../types";
import { permissionWords } from "./words";

const example = `ads:
  google_main:
    platform: google
    account: 123-456-7890
    key: /etc/enishi/google.json
  meta_main:
    platform: meta
    account: act_123456789
    token: \${META_TOKEN}
  line_main:
    platform: line`;

/** The accounts at advertising platforms: who receives, on what ground; and how real ones are connected. */
export function Accounts({ accounts }: { accounts: AdAccount[] }) {
  const { t } = useTranslation();
  const simulated = accounts.filter((a) => a.simulated);
  return (
    <Stack gap="sm">
      <div><Title order={2}>{t("audiences.accounts")}</Title><Text size="sm" c="dimmed">{t("audiences.accountsAbout")}</Text></div>
      <Card withBorder padding={0}>
        <div className="scroll">
          <Table verticalSpacing="sm" horizontalSpacing="md">
            <Table.Thead><Table.Tr><Table.Th>{t("audiences.account")}</Table.Th><Table.Th>{t("audiences.recipient")}</Table.Th><Table.Th>{t("audiences.basis")}</Table.Th><Table.Th>{t("audiences.keys")}</Table.Th><Table.Th ta="right">{t("audiences.minimum")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {accounts.map((a) => (
                <Table.Tr key={a.name}>
                  <Table.Td miw={180}><Text size="sm" fw={600}>{a.title}</Text><Group gap={6}><Text size="xs" c="dimmed">{t(`audiences.platform_${a.platform}`, { defaultValue: a.platform })}</Text>{a.simulated && <Simulated />}</Group></Table.Td>
                  <Table.Td miw={160}>{a.recipient}<Text size="xs" c="dimmed">{country(a.country)}</Text></Table.Td>
                  <Table.Td miw={200}>{t(`audiences.basis_${a.basis}`)}<Text size="xs" c="dimmed">{permissionWords(t, a.consent)}</Text></Table.Td>
                  <Table.Td miw={160}><Text size="xs">{joined(a.keys.map((k) => t(`audiences.key_${k}`)))}</Text></Table.Td>
                  <Table.Td ta="right" className="num">{count(a.minimum)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      </Card>
      {simulated.length > 0 && (
        <Alert color="blue" icon={<IconFlask />} title={simulated.length === accounts.length ? t("audiences.allSimulated") : undefined}>
          {simulated.length < accounts.length ? t("audiences.someSimulated") : (
            <Stack gap="sm">
              <Text size="sm">{t("audiences.allSimulatedText")}</Text>
              <Accordion variant="contained"><Accordion.Item value="config"><Accordion.Control>{t("audiences.config")}</Accordion.Control><Accordion.Panel><Code block tabIndex={0}>{example}</Code><Text size="xs" mt="sm">{t("audiences.configText")}</Text></Accordion.Panel></Accordion.Item></Accordion>
            </Stack>
          )}
        </Alert>
      )}
    </Stack>
  );
}

export function Simulated() {
  const { t } = useTranslation();
  return <Badge variant="outline" color="gray" size="sm">{t("audiences.simulated")}</Badge>;
}
