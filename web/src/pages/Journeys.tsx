import { Anchor, Badge, Button, Card, Table } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { useApi } from "../api";
import { count, short } from "../format";
import { pick } from "../i18n";
import { JourneyGallery } from "../parts/JourneyGallery";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";

export const statusColour: Record<string, string> = { live: "teal", paused: "orange", draft: "gray", in_review: "blue", approved: "blue", archived: "gray" };

/** A name that no journey has: what people read is its title. */
const freshName = () => `journey_${new Date().toISOString().slice(0, 10).replaceAll("-", "")}_${crypto.randomUUID().slice(0, 4)}`;

export function Journeys() {
  const { t } = useTranslation();
  const go = useNavigate();
  const journeys = useApi("/journeys", {}, { refetchInterval: 5_000 });
  const items = journeys.data?.items ?? [];
  return (
    <Page title={t("nav.journeys")} about={t("journeys.about")} through={journeys.data?.complete_through} actions={<Button size="xs" onClick={() => void go(`/journeys/${freshName()}/edit?new=1`)}>{t("journeys.new")}</Button>}>
      {journeys.error && !journeys.data && <ProblemBox error={journeys.error} retry={() => void journeys.refetch()} />}
      {!journeys.data && !journeys.error && <Loading />}
      {journeys.data && items.length === 0 && <Empty title={t("journeys.none")}>{t("journeys.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("journeys.name")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th>{t("journeys.purpose")}</Table.Th><Table.Th ta="right">{t("journeys.entered")}</Table.Th><Table.Th ta="right">{t("journeys.running")}</Table.Th><Table.Th ta="right">{t("journeys.completed")}</Table.Th><Table.Th ta="right">{t("journeys.sent")}</Table.Th><Table.Th>{t("updated")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((j) => (
                  <Table.Tr key={j.name}>
                    <Table.Td miw={200}><Anchor component={Link} to={`/journeys/${j.name}`} fw={600}>{pick(j.title)}</Anchor></Table.Td>
                    <Table.Td><Badge variant="light" color={statusColour[j.status]}>{t(`journeyStatus.${j.status}`)}</Badge></Table.Td>
                    <Table.Td style={{ whiteSpace: "nowrap" }}>{t(`purpose.${j.purpose}`)}</Table.Td>
                    {[j.entered, j.running, j.completed, j.sent].map((n, i) => <Table.Td key={i} ta="right" className="num">{count(n)}</Table.Td>)}
                    <Table.Td className="num">{short(j.updated_at)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {journeys.data && <JourneyGallery taken={items.map((j) => j.name)} />}
    </Page>
  );
}
