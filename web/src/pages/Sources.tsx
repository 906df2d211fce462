import { Anchor, Badge, Button, Card, Group, NumberInput, Stack, Switch, Table, Text } from "@mantine/core";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { ago, count } from "../format";
import { pick } from "../i18n";
import { Connections } from "../parts/Connections";
import { DataTabs } from "../parts/DataTabs";
import { FormModal, fieldProblem } from "../parts/FormModal";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { Spark } from "../parts/Spark";
import type { Source } from "../types";

const colours: Record<Source["state"], string> = { ok: "teal", silent: "red", refused: "red", quiet: "gray", ended: "gray" };

/** Where events come from: whether they still do, how many, and what could not be taken. */
export function Sources() {
  const { t } = useTranslation();
  const [alarm, setAlarm] = useState<Source | null>(null);
  const [open, setOpen] = useState("");
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const all = useApi("/sources", {}, { refetchInterval: 10_000 });
  const items = all.data?.items ?? [];
  const may = session.data?.role === "approver" || session.data?.role === "admin";
  return (
    <Page title={t("nav.data")} about={t("sources.about")} through={all.data?.complete_through}>
      <DataTabs at="/sources" />
      <Connections />
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading />}
      {all.data && items.length === 0 && <Empty title={t("sources.none")} action={<Button component={Link} to="/settings" variant="default" size="xs">{t("live.toKeys")}</Button>}>{t("sources.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md">
              <Table.Thead><Table.Tr><Table.Th>{t("sources.source")}</Table.Th><Table.Th>{t("sources.state")}</Table.Th><Table.Th>{t("sources.last")}</Table.Th><Table.Th ta="right">{t("sources.hour")}</Table.Th><Table.Th ta="right">{t("sources.day")}</Table.Th><Table.Th>{t("sources.perHour")}</Table.Th><Table.Th ta="right">{t("sources.refused")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((s) => (
                  <Fragment key={s.name}>
                    <Table.Tr>
                      <Table.Td><Text size="sm" fw={600}>{pick(s.label)}</Text><Text size="xs" c="dimmed">{t(`sources.kind_${s.kind}`)}</Text></Table.Td>
                      <Table.Td><Badge variant="light" color={colours[s.state]}>{t(`sources.is_${s.state}`)}</Badge></Table.Td>
                      <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{ago(s.last_at)}</Table.Td>
                      <Table.Td ta="right" className="num">{count(s.hour)}</Table.Td>
                      <Table.Td ta="right" className="num">{s.day ? <Anchor component={Link} size="sm" to={`/live?source=${encodeURIComponent(s.name)}`}>{count(s.day)}</Anchor> : 0}</Table.Td>
                      <Table.Td><Spark values={s.per_hour} label={t("sources.perHourOf", { source: pick(s.label) })} /></Table.Td>
                      <Table.Td ta="right" className="num">{s.waiting ? <Anchor component={Link} size="sm" to={`/dead?source=${encodeURIComponent(s.name)}`}>{count(s.waiting)}</Anchor> : 0}</Table.Td>
                      <Table.Td><Button size="compact-xs" variant="default" aria-expanded={open === s.name} aria-label={open === s.name ? undefined : t("sources.more", { source: pick(s.label) })} onClick={() => setOpen(open === s.name ? "" : s.name)}>{open === s.name ? t("close") : t("sources.open")}</Button></Table.Td>
                    </Table.Tr>
                    {open === s.name && <Table.Tr><Table.Td colSpan={8}><Detail source={s} change={may ? () => setAlarm(s) : undefined} /></Table.Td></Table.Tr>}
                  </Fragment>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {alarm && <AlarmForm source={alarm} close={() => setAlarm(null)} done={() => { setAlarm(null); void all.refetch(); }} />}
    </Page>
  );
}

/** What to do, what it brought, and when somebody hears of its silence. */
function Detail({ source: s, change }: { source: Source; change?: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm" py="sm">
      {s.state !== "ok" && <Text size="sm">{s.state === "silent" ? t(`sources.do_${s.kind}`) : t(`sources.what_${s.state}`)}</Text>}
      <Group gap="sm">
        <Text size="sm">{s.alarm.off ? t("sources.alarmOff") : s.learning > 0 ? t("sources.learning", { count: s.learning }) : t("sources.alarmOn", { n: s.minutes })}</Text>
        {change && <Button size="compact-xs" variant="default" onClick={change}>{t("sources.change")}</Button>}
      </Group>
      {s.state !== "ended" && s.learning === 0 && <Text size="xs" c="dimmed">{t("sources.expected", { n: count(Math.round(s.expected)) })}</Text>}
      {s.types.length > 0 && (
        <Table withRowBorders={false} verticalSpacing={2} maw={640}>
          <Table.Thead><Table.Tr><Table.Th>{t("event")}</Table.Th><Table.Th ta="right">{t("sources.day")}</Table.Th><Table.Th ta="right">{t("sources.month")}</Table.Th><Table.Th>{t("sources.last")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {s.types.slice(0, 12).map((x) => (
              <Table.Tr key={x.type}>
                <Table.Td><Anchor component={Link} size="sm" to={`/sources/events?type=${encodeURIComponent(x.type)}`}>{pick(x.label)}</Anchor></Table.Td>
                <Table.Td ta="right" className="num">{x.day ? <Anchor component={Link} size="sm" to={`/live?source=${encodeURIComponent(s.name)}&type=${encodeURIComponent(x.type)}`}>{count(x.day)}</Anchor> : 0}</Table.Td>
                <Table.Td ta="right" className="num">{count(x.month)}</Table.Td><Table.Td className="num">{ago(x.last_at)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  );
}

function AlarmForm({ source: s, close, done }: { source: Source; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [on, setOn] = useState(!s.alarm.off);
  const [minutes, setMinutes] = useState<number | string>(s.minutes);
  const save = async () => {
    await request("put", "/sources/alarm", { body: { source: s.name, off: !on, minutes: on && Number(minutes) !== 30 ? Number(minutes) : 0 } });
    done();
  };
  return (
    <FormModal title={t("sources.alarmOf", { source: pick(s.label) })} action={t("sources.save")} ready={!on || (Number(minutes) >= 5 && Number(minutes) <= 10080)} save={save} close={close}>
      {(error) => (
        <>
          <Switch label={t("sources.tell")} checked={on} onChange={(e) => setOn(e.currentTarget.checked)} />
          {on && <NumberInput label={t("sources.minutes")} description={t("sources.minutesHint")} min={5} max={10080} value={minutes} onChange={setMinutes} error={fieldProblem(error, "minutes")} />}
        </>
      )}
    </FormModal>
  );
}
