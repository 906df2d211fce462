import { Badge, Group, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { count } from "../format";
import { pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";

/** Every trait that people have, with the types that were found: nobody declares one before telling it. */
export function Traits() {
  const { t } = useTranslation();
  const list = useApi("/traits", {}, { staleTime: 30_000 });
  const items = list.data?.items;
  return (
    <Page title={t("traits.title")} about={t("traits.about")} through={list.data?.complete_through}>
      {list.error && !items && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {!items && !list.error && <Loading />}
      {items?.length === 0 && <Empty title={t("traits.nobody")}>{t("traits.nobodyText")}</Empty>}
      {items && items.length > 0 && (
        <Table.ScrollContainer minWidth={560} type="native">
          <Table verticalSpacing="sm">
            <Table.Thead><Table.Tr><Table.Th>{t("traits.name")}</Table.Th><Table.Th>{t("traits.type")}</Table.Th><Table.Th ta="right">{t("traits.people")}</Table.Th><Table.Th ta="right">{t("traits.values")}</Table.Th><Table.Th>{t("traits.examples")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {items.map((x) => (
                <Table.Tr key={x.name}>
                  <Table.Td><Text size="sm" fw={600}>{pick(x.label)}</Text>{pick(x.label) !== x.name && <Text size="xs" c="dimmed" className="mono">{x.name}</Text>}{x.sensitive && <Badge size="xs" color="orange" variant="light">{t("traits.sensitive")}</Badge>}</Table.Td>
                  <Table.Td>{x.types.map((k) => <Text key={k.type} size="sm">{t(`traitType.${k.type}`)}{x.types.length > 1 && t("paren", { text: count(k.people) })}</Text>)}{x.types.length > 1 && <Text size="xs" c="orange.9">{t("traits.mixed")}</Text>}</Table.Td>
                  <Table.Td ta="right" className="num">{count(x.people)}</Table.Td>
                  <Table.Td ta="right" className="num">{count(x.values)}</Table.Td>
                  <Table.Td><Group gap={6}>{x.examples.map((e) => <Text key={e.value} size="sm" c={e.masked ? "dimmed" : undefined} style={{ overflowWrap: "anywhere" }}>{e.value}</Text>)}</Group></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Page>
  );
}
