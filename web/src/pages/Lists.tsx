import { Anchor, Button, Card, Group, Table, Text } from "@mantine/core";
import { IconFolder } from "@tabler/icons-react";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { useApi } from "../api";
import { count, short } from "../format";
import { actor, pick } from "../i18n";
import { ListForm } from "../parts/ListForm";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { SegmentTabs } from "../parts/SegmentTabs";
import { UsedIn } from "../parts/UsedIn";
import { peopleOn } from "./List";

/** Static lists: people who stay until somebody takes them off. */
export function Lists() {
  const { t } = useTranslation();
  const go = useNavigate();
  const [making, setMaking] = useState(false);
  const all = useApi("/lists", {}, { refetchInterval: 5_000 });
  const items = all.data?.items ?? [];
  const folders = [...new Set(items.map((l) => l.folder))].sort((a, b) => Number(!a) - Number(!b) || a.localeCompare(b, "ja"));
  const make = <Button size="xs" onClick={() => setMaking(true)}>{t("lists.new")}</Button>;
  return (
    <Page title={t("nav.segments")} about={t("lists.about")} actions={make}>
      <SegmentTabs at="lists" />
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading />}
      {all.data && items.length === 0 && <Empty title={t("lists.none")} action={make}>{t("lists.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("segments.name")}</Table.Th><Table.Th ta="right">{t("segments.members")}</Table.Th><Table.Th>{t("lists.usedIn")}</Table.Th><Table.Th>{t("segments.owner")}</Table.Th><Table.Th>{t("lists.changed")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {folders.map((f) => (
                  <Fragment key={f}>
                    {(f !== "" || folders.length > 1) && <Table.Tr className="folder"><Table.Th colSpan={5} scope="colgroup"><Group gap={6}>{f && <IconFolder size={16} aria-hidden />}<Text size="sm" fw={700}>{f || t("segments.noFolder")}</Text></Group></Table.Th></Table.Tr>}
                    {items.filter((l) => l.folder === f).map((l) => (
                      <Table.Tr key={l.name}>
                        <Table.Td miw={200}><Anchor component={Link} to={`/segments/lists/${l.name}`} fw={600}>{pick(l.title)}</Anchor><Text size="xs" c="dimmed" lineClamp={1}>{pick(l.description)}</Text></Table.Td>
                        <Table.Td ta="right" className="num"><Anchor component={Link} to={peopleOn(l.name)}>{count(l.members)}</Anchor></Table.Td>
                        <Table.Td><UsedIn names={l.used_in} /></Table.Td>
                        <Table.Td style={{ whiteSpace: "nowrap" }}><Text size="sm">{actor(l.owner) || "—"}</Text></Table.Td>
                        <Table.Td className="num">{short(l.updated_at)}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Fragment>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {making && <ListForm close={() => setMaking(false)} saved={(name) => void go(`/segments/lists/${name}`)} />}
    </Page>
  );
}
