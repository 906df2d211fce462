import { Anchor, Card, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, instant } from "../format";
import { actor, pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { PostalTabs } from "../parts/PostalTabs";

/** Who was given which addresses, when and what for: what the law asks of who hands personal data to a contractor (委託). */
export function PostalProvisions() {
  const { t } = useTranslation();
  const [params] = useSearchParams();
  const list = useApi("/postal/provisions", { query: { batch: params.get("batch") ?? undefined, limit: 500 } });
  const items = list.data?.items;
  return (
    <Page title={t("nav.outbox")} about={t("provisions.about")}>
      <PostalTabs at="provisions" />
      {list.error && !items && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {!items && !list.error && <Loading />}
      {items?.length === 0 && <Empty title={t("provisions.none")}>{t("provisions.noneText")}</Empty>}
      {items && items.length > 0 && <Card withBorder padding={0}><div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("provisions.at")}</Table.Th><Table.Th>{t("provisions.recipient")}</Table.Th><Table.Th>{t("provisions.file")}</Table.Th><Table.Th ta="right">{t("postal.pieces")}</Table.Th><Table.Th>{t("provisions.items")}</Table.Th><Table.Th>{t("provisions.who")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((x, i) => (
              <Table.Tr key={i}>
                <Table.Td className="num">{instant(x.at)}</Table.Td>
                <Table.Td>{x.recipient || t("provisions.unnamed")}<Text size="xs" c="dimmed">{pick(x.way_label)}</Text></Table.Td>
                <Table.Td><Anchor component={Link} to={`/postal/${x.batch}?tab=files`} size="sm" className="mono">{x.file}</Anchor><Text size="xs" c="dimmed" className="mono" title={x.sha256}>SHA-256 {x.sha256.slice(0, 12)}…</Text></Table.Td>
                <Table.Td ta="right" className="num">{count(x.pieces)}</Table.Td>
                <Table.Td miw={160}><Text size="xs">{(x.item_labels ?? []).map(pick).join(t("comma"))}</Text></Table.Td>
                <Table.Td>{actor(x.actor)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div></Card>}
    </Page>
  );
}
