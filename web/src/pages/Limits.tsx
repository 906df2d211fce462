import { Alert, Anchor, Badge, Button, Card, Group, Progress, Stack, Table, Text, TextInput, Title, useComputedColorScheme } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, day, short } from "../format";
import { actor, joined, pick } from "../i18n";
import { Chart } from "../parts/Chart";
import { LimitRules, Rest, WarmUps } from "../parts/LimitForms";
import { deliveryOf, draftOf, newRule, type Draft } from "../parts/limits";
import { Loading, Page, ProblemBox } from "../parts/Page";
import type { LimitAccount, LimitRow, LimitsPage } from "../types";

/** How fast and how much may go to each receiver: what stands now, and the setting behind it. */
export function Limits() {
  const { t } = useTranslation();
  const page = useApi("/delivery/limits", {}, { refetchInterval: 15_000 });
  return (
    <Page title={t("limits.title")} about={t("limits.about")} actions={<><Anchor component={Link} to="/deliverability" size="sm">{t("limits.toDeliverability")}</Anchor><Anchor component={Link} to="/settings" size="sm">{t("limits.toSettings")}</Anchor></>}>
      {page.error && !page.data && <ProblemBox error={page.error} retry={() => void page.refetch()} />}
      {!page.data && !page.error && <Loading lines={8} />}
      {page.data && <Editor key={page.data.version} p={page.data} reload={() => page.refetch()} />}
    </Page>
  );
}

function Editor({ p, reload }: { p: LimitsPage; reload: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const before = useMemo(() => JSON.stringify(deliveryOf(draftOf(p.delivery)).delivery), [p.delivery]);
  const [draft, setDraft] = useState<Draft>(() => draftOf(p.delivery));
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const { delivery, wrong } = deliveryOf(draft);
  const changed = wrong.length > 0 || JSON.stringify(delivery) !== before;
  const save = async () => {
    setBusy(true);
    try {
      await request("put", "/settings/{name}", { path: { name: "delivery" }, body: { body: delivery, expect: p.version, reason } });
      setError(null);
      await reload();
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };
  const limit = (destination: string) => {
    // One rule for all accounts is what a shop with one account means; a rule that is there is the one to change.
    const parts = destination.split(":");
    const names = p.accounts.filter((a) => a.channel === "email").length > 1 || parts.length < 3 ? [destination] : [destination, `${parts[0]}:*:${parts[2]}`];
    const there = draft.limits.find((r) => names.includes(r.destination));
    const rule = there ?? newRule(names.at(-1)!);
    if (!there) setDraft({ ...draft, limits: [...draft.limits, rule] });
    setTimeout(() => document.querySelector<HTMLInputElement>(`[data-rule="${rule.key}"] input[inputmode]`)?.focus(), 60);
  };
  const form = { p, draft, setDraft, wrong, problem: error?.problem, disabled: !p.may };
  return (
    <>
      {(p.virtual || p.inbox) && <Alert color="gray">{t(p.virtual ? "limits.virtual" : "limits.inbox")}</Alert>}
      {p.accounts.map((a) => <Account key={a.account} a={a} may={p.may} limit={limit} />)}
      {!p.may && <Alert color="gray">{t("limits.mayNot")}</Alert>}
      <form onSubmit={(e) => { e.preventDefault(); void save(); }}>
        <Stack gap="lg">
          <LimitRules {...form} />
          <WarmUps {...form} />
          <Rest {...form} />
          {error && <ProblemBox error={error} />}
          {p.may && (
            <Card withBorder padding="md" className="save-bar">
              <Group gap="md" align="flex-end">
                <TextInput flex={1} miw={200} label={t("sheet.reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
                <Button type="button" variant="default" disabled={!changed} onClick={() => { setDraft(draftOf(p.delivery)); setError(null); }}>{t("limits.discard")}</Button>
                <Button type="submit" loading={busy} disabled={!changed || wrong.length > 0}>{t("mail.save")}</Button>
              </Group>
              <Text size="xs" c="dimmed" mt={4}>{t("limits.atOnce")}</Text>
            </Card>
          )}
        </Stack>
      </form>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("journey.history")}</Title>
        {p.history.length === 0 && <Text size="sm" c="dimmed">{t("limits.never")}</Text>}
        <div className="scroll"><Table verticalSpacing={4}><Table.Tbody>{p.history.map((h) => <Table.Tr key={h.version}><Table.Td className="num">{short(h.at)}</Table.Td><Table.Td>{actor(h.actor)}</Table.Td><Table.Td>{h.reason}</Table.Td></Table.Tr>)}</Table.Tbody></Table></div>
      </Card>
    </>
  );
}

/** What may go by an account now, and what has gone. */
function Account({ a, may, limit }: { a: LimitAccount; may: boolean; limit: (destination: string) => void }) {
  const { t } = useTranslation();
  const name = joined([t(`channel.${a.channel}`), a.account.split(":")[1]]);
  const month = a.rows.some((r) => r.per_month > 0);
  return (
    <Card withBorder padding={0} component="section" aria-label={name}>
      <Group justify="space-between" p="md" pb={0}><Title order={2}>{t("limits.now", { name })}</Title></Group>
      <div className="scroll" tabIndex={0} role="region" aria-label={t("limits.now", { name })}><Table verticalSpacing={6} horizontalSpacing="md">
        <Table.Thead><Table.Tr><Table.Th>{t(a.channel === "line" ? "limits.account" : "deliverability.group")}</Table.Th><Table.Th ta="right">{t("limits.per_second")}</Table.Th><Table.Th ta="right">{t("limits.connections")}</Table.Th><Table.Th ta="right">{t("limits.today")}</Table.Th>{month && <Table.Th ta="right">{t("limits.month")}</Table.Th>}<Table.Th ta="right">{t("limits.left")}</Table.Th>{may && <Table.Th />}</Table.Tr></Table.Thead>
        <Table.Tbody>{a.rows.map((r) => (
          <Table.Tr key={r.destination} data-destination={r.destination}>
            <Table.Th scope="row" style={{ whiteSpace: "nowrap" }}>{pick(r.label)}</Table.Th>
            <Table.Td ta="right"><Pair now={r.now.per_second} preset={r.preset.per_second} /></Table.Td>
            <Table.Td ta="right">{r.now.connections > 0 ? <Pair now={r.now.connections} preset={r.preset.connections} /> : "—"}</Table.Td>
            <Table.Td ta="right" className="num">{of(r.today, most(r))}{r.warm_up_day > 0 && <Text size="xs" c="dimmed">{t("limits.warmDay", { n: count(r.warm_up_day) })}</Text>}</Table.Td>
            {month && <Table.Td ta="right" className="num">{of(r.month, r.per_month || null)}</Table.Td>}
            <Table.Td ta="right" className="num"><Left r={r} /></Table.Td>
            {may && <Table.Td ta="right"><Button size="compact-sm" variant="subtle" onClick={() => limit(r.destination)} aria-label={t("limits.changeOf", { name: pick(r.label) })}>{t("limits.change")}</Button></Table.Td>}
          </Table.Tr>
        ))}</Table.Tbody>
      </Table></div>
      {a.warm_up && <Ramp a={a} />}
    </Card>
  );
}

/** What budget and warm-up let go today; null: no limit of the day. */
function most(r: LimitRow): number | null {
  const limits = [...(r.per_day > 0 ? [r.per_day] : []), ...(r.warm_up_day > 0 ? [r.warm_up] : [])];
  return limits.length > 0 ? Math.min(...limits) : null;
}
const of = (n: number, limit: number | null) => (limit === null ? count(n) : `${count(n)} / ${count(limit)}`);

function Pair({ now, preset }: { now: number; preset: number }) {
  const { t } = useTranslation();
  const say = (n: number) => (n > 0 ? count(n) : t("limits.none"));
  return <><span className="num">{say(now)}</span>{now !== preset && <Text size="xs" c="dimmed">{t("limits.preset", { n: say(preset) })}</Text>}</>;
}

function Left({ r }: { r: LimitRow }) {
  const { t } = useTranslation();
  if (r.left == null) return <Text size="sm" c="dimmed" span>{t("limits.none")}</Text>;
  const all = Math.max(r.left + r.today, 1);
  return <>{r.left === 0 ? <Badge color="orange" variant="light">{t("limits.spent")}</Badge> : count(r.left)}<Progress mt={4} size="xs" value={(100 * r.left) / all} color={r.left === 0 ? "orange" : "teal"} aria-label={t("limits.left")} /></>;
}

/** The days of the warm-up, and which of them is today. */
function Ramp({ a }: { a: LimitAccount }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const w = a.warm_up!;
  const today = w.day - 1;
  const option = useMemo(() => ({
    tooltip: { trigger: "axis" }, grid: { left: 8, right: 8, top: 16, bottom: 8, containLabel: true },
    xAxis: { type: "category", data: w.days.map((_, i) => (i === today ? t("limits.todayMark") : t("limits.dayMark", { n: i + 1 }))) },
    yAxis: { type: "log", min: 1, minorSplitLine: { show: false } },
    series: [{ name: t("limits.perReceiver"), type: "bar", barMaxWidth: 32, data: w.days.map((n, i) => ({ value: n, itemStyle: { opacity: i === today ? 1 : i < today ? 0.3 : 0.55 } })) }],
  }), [w, today, t]);
  const state = w.over ? t("limits.rampOver") : w.day < 1 ? t("limits.rampBefore", { at: day(w.begin) }) : w.day > w.days.length ? t("limits.rampSome") : t("limits.rampDay", { n: count(w.day), of: count(w.days.length), most: count(w.days[today]) });
  return (
    <Stack gap={6} p="md">
      <Group gap="sm"><Text size="sm" fw={600}>{t("limits.warmUp")}</Text><Text size="sm" data-ramp={w.day}>{state}</Text></Group>
      {!w.over && <Chart dark={dark} label={t("limits.warmUp")} height={160} option={option} />}
      <details><summary>{t("reports.table")}</summary><Text size="sm" className="num" style={{ whiteSpace: "normal" }}>{joined(w.days.map((n, i) => `${t("limits.dayMark", { n: i + 1 })} ${count(n)}`))}</Text></details>
    </Stack>
  );
}
