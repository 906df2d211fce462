import { Anchor, Badge, Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { count, instant } from "../format";
import { joined, pick } from "../i18n";
import { modals, tell } from "../parts/confirm";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { RankingForm, type Ranking } from "../parts/RankingForm";
import { SegmentTabs } from "../parts/SegmentTabs";
import { UsedIn } from "../parts/UsedIn";

/** Rankings: where each rank begins, how many people it has, and when that was computed. */
export function Rankings() {
  const { t } = useTranslation();
  const all = useApi("/rankings", {}, { refetchInterval: 5_000 });
  const items = all.data?.items ?? [];
  const [editing, setEditing] = useState<Ranking | "new" | null>(null);
  const make = <Button size="xs" onClick={() => setEditing("new")}>{t("rankings.new")}</Button>;
  return (
    <Page title={t("nav.segments")} about={t("rankings.about")} actions={make}>
      <SegmentTabs at="rankings" />
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading />}
      {all.data && items.length === 0 && <Empty title={t("rankings.none")} action={make}>{t("rankings.noneText")}</Empty>}
      {items.map((r) => <One key={r.name} ranking={r} edit={() => setEditing(r)} reload={() => void all.refetch()} />)}
      {editing && <RankingForm ranking={editing === "new" ? undefined : editing} taken={items.map((r) => r.name)} close={() => setEditing(null)} saved={() => { setEditing(null); void all.refetch(); }} />}
    </Page>
  );
}

function One({ ranking: r, edit, reload }: { ranking: Ranking; edit: () => void; reload: () => void }) {
  const { t } = useTranslation();
  const full = useApi("/rankings/{name}", { path: { name: r.name } }, { staleTime: 30_000 });
  const compute = async () => {
    try {
      await request("post", "/rankings/{name}/compute", { path: { name: r.name }, body: {} });
      reload();
      void full.refetch();
    } catch (e) {
      tell(e);
    }
  };
  const remove = async () => {
    try {
      if (!(await modals.confirm(t("rankings.deleteTitle"), t("rankings.deleteText", { name: pick(r.title) }), t("rankings.delete")))) return;
      await request("delete", "/rankings/{name}", { path: { name: r.name }, query: { expect: r.version } });
    } catch (e) {
      tell(e); // a segment that names it is said by name
    }
    reload();
  };
  const by = r.by.quantiles ? t("rankings.quantiles", { n: r.by.quantiles }) : r.by.top ? t("rankings.top", { n: count(r.by.top) }) : t("rankings.percentiles", { list: (r.by.percentiles ?? []).join(t("comma")) });
  const begins = (from: string) => (/^\d{4}-\d\d-\d\dT/.test(from) ? instant(from) : from.replace(/\B(?=(\d{3})+(?!\d)(?<!\.\d*))/g, ","));
  const ranks = full.data?.ranks.toReversed() ?? [];
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" align="flex-start" mb="sm">
        <div>
          <Title order={2}>{pick(r.title)}</Title>
          <Text size="sm" c="dimmed">{joined([by, r.computed ? t("rankings.computed", { at: instant(r.computed.at), n: count(r.computed.people) }) : t("rankings.notYet")])}</Text>
        </div>
        <Group gap="sm">{r.computed?.outdated && <Badge color="orange" variant="light">{t("rankings.outdated")}</Badge>}<Button size="xs" variant="default" onClick={() => void compute()}>{t("rankings.compute")}</Button><Button size="xs" variant="default" onClick={edit}>{t("rankings.change")}</Button><Button size="xs" variant="default" onClick={() => void remove()}>{t("rankings.delete")}</Button></Group>
      </Group>
      <Stack gap={0} mb="sm"><Text className="mono" c="dimmed">{r.measure}</Text>{r.among && <Text className="mono" c="dimmed">{r.among}</Text>}{r.used_in.length > 0 && <UsedIn names={r.used_in} />}</Stack>
      {full.error && <ProblemBox error={full.error} retry={() => void full.refetch()} />}
      {ranks.length > 0 && (
        <div className="scroll"><Table verticalSpacing={6}>
          <Table.Thead><Table.Tr><Table.Th>{t("rankings.rank")}</Table.Th><Table.Th>{t("rankings.from")}</Table.Th><Table.Th ta="right">{t("segments.members")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{ranks.map((x) => <Table.Tr key={x.rank}><Table.Td className="num">{x.rank}</Table.Td><Table.Td className="num">{x.from ? t("rankings.begins", { value: begins(x.from) }) : x.rank === 1 ? t("rankings.lowest") : "—"}</Table.Td><Table.Td ta="right" className="num"><Anchor component={Link} to={`/people?where=${encodeURIComponent(`rank(${JSON.stringify(r.name)}) == ${x.rank}`)}`}>{count(x.people)}</Anchor></Table.Td></Table.Tr>)}</Table.Tbody>
        </Table></div>
      )}
    </Card>
  );
}
