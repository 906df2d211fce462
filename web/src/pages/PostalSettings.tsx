import { Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { money } from "../format";
import { joined } from "../i18n";
import { Loading, Page, ProblemBox } from "../parts/Page";
import { PostalAccountForm } from "../parts/PostalAccountForm";
import { PostalTabs } from "../parts/PostalTabs";
import type { PostalAccount } from "../postal/settings";

/** How post is sent, by account: the setting postal. */
export function PostalSettings() {
  const { t } = useTranslation();
  const setting = useApi("/settings/{name}", { path: { name: "postal" } }, { refetchOnWindowFocus: false });
  const [editing, setEditing] = useState<string | null>(null); // "": a new one
  const saved = (setting.data?.body as { accounts?: Record<string, PostalAccount> } | undefined)?.accounts ?? {};
  const names = [...new Set(["default", ...Object.keys(saved)])];
  return (
    <Page title={t("nav.outbox")} about={t("postalForm.about")} actions={<Button size="xs" disabled={!setting.data} onClick={() => setEditing("")}>{t("postalForm.new")}</Button>}>
      <PostalTabs at="settings" />
      {setting.error && !setting.data && <ProblemBox error={setting.error} retry={() => void setting.refetch()} />}
      {!setting.data && !setting.error && <Loading />}
      {setting.data && <Stack gap="md">{names.map((n) => <Account key={n} name={n} a={saved[n] ?? {}} edit={() => setEditing(n)} />)}</Stack>}
      {editing !== null && setting.data && <PostalAccountForm name={editing} account={saved[editing]} all={saved} version={setting.data.version} close={() => setEditing(null)} saved={() => { setEditing(null); void setting.refetch(); }} />}
    </Page>
  );
}

function Account({ name, a, edit }: { name: string; a: PostalAccount; edit: () => void }) {
  const { t } = useTranslation();
  const s = a.schedule;
  const every = s?.every ?? "day";
  const days = every === "week" ? (s?.days ?? []).map((x) => t(`weekday.${x}`)).join(t("sep")) : every === "month" ? (s?.days ?? []).map((n) => t("postalForm.dayNth", { n })).join(t("sep")) : "";
  const rows: [string, string][] = [
    [t("postalForm.part_rhythm"), joined([t(`postalForm.every_${every}`), days, every !== "manual" && (s?.at ?? "18:00"), a.min_pieces ? t("postalForm.least", { n: a.min_pieces }) : ""])],
    [t("postalForm.part_review"), joined([a.approval?.off ? t("postalForm.noApproval") : t("postalForm.approvedBy", { role: t(`role.${a.approval?.role ?? "approver"}`) }), a.hold_hours ? t("postalForm.holds", { n: a.hold_hours }) : ""])],
    [t("postalForm.part_money"), joined([a.cost?.print && t("postalForm.printEach", { amount: money(a.cost.print) }), a.cost?.postage ? t("postalForm.postageEach", { amount: money(a.cost.postage) }) : t("postalForm.postageTable"), a.budget?.batch && t("postalForm.batchMost", { amount: money(a.budget.batch) }), a.budget?.month && t("postalForm.monthMost", { amount: money(a.budget.month) })])],
    [t("postalForm.part_people"), joined([t(`postalForm.household_${a.household ?? "one"}`), a.recent?.pieces ? t("postalForm.recentIs", { n: a.recent.pieces, days: a.recent.days }) : "", a.new_year && t("postalForm.new_year")])],
    [t("postalForm.part_house"), joined([t(`postalForm.kind_${a.delivery?.kind ?? "download"}`), a.delivery?.recipient, a.delivery?.encrypt ? t(`postalForm.encrypt_${a.delivery.encrypt}`) : t("postalForm.encrypt_none"), a.delivery?.pdf && t("postalForm.pdf")])],
    [t("postalForm.part_sender"), joined([a.sender?.name, a.sender?.address]) || t("postalForm.noSender")],
  ];
  return (
    <Card withBorder padding="lg" component="section" aria-label={a.title || name}>
      <Group justify="space-between" mb="sm"><Group gap="sm"><Title order={2}>{a.title || t(name === "default" ? "postalForm.default" : "postalForm.unnamed")}</Title><Text size="xs" c="dimmed" className="mono">{name}</Text></Group><Button size="xs" variant="default" onClick={edit} aria-label={t("postalForm.editOf", { name: a.title || name })}>{t("lineForm.change")}</Button></Group>
      <Table verticalSpacing={4}><Table.Tbody>{rows.map(([label, value]) => <Table.Tr key={label}><Table.Td w={180}><Text size="xs" c="dimmed">{label}</Text></Table.Td><Table.Td>{value}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
    </Card>
  );
}
