import { Badge, Button, Card, Group, Input, MultiSelect, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count } from "../format";
import { both, joined, pick } from "../i18n";
import { Review } from "../parts/CampaignDraft";
import { ScheduleFields, TagFields } from "../parts/CampaignForm";
import { AgainOf } from "../parts/CampaignResult";
import { Running } from "../parts/CampaignRunning";
import { SenderOf, TestFields } from "../parts/CampaignVariants";
import { broadcastColour, draftState, tidyVariant, twins } from "../parts/campaign";
import { ChannelTemplates } from "../parts/ChannelTemplates";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { fieldProblem } from "../parts/FormModal";
import { Loading, Page, ProblemBox } from "../parts/Page";
import { Sheet } from "../parts/Sheet";
import type { BroadcastBody, BroadcastPage } from "../types";

export function Broadcast() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const [query] = useSearchParams();
  const fresh = name === "new";
  const again = query.get("again") ?? "";
  const from = query.get("copy") ?? again; // of a new one: what it is begun with
  const page = useApi("/broadcasts/{name}", { path: { name: fresh ? from : name } }, { enabled: !fresh || from !== "", refetchInterval: (q) => (fresh ? false : ["sending", "scheduled", "paused", "testing"].includes(q.state.data?.status ?? "") ? 1_500 : 10_000) });
  if (page.error && !page.data) return <Page title={t("broadcast.title")}><ProblemBox error={page.error} retry={() => void page.refetch()} /></Page>;
  if (!page.data && (!fresh || from)) return <Loading lines={8} />;
  if (fresh) return <Form key={from} begin={begun(page.data, again)} />;
  const b = page.data!;
  return ["draft", "in_review", "approved"].includes(b.status) || query.has("edit") ? <Form key={b.name} page={b} begin={b.broadcast} reload={() => void page.refetch()} /> : <Running page={b} reload={() => void page.refetch()} />;
}

/** What a new campaign begins with: nothing, another one's content without its moment, or the same message for those whom it reached in vain. */
function begun(copied: BroadcastPage | undefined, again: string): BroadcastBody {
  if (!copied) return { title: { ja: "" }, purpose: "marketing", segment: "", channels: ["email"], templates: {}, send_by: "24h" };
  const { at: _, test, ...rest } = copied.broadcast;
  if (again) return { title: { ja: "" }, purpose: rest.purpose, segment: "", channels: rest.channels, templates: rest.templates, send_by: rest.send_by, ...(rest.accounts && { accounts: rest.accounts }), again: { of: again, not: "clicked" } };
  if (!test) return rest;
  const { winner: __, ...compared } = test;
  return { ...rest, test: compared };
}

/** What is saved of what was typed: nothing of channels that it does not go by. */
function tidy(b: BroadcastBody): BroadcastBody {
  const own = (m?: Record<string, string>) => Object.fromEntries(b.channels.filter((c) => m?.[c]).map((c) => [c, m![c]]));
  const { accounts, test, utm, ...rest } = b;
  const tags = Object.entries(utm ?? {}).filter(([, v]) => v);
  return { ...rest, templates: own(b.templates), ...(Object.keys(own(accounts)).length > 0 && { accounts: own(accounts) }), ...(tags.length > 0 && { utm: Object.fromEntries(tags) }),
    ...(test && { test: { ...test, variants: test.variants.map((v) => tidyVariant({ ...v, templates: own(v.templates), accounts: own(v.accounts) })) } }) };
}

const freshName = () => `broadcast_${new Date().toISOString().slice(0, 10).replaceAll("-", "")}_${crypto.randomUUID().slice(0, 4)}`;

/** What is sent to whom; then the sheet before sending. */
function Form({ page, begin, reload }: { page?: BroadcastPage; begin: BroadcastBody; reload?: () => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [query, setQuery] = useSearchParams();
  const [b, setB] = useState(begin);
  const [base, setBase] = useState({ version: page?.version ?? 0, saved: JSON.stringify(tidy(begin)) });
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const dirty = !page || JSON.stringify(tidy(b)) !== base.saved;
  useEffect(() => { // reviewed, or saved by somebody else: what is typed here stays, and is held against the version that it was typed on
    if (!page || dirty || page.version === base.version) return;
    setB(page.broadcast);
    setBase({ version: page.version, saved: JSON.stringify(tidy(page.broadcast)) });
  }, [page, dirty, base.version]);
  const { select, people } = useTargets();
  const missing = missingOf(b);
  const check = (open: boolean) => setQuery((q) => { if (open) q.set("check", "1"); else q.delete("check"); return q; }, { replace: true });
  const save = async (look: boolean) => {
    setBusy(true);
    const name = page?.name ?? freshName();
    try {
      if (dirty) {
        const body = tidy(b);
        const w = await request("put", "/broadcasts/{name}", { path: { name }, body: { broadcast: body, expect: base.version } });
        if (!page) return void go(`/broadcasts/${name}${look ? "?check=1" : ""}`, { replace: true });
        setBase({ version: w.version ?? base.version, saved: JSON.stringify(body) });
        reload?.();
      }
      setError(null);
      if (look) check(true);
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  const state = page && draftState(page);
  const done = () => { void go(`/broadcasts/${page!.name}`, { replace: true }); reload?.(); };
  return (
    <Page title={<Group gap="sm"><span>{page ? pick(page.title) : t("broadcast.new")}</span>{state && <Badge variant="light" color={broadcastColour[state]}>{t(`broadcast.status_${state}`)}</Badge>}</Group>} about={page?.draft ? t("campaign.waitsText") : undefined}
      actions={page && <Group gap="sm">{page.draft !== undefined || query.has("edit") ? <Button size="xs" variant="subtle" component={Link} to={`/broadcasts/${page.name}`}>{t("campaign.back")}</Button> : null}{!dirty && <Review page={page} reload={done} />}</Group>}>
      <DeliveryTabs at="broadcasts" />
      <Card withBorder padding="lg" maw={860}>
        <form onSubmit={(e) => { e.preventDefault(); void save(true); }}>
          <Stack gap="lg">
            <TextInput label={t("content.name")} placeholder={t("content.nameHint")} required value={pick({ ja: b.title.ja ?? "", en: b.title.en ?? "" })} onChange={(e) => setB({ ...b, title: both(e.currentTarget.value, page && { ja: b.title.ja ?? "", en: b.title.en ?? "" }) })} error={fieldProblem(error, "broadcast.title")} />
            <Input.Wrapper label={t("content.purpose")} labelElement="div"><div><SegmentedControl value={b.purpose || "marketing"} onChange={(v) => setB({ ...b, purpose: v as "marketing" | "transactional" })} data={(["marketing", "transactional"] as const).map((p) => ({ value: p, label: t(`purpose.${p}`) }))} aria-label={t("content.purpose")} /></div></Input.Wrapper>
            {b.again && <><AgainOf name={b.again.of} /><SegmentedControl w="max-content" value={b.again.not} onChange={(v) => setB({ ...b, again: { ...b.again!, not: v } })} data={["clicked", "opened"].map((v) => ({ value: v, label: t(`campaign.not_${v}`) }))} aria-label={t("campaign.again")} /><Text size="xs" c="dimmed">{t("campaign.againHint")}</Text></>}
            <Select label={t(b.again ? "campaign.within" : "broadcast.segment")} placeholder={t(b.again ? "campaign.withinAll" : "broadcast.chooseSegment")} required={!b.again} clearable={!!b.again} searchable nothingFoundMessage={t("nav.nothing")} data={b.again ? select.segments : select.all} value={b.list ? `list:${b.list}` : b.segment || null} onChange={(v) => setB({ ...b, segment: v?.startsWith("list:") ? "" : (v ?? ""), list: v?.startsWith("list:") ? v.slice(5) : "" })} error={fieldProblem(error, "broadcast.segment") ?? fieldProblem(error, "broadcast.list")} />
            <MultiSelect label={t("broadcast.exclude")} searchable clearable nothingFoundMessage={t("nav.nothing")} data={select.segments.filter((o) => o.value !== b.segment)} value={b.exclude ?? []} onChange={(v) => setB({ ...b, exclude: v })} error={fieldProblem(error, "broadcast.exclude")} />
            <ContentFields b={b} set={setB} error={error} />
            <ScheduleFields b={b} set={setB} error={error} />
            <TestFields b={b} set={setB} error={error} people={b.again ? 0 : people(b)} />
            <TagFields b={b} set={setB} error={error} />
            {error && <ProblemBox error={error} />}
            <Group justify="flex-end" gap="sm">
              {missing.length > 0 && <Text size="sm" c="dimmed" role="status">{t("campaign.missing", { what: joined(missing.map((m) => t(m.key, { channel: m.with && t(`channel.${m.with}`) }))) })}</Text>}
              <Button variant="default" loading={busy} disabled={missing.length > 0 || !dirty} onClick={() => void save(false)}>{t("campaign.keep")}</Button>
              <Button type="submit" loading={busy} disabled={missing.length > 0}>{t("broadcast.check")}</Button>
            </Group>
          </Stack>
        </form>
      </Card>
      {page && query.has("check") && <Sheet page={page} close={() => check(false)} sent={done} />}
    </Page>
  );
}

/** By what it goes and what it says: of all people, or of those who get no variant of their own. */
function ContentFields({ b, set, error }: { b: BroadcastBody; set: (b: BroadcastBody) => void; error: ApiError | null }) {
  const { t } = useTranslation();
  return (
    <>
      <Input.Wrapper label={t("broadcast.order")} labelElement="div"><ChannelTemplates purpose={b.purpose || "marketing"} order={b.channels} templates={b.templates} error={(c) => fieldProblem(error, `broadcast.templates.${c}`)} change={(channels, templates) => set({ ...b, channels: channels as BroadcastBody["channels"], templates })} /></Input.Wrapper>
      {b.channels.includes("email") && !b.test && <TextInput label={t("campaign.subject")} description={t("campaign.subjectHint")} value={b.subject ?? ""} onChange={(e) => set({ ...b, subject: e.currentTarget.value })} error={fieldProblem(error, "broadcast.subject")} />}
      {b.channels.map((c) => <SenderOf key={c} channel={c} of={b.accounts} change={(accounts) => set({ ...b, accounts })} error={fieldProblem(error, `broadcast.accounts.${c}`)} />)}
    </>
  );
}

/** Whom it may go to, with how many they are. */
function useTargets() {
  const { t } = useTranslation();
  const segments = useApi("/segments", {}, { staleTime: 30_000 });
  const lists = useApi("/lists", {}, { staleTime: 30_000 });
  const label = (x: { title: { ja: string; en: string }; name: string; members: number }) => `${pick(x.title) || x.name}${t("paren", { text: t("broadcast.nPeople", { n: count(x.members) }) })}`;
  const options = (segments.data?.items ?? []).map((s) => ({ value: s.name, label: label(s) }));
  const onList = (lists.data?.items ?? []).map((l) => ({ value: `list:${l.name}`, label: label(l) }));
  return {
    select: { segments: options, all: onList.length > 0 ? [{ group: t("nav.segments"), items: options }, { group: t("lists.title"), items: onList }] : options },
    people: (b: BroadcastBody): number => (b.list ? lists.data?.items.find((l) => l.name === b.list)?.members : segments.data?.items.find((s) => s.name === b.segment)?.members) ?? 0,
  };
}

/** What is still to be chosen, as texts of the console. */
function missingOf(b: BroadcastBody): { key: string; with?: string }[] {
  const out: { key: string; with?: string }[] = [];
  if (!pick({ ja: b.title.ja ?? "", en: b.title.en ?? "" }).trim()) out.push({ key: "content.name" });
  if (!b.segment && !b.list && !b.again) out.push({ key: "broadcast.segment" });
  for (const c of b.channels) if (!b.templates[c]) out.push({ key: "broadcast.template", with: c });
  if (b.schedule && !b.schedule.time) out.push({ key: "campaign.time" });
  if (b.schedule?.every === "week" && !b.schedule.weekdays?.length) out.push({ key: "campaign.weekdays" });
  if (b.test && twins(b.test.variants)) out.push({ key: "campaign.difference" });
  return out;
}
