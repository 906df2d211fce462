import { Alert, Badge, Button, Card, Group, Image, Progress, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { address, request, useApi } from "../api";
import { ago, count, day, month, percent, short } from "../format";
import { joined, pick } from "../i18n";
import type { AccountSettings, SourceSettings } from "../line/accounts";
import { modals, tell } from "../parts/confirm";
import { Copied } from "../parts/Copied";
import { LineAccountForm, Secrets } from "../parts/LineAccountForm";
import { LineSourceForm } from "../parts/LineSourceForm";
import { LineTabs } from "../parts/LineTabs";
import { Empty, Figure, Loading, Page, ProblemBox } from "../parts/Page";
import type { LineAccount, LineSource } from "../types";

// A quota of which nothing is known is never green.
const colour = { ok: "teal", warn: "orange", high: "red", out: "red", unknown: "gray" } as const;

const titleOf = (a: LineAccount) => pick(a.title) || a.basic_id || a.name;

/** The official accounts: who is reached by them, what the month has left, and how people find them. */
export function LineAccounts() {
  const { t } = useTranslation();
  // A comparison is followed closely; else the page keeps up with what leaves.
  const accounts = useApi("/line/accounts", {}, { refetchInterval: (q) => (q.state.data?.items.some((a) => a.sync.state === "running") ? 1_000 : 30_000) });
  const sources = useApi("/line/sources", {}, { refetchInterval: 30_000 });
  const setting = useApi("/settings/{name}", { path: { name: "line" } });
  const sourceSetting = useApi("/settings/{name}", { path: { name: "line_sources" } });
  const [account, setAccount] = useState<AccountSettings | "new" | null>(null);
  const [source, setSource] = useState<SourceSettings | "new" | null>(null);
  const rows = accounts.data?.items;
  const saved = (setting.data?.body as { accounts?: AccountSettings[] } | undefined)?.accounts ?? [];
  const kept = (sourceSetting.data?.body as { sources?: SourceSettings[] } | undefined)?.sources ?? [];
  // Of these the configuration has no secrets yet: they neither send nor listen.
  const waiting = rows ? saved.filter((x) => !rows.some((a) => a.name === x.name)) : [];
  const edit = (a: LineAccount) => setAccount(saved.find((x) => x.name === a.name) ?? { name: a.name, title: a.title });
  const configured = (name: string) => !!rows?.some((a) => a.name === name && !a.simulated);
  const newSource = <Button size="xs" variant="default" disabled={!sourceSetting.data} onClick={() => setSource("new")}>{t("sourceForm.new")}</Button>;
  return (
    <Page title={t("nav.outbox")} about={t("lineAccounts.about")} actions={<Button size="xs" disabled={!setting.data} onClick={() => setAccount("new")}>{t("lineForm.new")}</Button>}>
      <LineTabs at="accounts" />
      {accounts.error && !rows && <ProblemBox error={accounts.error} retry={() => void accounts.refetch()} />}
      {!rows && !accounts.error && <Loading />}
      {setting.error && <ProblemBox error={setting.error} retry={() => void setting.refetch()} />}
      {rows?.length === 0 && waiting.length === 0 && <Empty title={t("lineAccounts.none")}>{t("lineAccounts.noneText")}</Empty>}
      {rows?.map((a) => <Account key={a.name} a={a} edit={setting.data && (() => edit(a))} refetch={() => accounts.refetch()} />)}
      {waiting.map((x) => (
        <Card key={x.name} withBorder padding="lg" component="section" aria-label={pick(x.title)}>
          <Group justify="space-between" mb="sm"><Group gap="sm"><Title order={2} size="h3">{pick(x.title)}</Title><Badge variant="light" color="orange">{t("lineForm.notConfigured")}</Badge></Group><Button size="xs" variant="default" onClick={() => setAccount(x)}>{t("lineForm.change")}</Button></Group>
          <Secrets name={x.name} configured={false} />
        </Card>
      ))}
      {rows && rows.length > 0 && (
        <Stack gap="md" component="section" aria-label={t("lineAccounts.sources")}>
          <Group justify="space-between">
            <div>
              <Title order={2} size="h3">{t("lineAccounts.sources")}</Title>
              <Text size="sm" c="dimmed">{t("lineAccounts.sourcesAbout")}</Text>
            </div>
            {kept.length > 0 && newSource}
          </Group>
          {sources.error && !sources.data && <ProblemBox error={sources.error} retry={() => void sources.refetch()} />}
          {!sources.data && !sources.error && <Loading lines={3} />}
          {sources.data?.items.length === 0 && <Empty title={t("lineAccounts.sourcesNone")} action={newSource}>{t("lineAccounts.sourcesNoneText")}</Empty>}
          {sources.data && sources.data.items.length > 0 && (
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
              {sources.data.items.map((s) => <Source key={s.id} s={s} edit={() => setSource(kept.find((x) => x.id === s.id) ?? null)} account={rows.length > 1 ? rows.find((a) => a.name === s.account) : undefined} />)}
            </SimpleGrid>
          )}
        </Stack>
      )}
      {account && setting.data && <LineAccountForm account={account === "new" ? undefined : account} all={saved} version={setting.data.version} configured={account !== "new" && configured(account.name)} close={() => setAccount(null)} saved={() => { setAccount(null); void setting.refetch(); void accounts.refetch(); }} />}
      {source && sourceSetting.data && <LineSourceForm source={source === "new" ? undefined : source} all={kept} version={sourceSetting.data.version} accounts={rows ?? []} close={() => setSource(null)} saved={() => { setSource(null); void sourceSetting.refetch(); void sources.refetch(); }} />}
    </Page>
  );
}

function Account({ a, edit, refetch }: { a: LineAccount; edit?: () => void; refetch: () => Promise<unknown> }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding="lg" component="section" aria-label={titleOf(a)}>
      <Group gap="sm" mb="md">
        <Title order={2} size="h3">{titleOf(a)}</Title>
        {a.basic_id && a.basic_id !== titleOf(a) && <Text size="sm" c="dimmed" className="mono">{a.basic_id}</Text>}
        {a.simulated && <Badge variant="light" color="gray">{t("lineAccounts.simulated")}</Badge>}
        {edit && <Button size="xs" variant="default" ml="auto" onClick={edit}>{t("lineForm.change")}</Button>}
      </Group>
      <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="md" mb="md">
        <Figure label={t("lineAccounts.friends")} value={count(a.friends)} note={t("lineAccounts.friendsNote")} />
        <Figure label={t("lineAccounts.linked")} value={a.friends > 0 ? percent(a.linked / a.friends) : "—"} note={t("lineAccounts.linkedNote", { n: count(a.linked) })} />
        <Figure label={t("lineAccounts.hook")} value={a.last_webhook ? ago(a.last_webhook) : "—"} note={a.last_webhook ? short(a.last_webhook) : t("lineAccounts.hookNone")} />
      </SimpleGrid>
      {!a.last_webhook && !a.simulated && <Stack gap={6} mb="md"><Text size="sm">{t("lineAccounts.hookNoneText")}</Text><Copied label={t("lineAccounts.hookPath")} value={a.webhook} /></Stack>}
      {a.simulated && <Stack mb="md"><Secrets name={a.name} configured={false} /></Stack>}
      <Quota q={a.quota} />
      <Sync a={a} refetch={refetch} />
    </Card>
  );
}

function Quota({ q }: { q: LineAccount["quota"] }) {
  const { t } = useTranslation();
  const label = t("lineAccounts.quota", { month: month(q.month) });
  return (
    <Stack gap={6} mb="lg" data-quota={q.state}>
      <Group justify="space-between" gap="sm">
        <Text fw={600} size="sm">{joined([label, pick(q.plan)])}</Text>
        {q.state !== "ok" && <Badge variant="light" color={colour[q.state]}>{t(`lineAccounts.state_${q.state}`)}</Badge>}
      </Group>
      {q.limit > 0 && <Progress value={Math.min((q.used / q.limit) * 100, 100)} color={colour[q.state]} size="lg" aria-label={label} />}
      <Text size="sm" className="num" style={{ whiteSpace: "normal" }}>
        {joined([q.limit > 0 ? t("lineAccounts.used", { n: count(q.used), limit: count(q.limit) }) : t("lineAccounts.usedOnly", { n: count(q.used) }), q.limit > 0 && t("lineAccounts.remaining", { n: count(q.remaining) })])}
      </Text>
      {q.state === "out" && <Text size="sm" className="problem">{t("lineAccounts.outText")}</Text>}
      {!q.known ? <Text size="sm">{t("lineAccounts.notKnown")}</Text> : q.limit === 0 && <Text size="sm">{t("lineAccounts.unknownText")}</Text>}
      <Text size="xs" c="dimmed">
        {joined([q.waiting > 0 && t("lineAccounts.waiting", { n: count(q.waiting) }), q.reserve > 0 && t("lineAccounts.reserve", { n: count(q.reserve) }), t("lineAccounts.until", { at: day(q.until) }), q.asked_at && t("lineAccounts.asked", { at: short(q.asked_at) })])}
      </Text>
    </Stack>
  );
}

function Sync({ a, refetch }: { a: LineAccount; refetch: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const s = a.sync;
  const begin = async (force: boolean) => {
    setBusy(true);
    try {
      await request("post", "/line/accounts/{name}/sync", { path: { name: a.name }, body: { force } });
    } catch (e) {
      tell(e);
    }
    await refetch();
    setBusy(false);
  };
  const force = async () => {
    if (await modals.confirm(t("lineAccounts.forceTitle"), t("lineAccounts.forceText", { name: titleOf(a) }), t("lineAccounts.force"))) await begin(true);
  };
  return (
    <Stack gap="sm" align="flex-start">
      <Button variant="default" size="sm" loading={busy || s.state === "running"} onClick={() => void begin(false)}>{t("lineAccounts.sync")}</Button>
      <Text size="xs" c="dimmed" maw={720}>{t("lineAccounts.syncText")}</Text>
      <div role="status" style={{ width: "100%" }}>
        {s.state === "running" && (
          <Stack gap={6}>
            <Progress value={a.friends > 0 ? Math.min((s.listed / a.friends) * 100, 100) : 100} animated aria-label={t("lineAccounts.sync")} />
            <Text size="sm">{t("lineAccounts.running", { n: count(s.listed) })}</Text>
          </Stack>
        )}
        {s.state === "done" && <Text size="sm">{t("lineAccounts.done", { at: short(s.ended_at), listed: count(s.listed), added: count(s.added), gone: count(s.gone) })}</Text>}
        {s.state === "failed" && (
          <Alert color="red" title={t("lineAccounts.syncFailed")}>
            {pick(s.problem)}
            {s.doubted && <Button display="block" mt="sm" size="xs" variant="light" color="red" onClick={() => void force()}>{t("lineAccounts.force")}</Button>}
          </Alert>
        )}
      </div>
    </Stack>
  );
}

/** A way by which people become friends: what is printed, and who came by it. */
function Source({ s, edit, account }: { s: LineSource; edit: () => void; account?: LineAccount }) {
  const { t } = useTranslation();
  const name = pick(s.title) || s.id;
  const qr = (format: "svg" | "png") => address("/line/sources/{name}/qr", { path: { name: s.id }, query: { format } });
  return (
    <Card withBorder padding="lg" component="article" aria-label={name}>
      <Group gap="lg" align="flex-start">
        <Stack gap={6} align="center">
          {/* A scanner needs dark on light, in the dark theme as well. */}
          <Image src={qr("svg")} w={132} h={132} p={6} bg="white" radius="md" alt={t("lineAccounts.qr", { name })} loading="lazy" />
          <Group gap={4}>{(["png", "svg"] as const).map((f) => <Button key={f} component="a" href={qr(f)} download={`line-${s.id}.${f}`} size="compact-xs" variant="subtle">{t(f === "png" ? "lineAccounts.png" : "lineAccounts.svg")}</Button>)}</Group>
        </Stack>
        <Stack gap="sm" style={{ flex: 1, minWidth: 200 }}>
          <div>
            <Group gap="sm"><Title order={3} size="h4">{name}</Title><Badge variant="light" color="gray">{t(`lineAccounts.kind_${s.kind}`)}</Badge><Button size="compact-xs" variant="subtle" onClick={edit} aria-label={t("sourceForm.editOf", { name })}>{t("lineForm.change")}</Button></Group>
            {account && <Text size="xs" c="dimmed">{titleOf(account)}</Text>}
          </div>
          {s.counted ? (
            <Group gap="lg">
              {([[t("lineAccounts.came"), s.came], [t("lineAccounts.nowFriends"), s.friends], [t("lineAccounts.nowLinked"), s.linked]] as const).map(([label, n]) => (
                <div key={label}><Text size="xs" c="dimmed">{label}</Text><Text fw={700} className="num">{count(n)}</Text></div>
              ))}
            </Group>
          ) : <Text size="xs" c="dimmed">{t("lineAccounts.uncounted")}</Text>}
        </Stack>
      </Group>
      <Group mt="md" display="block"><Copied label={t("lineAccounts.url")} value={s.url} /></Group>
    </Card>
  );
}
