import { Card, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { clock, count, short } from "../format";
import { joined, pick } from "../i18n";
import { Empty } from "../parts/Page";
import type { AudiencePage } from "../types";

/** The runs of an audience, the newest first. */
export function Runs({ runs }: { runs: AudiencePage["runs"] }) {
  const { t } = useTranslation();
  if (runs.length === 0) return <Empty title={t("audiences.noRuns")} />;
  return (
    <Card withBorder padding={0}>
      <div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("audiences.runBegan")}</Table.Th><Table.Th>{t("audiences.runEnded")}</Table.Th><Table.Th ta="right">{t("audiences.wanted")}</Table.Th><Table.Th ta="right">{t("audiences.inList")}</Table.Th><Table.Th ta="right">{t("audiences.runAdded")}</Table.Th><Table.Th ta="right">{t("audiences.runRemoved")}</Table.Th><Table.Th ta="right">{t("audiences.runRefreshed")}</Table.Th><Table.Th ta="right">{t("audiences.runRejected")}</Table.Th><Table.Th ta="right">{t("audiences.tabCalls")}</Table.Th><Table.Th>{t("audiences.runResult")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {runs.map((r) => (
              <Table.Tr key={r.began_at}>
                <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{short(r.began_at)}</Table.Td>
                <Table.Td className="num">{r.ended_at ? clock(r.ended_at) : "—"}</Table.Td>
                {[r.wanted, r.in_list, r.added, r.removed, r.refreshed, r.rejected, r.calls].map((n, i) => <Table.Td key={i} ta="right" className="num">{count(n)}</Table.Td>)}
                <Table.Td miw={180}><Text size="sm">{r.problem ? pick(r.problem.text) : joined([t(r.ended_at ? "audiences.runOk" : "audiences.runOpen"), r.rebuilt && t("audiences.runRebuilt")])}</Text></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}

/** The calls that changed the list, the newest first. */
export function Calls({ calls }: { calls: AudiencePage["calls"] }) {
  const { t } = useTranslation();
  if (calls.length === 0) return <Empty title={t("audiences.noCallsYet")} />;
  return (
    <Card withBorder padding={0}>
      <div className="scroll">
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("audiences.callAt")}</Table.Th><Table.Th>{t("audiences.callOp")}</Table.Th><Table.Th ta="right">{t("audiences.callPeople")}</Table.Th><Table.Th ta="right">{t("audiences.callKeys")}</Table.Th><Table.Th ta="right">{t("audiences.callAccepted")}</Table.Th><Table.Th ta="right">{t("audiences.runRejected")}</Table.Th><Table.Th>{t("audiences.callState")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {calls.map((c) => (
              <Table.Tr key={c.id}>
                <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{short(c.at)}</Table.Td>
                <Table.Td>{t(`audiences.op_${c.op}`)}</Table.Td>
                {[c.people, c.keys].map((n, i) => <Table.Td key={i} ta="right" className="num">{count(n)}</Table.Td>)}
                {[c.accepted, c.rejected].map((n, i) => <Table.Td key={i} ta="right" className="num">{c.state === "done" ? count(n) : "—"}</Table.Td>)}
                <Table.Td miw={180}><Text size="sm">{joined([t(`audiences.call_${c.state}`), c.tries > 1 && t("audiences.tries", { n: c.tries })])}</Text>{pick(c.why) && <Text size="xs" c="dimmed">{pick(c.why)}</Text>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}
