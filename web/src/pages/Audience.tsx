import { ActionIcon, Alert, Anchor, Badge, Button, Card, Grid, Group, Menu, SimpleGrid, Stack, Table, Tabs, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconDots } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { request, useApi } from "../api";
import { Simulated } from "../audience/Accounts";
import { Forecast, ForecastCard, LeftOut } from "../audience/Forecast";
import { Calls, Runs } from "../audience/History";
import { Law } from "../audience/Law";
import { Narrowcasts } from "../audience/Narrowcasts";
import { Upload } from "../audience/Upload";
import { useForecast } from "../audience/useForecast";
import { fixWords, scheduleWords, stateColour } from "../audience/words";
import { ago, count, instant, short } from "../format";
import { actor, joined, pick, sentences } from "../i18n";
import { modals, tell, told } from "../parts/confirm";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";
import type { AdAccount, AudiencePage } from "../types";

/** How an audience stands at its platform, what is the matter with it, and what was told. */
export function Audience() {
  const { t } = useTranslation();
  const go = useNavigate();
  const { name = "" } = useParams();
  const [params, setParams] = useSearchParams();
  const got = useApi("/audiences/{name}", { path: { name } }, { refetchInterval: 3_000 });
  const accounts = useApi("/ad-accounts", {}, { staleTime: 60_000 });
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const [busy, setBusy] = useState(false);
  if (got.error && !got.data) return <Page title={t("nav.audiences")}><ProblemBox error={got.error} retry={() => void got.refetch()} /></Page>;
  if (!got.data) return <Loading lines={8} />;
  const a = got.data;
  const account = accounts.data?.items.find((x) => x.name === a.body.destination);
  const may = session.data?.role === "approver" || session.data?.role === "admin";
  const act = async (doing: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await doing();
      void got.refetch();
    } catch (e) {
      tell(e);
    }
    setBusy(false);
  };
  const put = (paused: boolean) => request("put", "/audiences/{name}", { path: { name }, body: { ...a.body, paused, expect: a.version } });
  const pause = async () => { if (await modals.confirm(t("audiences.pauseTitle", { name: a.body.title }), t("audiences.pauseText", { n: count(a.in_list) }), t("audiences.pause"))) await act(() => put(true)); };
  const resume = () => act(async () => { await put(false); told(t("audiences.resumed")); });
  const sync = () => act(async () => { await request("post", "/audiences/{name}/sync", { path: { name } }); told(t("audiences.syncing")); });
  const remove = async () => {
    if (!(await modals.confirm(t("audiences.deleteTitle", { name: a.body.title }), t("audiences.deleteText", { account: a.destination_title, n: count(a.in_list) }), t("audiences.deleteDo")))) return;
    try {
      await request("delete", "/audiences/{name}", { path: { name }, query: { expect: a.version } });
      void go("/audiences");
    } catch (e) {
      tell(e);
    }
  };
  const line = a.platform === "line";
  const tab = ["runs", "calls", ...(line ? ["sends"] : [])].find((x) => x === params.get("tab")) ?? "now";
  return (
    <Page title={<Group gap="sm"><span>{a.body.title}</span><Badge variant="light" color={stateColour(a)}>{pick(a.state_label)}</Badge>{a.simulated && <Simulated />}</Group>}
      about={<><Anchor component={Link} to={`/segments/${a.body.segment}`} underline="always" inherit>{pick(a.segment_title)}</Anchor> → {joined([a.destination_title, t(`audiences.use_${a.body.use || "include"}`)])}</>}
      actions={may && (
        <Group gap="sm">
          <Button size="xs" loading={busy} disabled={!account} onClick={() => void sync()}>{t("audiences.syncNow")}</Button>
          {a.body.paused ? <Button size="xs" variant="light" disabled={busy} onClick={() => void resume()}>{t("audiences.resume")}</Button> : <Button size="xs" variant="default" disabled={busy} onClick={() => void pause()}>{t("audiences.pause")}</Button>}
          <Button size="xs" variant="default" component={Link} to={`/audiences/${name}/edit`}>{t("audiences.edit")}</Button>
          <Menu position="bottom-end" withinPortal><Menu.Target><ActionIcon variant="default" size={30} aria-label={t("moreActions")}><IconDots size={16} aria-hidden /></ActionIcon></Menu.Target><Menu.Dropdown><Menu.Item color="red" onClick={() => void remove()}>{t("audiences.delete")}</Menu.Item></Menu.Dropdown></Menu>
        </Group>
      )}>
      {a.problem && (
        <Alert color={stateColour(a)} icon={<IconAlertTriangle />} title={t(`audiences.problem_${a.problem.class}`)}>
          <Text size="sm">{pick(a.problem.text)}</Text>
          <Text size="sm" mt={4}>{sentences(fixWords(t, a.problem), a.problem.until ? t("audiences.until", { at: short(a.problem.until) }) : "")}</Text>
        </Alert>
      )}
      {a.upload ? <Upload of={a.upload} name={name} account={a.destination_title} people={a.in_list} may={may} done={() => void got.refetch()} /> : a.notice && <Alert color="blue">{pick(a.notice)}</Alert>}
      <SimpleGrid cols={{ base: 2, sm: 3, md: 5 }} spacing="md">
        <Link to={`/people?segment=${a.body.segment}`} className="plain"><Figure label={t("audiences.wanted")} value={a.last_at || a.in_list > 0 ? count(a.wanted) : "—"} note={t("audiences.wantedNote")} /></Link>
        <Figure label={t("audiences.inList")} value={count(a.in_list)} note={a.unnamed > 0 ? t("audiences.rejectedUnnamed", { n: count(a.rejected), m: count(a.unnamed) }) : a.rejected > 0 ? t("audiences.rejectedNote", { n: count(a.rejected) }) : t("audiences.inListNote")} />
        <Figure label={t("audiences.matched")} value={count(a.matched)} note={a.matched == null ? t("audiences.matchedUnknown") : undefined} />
        <Figure label={t("audiences.lastAt")} value={<span style={{ whiteSpace: "normal" }}>{ago(a.last_at)}</span>} note={joined([scheduleWords(t, a.body), a.next_at && !a.body.paused && t("audiences.nextAt", { at: short(a.next_at) })])} />
        <Figure label={t("audiences.calls")} value={t("audiences.nTimes", { n: count(a.calls_today) })} note={a.calls_per_day > 0 ? t("audiences.callsOf", { n: count(a.calls_per_day) }) : t("audiences.callsNoLimit")} />
      </SimpleGrid>
      <Tabs value={tab} onChange={(v) => setParams((p) => { if (v && v !== "now") p.set("tab", v); else p.delete("tab"); return p; }, { replace: true })} keepMounted={false}>
        <Tabs.List mb="md"><Tabs.Tab value="now">{t("audiences.tabNow")}</Tabs.Tab><Tabs.Tab value="runs">{t("audiences.tabRuns")}</Tabs.Tab><Tabs.Tab value="calls">{t("audiences.tabCalls")}</Tabs.Tab>{line && <Tabs.Tab value="sends">{t("narrowcasts.tab")}</Tabs.Tab>}</Tabs.List>
        <Tabs.Panel value="now"><Now audience={a} account={account} /></Tabs.Panel>
        <Tabs.Panel value="runs"><Runs runs={a.runs} /></Tabs.Panel>
        <Tabs.Panel value="calls"><Calls calls={a.calls} /></Tabs.Panel>
        {line && <Tabs.Panel value="sends"><Narrowcasts audience={a} may={may} /></Tabs.Panel>}
      </Tabs>
    </Page>
  );
}

function Now({ audience: a, account }: { audience: AudiencePage; account?: AdAccount }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const forecast = useForecast(open ? a.body : undefined, a.name);
  const who = <Button size="compact-sm" variant="light" onClick={() => setOpen(!open)} aria-expanded={open}>{t(open ? "audiences.whoHide" : "audiences.whoNow")}</Button>;
  const facts: [string, React.ReactNode][] = [
    [t("audiences.segment"), <Anchor key="s" component={Link} to={`/segments/${a.body.segment}`} size="sm">{pick(a.segment_title)}</Anchor>],
    [t("audiences.account"), a.destination_title],
    [t("audiences.use"), t(`audiences.use_${a.body.use || "include"}`)],
    [t("audiences.keys"), joined((a.body.keys ?? []).filter((k) => !account || account.keys.includes(k)).map((k) => t(`audiences.key_${k}`)))],
    [t("audiences.schedule"), scheduleWords(t, a.body)],
    [t("audiences.minimum"), t("audiences.n", { n: count(Math.max(a.body.minimum ?? 0, account?.minimum ?? 0)) })],
    ...(a.remote ? [[t("audiences.listId"), <span key="r" className="mono" style={{ overflowWrap: "anywhere" }}>{a.remote}</span>] as [string, React.ReactNode]] : []),
    [t("audiences.updated"), joined([instant(a.updated_at), actor(a.actor)])],
  ];
  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack gap="md">
          <Card withBorder padding="lg">
            <Title order={2} mb="sm">{t("audiences.leftOut")}</Title>
            {a.left_out.length > 0 ? <LeftOut rows={a.left_out} /> : <Text size="sm" c="dimmed">{t(a.last_at ? "audiences.nobodyLeftOut" : "audiences.noRunYet")}</Text>}
          </Card>
          {a.refused.length > 0 && (
            <Card withBorder padding="lg">
              <Title order={2} mb="sm">{t("audiences.refusedTitle")}</Title>
              <Stack gap="sm">
                {a.refused.map((r) => (
                  <div key={r.reason}>
                    <Group justify="space-between" gap="sm"><Text size="sm" fw={600}>{pick(r.label)}</Text><Text size="xs" c="dimmed" className="num">{joined([t("audiences.refusedCount", { n: count(r.count) }), t("audiences.refusedLast", { at: short(r.last_at) })])}</Text></Group>
                    <Text size="sm">{t("audiences.andFix")}: {pick(r.fix)}</Text>
                    {r.people.length > 0 && <Group gap="sm">{r.people.map((p) => <Anchor key={p.id} component={Link} to={`/people/${p.id}`} size="sm">{p.name || t("person.unnamed")}</Anchor>)}</Group>}
                  </div>
                ))}
              </Stack>
            </Card>
          )}
          <ForecastCard title={t("audiences.forecastNow")} about={t("audiences.forecastAbout")} action={account && who}>
            {open && forecast.error && <ProblemBox error={forecast.error} />}
            {open && !forecast.data && !forecast.error && <Loading lines={4} />}
            {open && forecast.data && !forecast.error && <Forecast of={forecast.data} account={account} fresh={!a.remote} paused={a.body.paused} brief />}
          </ForecastCard>
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Stack gap="md">
          <Card withBorder padding="lg">
            <Title order={2} mb="sm">{t("audiences.settings")}</Title>
            <Table verticalSpacing={4} withRowBorders={false}><Table.Tbody>{facts.map(([label, value]) => <Table.Tr key={label}><Table.Th scope="row" pl={0} w={130}><Text size="xs" c="dimmed" fw={400}>{label}</Text></Table.Th><Table.Td pr={0}>{value}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
          </Card>
          {account && <Law account={account} />}
        </Stack>
      </Grid.Col>
    </Grid>
  );
}
