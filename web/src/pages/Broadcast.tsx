import { Alert, Anchor, Badge, Button, Card, Grid, Group, MultiSelect, Progress, SegmentedControl, Select, SimpleGrid, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, instant, percent, short } from "../format";
import { actor, joined, pick } from "../i18n";
import { modals, tell } from "../parts/confirm";
import { ScheduleFields, TagFields, TestFields } from "../parts/CampaignForm";
import { AgainButton, AgainOf, Occurrences, Variants } from "../parts/CampaignResult";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { Sheet } from "../parts/Sheet";
import type { BroadcastBody, BroadcastPage } from "../types";
import { broadcastColour } from "./Broadcasts";

export function Broadcast() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const fresh = name === "new";
  const [query] = useSearchParams();
  const page = useApi("/broadcasts/{name}", { path: { name } }, { enabled: !fresh, refetchInterval: (q) => (["sending", "scheduled", "paused", "testing"].includes(q.state.data?.status ?? "") ? 1_500 : 10_000) });
  if (fresh) return <Form again={query.get("again") ?? ""} />;
  if (page.error && !page.data) return <Page title={t("broadcast.title")}><ProblemBox error={page.error} retry={() => void page.refetch()} /></Page>;
  if (!page.data) return <Loading lines={8} />;
  return ["draft", "in_review", "approved"].includes(page.data.status) || query.has("edit") ? <Form key={page.data.version} page={page.data} reload={() => void page.refetch()} /> : <Running page={page.data} reload={() => void page.refetch()} />;
}

/** What is sent to whom; then the sheet before sending. */
function Form({ page, reload, again }: { page?: BroadcastPage; reload?: () => void; again?: string }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const segments = useApi("/segments", {}, { staleTime: 30_000 });
  const templates = useApi("/templates", {}, { staleTime: 30_000 });
  const [b, setB] = useState<BroadcastBody>(page?.broadcast ?? { title: { ja: "" }, purpose: "marketing", segment: "", channels: ["email"], templates: {}, send_by: "24h", ...(again && { again: { of: again, not: "clicked" } }) });
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [sheet, setSheet] = useState(false);
  const options = (segments.data?.items ?? []).map((s) => ({ value: s.name, label: `${pick(s.title)}${t("paren", { text: t("broadcast.nPeople", { n: count(s.members) }) })}` }));
  const lists = useApi("/lists", {}, { staleTime: 30_000 });
  const onList = (lists.data?.items ?? []).map((l) => ({ value: `list:${l.name}`, label: `${pick(l.title)}${t("paren", { text: t("broadcast.nPeople", { n: count(l.members) }) })}` }));
  const target = b.list ? `list:${b.list}` : b.segment || null;
  const aim = (v: string | null) => setB({ ...b, segment: v?.startsWith("list:") ? "" : (v ?? ""), list: v?.startsWith("list:") ? v.slice(5) : "" });
  const order = b.channels.join(">");
  const complete = (pick({ ja: b.title.ja ?? "", en: b.title.en ?? "" }) || "").trim() !== "" && (target !== null || !!b.again) && b.channels.every((c) => b.templates[c]);
  const save = async () => {
    setBusy(true);
    const name = page?.name ?? `broadcast_${new Date().toISOString().slice(0, 10).replaceAll("-", "")}_${crypto.randomUUID().slice(0, 4)}`;
    try {
      if (!page || JSON.stringify(page.broadcast) !== JSON.stringify(b)) {
        await request("put", "/broadcasts/{name}", { path: { name }, body: { broadcast: { ...b, templates: Object.fromEntries(b.channels.map((c) => [c, b.templates[c]])) }, expect: page?.version ?? 0 } });
        if (!page) return void go(`/broadcasts/${name}?check=1`, { replace: true });
        reload?.();
      }
      setError(null);
      setSheet(true);
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page title={<Group gap="sm"><span>{page ? pick(page.title) : t("broadcast.new")}</span>{page && <Badge variant="light" color={broadcastColour[page.status]}>{t(`broadcast.status_${page.status}`)}</Badge>}</Group>} actions={page && <Review page={page} reload={() => reload?.()} />}>
      <DeliveryTabs at="broadcasts" />
      <Card withBorder padding="lg" maw={860}>
        <form onSubmit={(e) => { e.preventDefault(); void save(); }}>
          <Stack gap="md">
            <TextInput label={t("content.name")} placeholder={t("content.nameHint")} required value={b.title.ja ?? ""} onChange={(e) => setB({ ...b, title: { ja: e.currentTarget.value, en: e.currentTarget.value } })} />
            <SegmentedControl w="max-content" value={b.purpose || "marketing"} onChange={(v) => setB({ ...b, purpose: v as "marketing" | "transactional" })} data={(["marketing", "transactional"] as const).map((p) => ({ value: p, label: t(`purpose.${p}`) }))} aria-label={t("content.purpose")} />
            {b.again && <><AgainOf name={b.again.of} /><SegmentedControl w="max-content" value={b.again.not} onChange={(v) => setB({ ...b, again: { ...b.again!, not: v } })} data={["clicked", "opened"].map((v) => ({ value: v, label: t(`campaign.not_${v}`) }))} aria-label={t("campaign.again")} /><Text size="xs" c="dimmed">{t("campaign.againHint")}</Text></>}
            <Select label={t("broadcast.segment")} placeholder={t("broadcast.chooseSegment")} required={!b.again} clearable={!!b.again} searchable data={onList.length > 0 ? [{ group: t("nav.segments"), items: options }, { group: t("lists.title"), items: onList }] : options} value={target} onChange={aim} />
            <MultiSelect label={t("broadcast.exclude")} searchable clearable data={options.filter((o) => o.value !== b.segment)} value={b.exclude ?? []} onChange={(v) => setB({ ...b, exclude: v })} />
            <Select label={t("broadcast.order")} description={b.channels.length > 1 ? t("broadcast.orderHint") : undefined} allowDeselect={false} value={order} onChange={(v) => setB({ ...b, channels: v!.split(">") as BroadcastBody["channels"] })} data={["email", "line", "line>email", "email>line"].map((o) => ({ value: o, label: o.split(">").map((c) => t(`channel.${c}`)).join(" → ") }))} />
            {b.channels.map((c) => <Select key={c} label={t("broadcast.template", { channel: t(`channel.${c}`) })} placeholder={t("content.choose")} required searchable data={(templates.data?.items ?? []).filter((x) => x.channel === c).map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} value={b.templates[c] ?? null} onChange={(v) => setB({ ...b, templates: { ...b.templates, [c]: v ?? "" } })} />)}
            {b.channels.includes("email") && !b.test && <TextInput label={t("campaign.subject")} description={t("campaign.subjectHint")} value={b.subject ?? ""} onChange={(e) => setB({ ...b, subject: e.currentTarget.value })} />}
            {!b.again && <ScheduleFields b={b} set={setB} />}
            <TestFields b={b} set={setB} />
            <TagFields b={b} set={setB} />
            <Group gap="md" align="flex-start">
              {!b.schedule && <TextInput type="datetime-local" label={t("broadcast.at")} description={t("broadcast.atHint")} value={local(b.at)} onChange={(e) => { const { at: _, ...rest } = b; setB(e.currentTarget.value ? { ...rest, at: new Date(e.currentTarget.value).toISOString() } : rest); }} />}
              <Select w={200} label={t("broadcast.sendBy")} description={t("broadcast.sendByHint")} allowDeselect={false} value={b.send_by || "24h"} onChange={(v) => setB({ ...b, send_by: v ?? "24h" })} data={["3h", "6h", "12h", "24h", "48h"].map((h) => ({ value: h, label: t("broadcast.hours", { n: h.slice(0, -1) }) }))} />
            </Group>
            {error && <ProblemBox error={error} />}
            <Group justify="flex-end"><Button type="submit" loading={busy} disabled={!complete}>{t("broadcast.check")}</Button></Group>
          </Stack>
        </form>
      </Card>
      {page && (sheet || new URLSearchParams(location.search).has("check")) && <Sheet name={page.name} title={pick(page.title)} close={() => { setSheet(false); void go(`/broadcasts/${page.name}`, { replace: true }); }} sent={() => { void go(`/broadcasts/${page.name}`, { replace: true }); reload?.(); }} />}
    </Page>
  );
}

/** Draft, review, approved: what may be done next. */
function Review({ page: b, reload }: { page: BroadcastPage; reload: () => void }) {
  const { t } = useTranslation();
  const change = async (status: "in_review" | "approved" | "draft") => {
    try {
      await request("post", "/broadcasts/{name}/status", { path: { name: b.name }, body: { status } });
      reload();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Group gap="sm">
      {b.status === "draft" && <Button size="xs" variant="default" onClick={() => void change("in_review")}>{t("campaign.toReview")}</Button>}
      {(b.status === "in_review" || b.status === "approved") && <Button size="xs" variant="default" onClick={() => void change("draft")}>{t("campaign.toDraft")}</Button>}
      {b.status === "in_review" && <Button size="xs" onClick={() => void change("approved")}>{t("campaign.approve")}</Button>}
    </Group>
  );
}

/** An instant as the field for one takes it: in the time of whoever looks at it. */
function local(iso?: string): string {
  if (!iso || iso.startsWith("0001")) return "";
  const d = new Date(iso);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What became of it: how far it is, who got it, who did not and why. */
function Running({ page: b, reload }: { page: BroadcastPage; reload: () => void }) {
  const { t } = useTranslation();
  const share = b.done / Math.max(1, b.of);
  const sent = b.sent.reduce((n, s) => n + s.people, 0);
  const out = b.left_out.reduce((n, s) => n + s.people, 0);
  const templates = useApi("/templates", {}, { staleTime: 60_000 });
  const titles = new Map((templates.data?.items ?? []).map((x) => [x.name, pick(x.title) || x.name]));
  const change = async (status: "paused" | "sending" | "cancelled") => {
    if (status === "cancelled" && !(await modals.confirm(t("broadcast.cancelTitle"), t("broadcast.cancelText"), t("broadcast.cancel")))) return;
    try {
      await request("post", "/broadcasts/{name}/status", { path: { name: b.name }, body: { status } });
      reload();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Page title={<Group gap="sm"><span>{pick(b.title)}</span><Badge variant="light" color={broadcastColour[b.status]}>{t(`broadcast.status_${b.status}`)}</Badge></Group>} actions={
      <Group gap="sm">
        <AgainButton page={b} />
        {b.recurs && ["recurring", "paused"].includes(b.status) && <Button size="xs" variant="default" component={Link} to="?edit=1">{t("campaign.edit")}</Button>}
        {["sending", "scheduled", "recurring", "testing"].includes(b.status) && <Button size="xs" variant="default" onClick={() => void change("paused")}>{t("broadcast.pause")}</Button>}
        {b.status === "paused" && <Button size="xs" onClick={() => void change("sending")}>{t("broadcast.resume")}</Button>}
        {["sending", "scheduled", "paused", "recurring", "testing"].includes(b.status) && <Button size="xs" variant="default" onClick={() => void change("cancelled")}>{t("broadcast.cancel")}</Button>}
      </Group>
    }>
      <DeliveryTabs at="broadcasts" />
      {b.status === "scheduled" && <Alert color="blue">{t("broadcast.starts", { at: instant(b.at) })}</Alert>}
      {(b.status === "sending" || b.status === "paused") && <Card withBorder padding="lg"><Progress value={100 * share} aria-label={t("broadcast.progress")} mb="sm" /><Text size="sm" className="num" role="status">{t("broadcast.decided", { share: percent(share) })}</Text></Card>}
      {b.status === "missed" && <Alert color="red">{t("campaign.missedText")}</Alert>}
      {b.again && <AgainOf name={b.again} />}
      <Occurrences page={b} />
      <Variants page={b} reload={reload} />
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
        <Figure label={t("broadcast.got")} value={count(sent)} note={b.sent.map((s, i) => <span key={s.channel}>{i > 0 && t("sep")}<Anchor component={Link} size="xs" to={`/people?broadcast=${b.name}&by=${s.channel}`}>{t(`channel.${s.channel}`)} {count(s.people)}</Anchor></span>)} />
        <Figure label={t("broadcast.leftOut")} value={count(out)} />
        <Figure label={t("broadcast.states")} value={count(b.states.reduce((n, s) => n + s.messages, 0))} note={joined(b.states.map((s) => `${t(`broadcast.state_${s.state}`, { defaultValue: s.state })} ${count(s.messages)}`))} />
      </SimpleGrid>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Card withBorder padding="lg">
            <Title order={2} mb="sm">{t("broadcast.why")}</Title>
            {b.left_out.length === 0 && <Text size="sm" c="dimmed">{t("broadcast.nobodyOut")}</Text>}
            <Table verticalSpacing={6}><Table.Tbody>{b.left_out.map((r) => <Table.Tr key={r.reason}><Table.Td>{pick(r.text)}</Table.Td><Table.Td ta="right" className="num"><Anchor component={Link} to={`/people?broadcast=${b.name}&left_out=${encodeURIComponent(r.reason)}`} size="sm">{t("broadcast.nPeople", { n: count(r.people) })}</Anchor></Table.Td></Table.Tr>)}</Table.Tbody></Table>
          </Card>
          <LineSays journey={b.name} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Card withBorder padding="lg">
            <Title order={2} mb="sm">{t("journey.history")}</Title>
            <Table verticalSpacing={4}><Table.Tbody>{b.history.map((h) => <Table.Tr key={h.version}><Table.Td className="num">{short(h.at)}</Table.Td><Table.Td>{actor(h.actor)}</Table.Td><Table.Td>{h.reason}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
            <Group gap="md" mt="md"><Anchor component={Link} size="sm" to={b.list ? `/segments/lists/${b.list}` : `/segments/${b.segment}`}>{t("broadcast.segment")}</Anchor>{Object.values(b.broadcast.templates).map((x) => <Anchor key={x} component={Link} size="sm" to={`/content/${x}`}>{titles.get(x) ?? x}</Anchor>)}<Anchor component={Link} size="sm" to={`/journeys/${b.name}`}>{t("broadcast.people")}</Anchor></Group>
          </Card>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

/** What LINE itself says of the messages, once it has said anything. */
function LineSays({ journey }: { journey: string }) {
  const { t } = useTranslation();
  const rows = useApi("/line/statistics", { query: { journey } }).data?.items ?? [];
  if (rows.length === 0) return null;
  return (
    <Card withBorder padding="lg" mt="lg">
      <Title order={2} mb="sm">{t("broadcast.lineSays")}</Title>
      <Table verticalSpacing={6}><Table.Tbody>{rows.map((r) => <Table.Tr key={r.account + r.template + r.month}><Table.Td>{pick(r.title)}</Table.Td><Table.Td className="num">{r.month}</Table.Td><Table.Td ta="right" className="num">{pick(r.text)}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
      <Text size="xs" c="dimmed" mt="xs">{t("broadcast.lineWhen", { at: instant(rows[0].asked_at) })}</Text>
    </Card>
  );
}
