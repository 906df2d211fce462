import { Alert, Anchor, Card, Group, SegmentedControl, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { count } from "../format";
import { joined, pick } from "../i18n";
import type { AdAccount, AudienceForecast } from "../types";
import { permissionWords } from "./words";

const kinds = ["add", "remove", "refresh", "leave_out"] as const;

/** Who would be added, taken out and left out, and why. fresh: the audience is new; paused: it stands still; brief: the reasons stand beside it. */
export function Forecast({ of: f, account, fresh, paused, brief }: { of: AudienceForecast; account?: AdAccount; fresh?: boolean; paused?: boolean; brief?: boolean }) {
  const { t } = useTranslation();
  const [what, setWhat] = useState("all");
  const leftOut = f.left_out.reduce((n, r) => n + r.count, 0);
  const missing = f.left_out.find((r) => r.reason === "no_consent")?.count ?? 0;
  const there = kinds.filter((k) => f.some.some((x) => x.what === k));
  const shown = what === "all" || !there.some((k) => k === what) ? f.some : f.some.filter((x) => x.what === what);
  const numbers = [[t("audiences.add"), f.add, ""], [t("audiences.remove"), f.remove, ""], [t("audiences.refresh"), f.refresh, f.refresh > 0 ? t("audiences.refreshNote") : ""], [t("audiences.leaveOut"), leftOut, ""]] as const;
  const few = fresh && f.wanted < f.minimum;
  return (
    <Stack gap="md">
      {f.stale && <Alert color="orange" title={t("audiences.stale")}>{t("audiences.staleText")}</Alert>}
      {few && !f.stale && <Alert color="orange" title={t("audiences.tooSmall")}>{t("audiences.tooSmallText", { n: count(f.wanted), m: count(f.minimum) })}</Alert>}
      {paused && <Alert color="gray">{t("audiences.pausedNow")}</Alert>}
      {f.rebuild && <Alert color="blue" title={t("audiences.rebuild")}>{t("audiences.rebuildText")}</Alert>}
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
        {numbers.map(([k, n, note]) => <div key={k}><Text size="xs" c="dimmed">{k}</Text><Text fw={700} fz={20} className="num" lh={1.4}>{count(n)}</Text>{note && <Text size="xs" c="dimmed">{note}</Text>}</div>)}
      </SimpleGrid>
      <Text size="xs" c="dimmed" className="num">{joined([t("audiences.ofSegment", { n: count(f.segment) }), f.calls > 0 ? t("audiences.inCalls", { n: count(f.calls) }) : t("audiences.noCalls")])}</Text>
      {missing > 0 && account && <Alert color="blue" py="xs">{t(account.platform === "line" ? "audiences.consentMissingLine" : "audiences.consentMissing", { n: count(missing), consent: permissionWords(t, account.consent) })}</Alert>}
      {!brief && f.left_out.length > 0 && (
        <div>
          <Text size="sm" fw={600} mb={4}>{t("audiences.leftOut")}</Text>
          <LeftOut rows={f.left_out} />
        </div>
      )}
      {f.some.length > 0 && (
        <div>
          <Group justify="space-between" gap="sm" mb={4}>
            <Text size="xs" c="dimmed">{t("audiences.firstOnes")}</Text>
            {there.length > 1 && <SegmentedControl size="xs" aria-label={t("audiences.whatHappens")} value={there.some((k) => k === what) ? what : "all"} onChange={setWhat} data={[{ value: "all", label: t("audiences.all") }, ...there.map((k) => ({ value: k, label: t(`audiences.what_${k}`) }))]} />}
          </Group>
          <div className="scroll" style={{ maxHeight: 360 }} tabIndex={0} role="region" aria-label={t("audiences.person")}>
            <Table verticalSpacing={4}>
              <Table.Thead><Table.Tr><Table.Th>{t("audiences.person")}</Table.Th><Table.Th>{t("audiences.whatHappens")}</Table.Th><Table.Th>{t("audiences.why")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {shown.map((x) => (
                  <Table.Tr key={x.what + x.person}>
                    <Table.Td><Anchor component={Link} to={`/people/${x.person}`} size="sm">{x.name || t("person.unnamed")}</Anchor></Table.Td>
                    <Table.Td style={{ whiteSpace: "nowrap" }}>{t(`audiences.what_${x.what}`)}</Table.Td>
                    <Table.Td><Text size="xs">{joined([pick(x.reason), ...[...new Set(x.keys)].map((k) => t(`audiences.key_${k}`))])}</Text></Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </div>
      )}
    </Stack>
  );
}

/** How many are not told, by reason. */
export function LeftOut({ rows }: { rows: AudienceForecast["left_out"] }) {
  return (
    <Table verticalSpacing={4} withRowBorders={false}>
      <Table.Tbody>{[...rows].sort((a, b) => b.count - a.count).map((r) => <Table.Tr key={r.reason}><Table.Td pl={0}>{pick(r.label)}</Table.Td><Table.Td ta="right" className="num" pr={0}>{count(r.count)}</Table.Td></Table.Tr>)}</Table.Tbody>
    </Table>
  );
}

/** A forecast in its card. */
export function ForecastCard({ title, about, children, action }: { title: string; about?: string; children: React.ReactNode; action?: React.ReactNode }) {
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" align="flex-start" gap="sm" mb="sm"><div><Title order={2}>{title}</Title>{about && <Text size="xs" c="dimmed">{about}</Text>}</div>{action}</Group>
      {children}
    </Card>
  );
}
