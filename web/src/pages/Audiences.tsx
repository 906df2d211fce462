import { Anchor, Badge, Button, Card, Group, Table, Text } from "@mantine/core";
import { IconFlask } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { Accounts, Simulated } from "../audience/Accounts";
import { stateColour } from "../audience/words";
import { ago, count, instant } from "../format";
import { pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import type { Audience } from "../types";

/** Segments on advertising platforms. */
export function Audiences() {
  const { t } = useTranslation();
  const list = useApi("/audiences", {}, { refetchInterval: 3_000 });
  const accounts = useApi("/ad-accounts", {}, { staleTime: 60_000 });
  const items = list.data?.items ?? [];
  const make = <Button size="xs" component={Link} to="/audiences/new">{t("audiences.new")}</Button>;
  return (
    <Page title={t("nav.audiences")} about={t("audiences.about")} actions={items.length > 0 && make}>
      {list.error && !list.data && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {!list.data && !list.error && <Loading />}
      {list.data && items.length === 0 && <Empty title={t("audiences.none")} action={make}>{t("audiences.noneText")}</Empty>}
      {items.length > 0 && items.every((a) => a.simulated) && <Group gap={6} wrap="nowrap" c="dimmed"><IconFlask size={16} aria-hidden style={{ flexShrink: 0 }} /><Text size="sm">{t("audiences.nothingLeaves")}</Text></Group>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("audiences.name")}</Table.Th><Table.Th>{t("audiences.account")}</Table.Th><Table.Th ta="right">{t("audiences.wanted")}</Table.Th><Table.Th ta="right">{t("audiences.inList")}</Table.Th><Table.Th ta="right">{t("audiences.matched")}</Table.Th><Table.Th>{t("audiences.lastAt")}</Table.Th><Table.Th>{t("audiences.state")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((a) => <Row key={a.name} audience={a} />)}</Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {accounts.error && !accounts.data && <ProblemBox error={accounts.error} retry={() => void accounts.refetch()} />}
      {accounts.data && <Accounts accounts={accounts.data.items} />}
    </Page>
  );
}

function Row({ audience: a }: { audience: Audience }) {
  const { t } = useTranslation();
  return (
    <Table.Tr>
      <Table.Td miw={220}>
        <Anchor component={Link} to={`/audiences/${a.name}`} fw={600}>{a.body.title}</Anchor>
        <Text size="xs" c="dimmed">{t(`audiences.use_${a.body.use || "include"}`)}{t("sep")}<Anchor component={Link} to={`/segments/${a.body.segment}`} underline="always" inherit>{pick(a.segment_title)}</Anchor></Text>
        <Group gap={6} mt={4} hiddenFrom="sm"><Badge size="sm" variant="light" color={stateColour(a)}>{pick(a.state_label)}</Badge><Text size="xs" className="num">{t("audiences.inListOf", { n: count(a.in_list), of: count(a.wanted) })}</Text></Group>
      </Table.Td>
      <Table.Td miw={160}><Text size="sm">{a.destination_title}</Text>{a.simulated && <Simulated />}</Table.Td>
      <Table.Td ta="right" className="num">{a.last_at || a.in_list > 0 ? count(a.wanted) : "—"}</Table.Td>
      <Table.Td ta="right" className="num">{count(a.in_list)}</Table.Td>
      <Table.Td ta="right" className="num">{count(a.matched)}</Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}><Text size="sm" title={instant(a.last_at)}>{ago(a.last_at)}</Text></Table.Td>
      <Table.Td miw={180}><Group gap={4}><Badge variant="light" color={stateColour(a)}>{pick(a.state_label)}</Badge></Group>{a.problem && <Text size="xs" c="dimmed" lineClamp={2} maw={280}>{pick(a.problem.text)}</Text>}</Table.Td>
    </Table.Tr>
  );
}
