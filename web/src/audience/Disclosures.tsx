import { Anchor, Card, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { country, instant } from "../format";
import { joined } from "../i18n";
import { Empty, Loading, ProblemBox } from "../parts/Page";
import { permissionWords } from "./words";

/** Which identifiers of a person advertising platforms were told, when, and on what ground. */
export function Disclosures({ id }: { id: string }) {
  const { t } = useTranslation();
  const list = useApi("/people/{id}/disclosures", { path: { id } });
  const audiences = useApi("/audiences", {}, { staleTime: 60_000 });
  const there = new Set((audiences.data?.items ?? []).map((a) => a.name));
  const items = list.data?.items;
  if (list.error && !items) return <ProblemBox error={list.error} retry={() => void list.refetch()} />;
  if (!items) return <Loading />;
  if (items.length === 0) return <Empty title={t("audiences.noDisclosures")}>{t("audiences.noDisclosuresText")}</Empty>;
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">{t("audiences.disclosuresAbout")}</Text>
      <Card withBorder padding={0}>
        <div className="scroll">
          <Table verticalSpacing="sm" horizontalSpacing="md">
            <Table.Thead><Table.Tr><Table.Th>{t("audiences.dAt")}</Table.Th><Table.Th>{t("audiences.dRecipient")}</Table.Th><Table.Th>{t("audiences.dItems")}</Table.Th><Table.Th>{t("audiences.basis")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {items.slice(0, 1000).map((d) => (
                <Table.Tr key={d.batch + d.op}>
                  <Table.Td miw={190}><span className="num">{instant(d.at)}</span><Text size="xs" c="dimmed">{joined([there.has(d.audience) ? undefined : d.title, t(`audiences.told_${d.op}`)])}</Text>{there.has(d.audience) && <Anchor component={Link} to={`/audiences/${d.audience}`} size="xs">{d.title}</Anchor>}</Table.Td>
                  <Table.Td miw={150}>{d.recipient}<Text size="xs" c="dimmed">{joined([t(`audiences.platform_${d.platform}`, { defaultValue: d.platform }), country(d.country)])}</Text></Table.Td>
                  <Table.Td miw={130}>{joined(d.items.map((k) => t(`audiences.key_${k}`)))}</Table.Td>
                  <Table.Td miw={150}>{t(`audiences.basis_${d.basis}`)}<Text size="xs" c="dimmed">{permissionWords(t, d.purpose)}</Text></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      </Card>
      <Text size="xs" c="dimmed">{t("audiences.dHashed")}{items.length > 1000 && ` ${t("audiences.dLimit")}`}</Text>
    </Stack>
  );
}
