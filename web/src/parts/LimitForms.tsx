import { ActionIcon, Button, Card, Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { count } from "../format";
import i18next, { joined, language, pick } from "../i18n";
import type { LimitsPage, Problem } from "../types";
import { newRule, newWarmUp, numbers, saidOf, type Draft, type RuleDraft, type WarmUpDraft } from "./limits";

type Form = { p: LimitsPage; draft: Draft; setDraft: (d: Draft) => void; wrong: string[]; problem?: Problem; disabled: boolean };

/** What the field says: that it takes a number, or what the server has against it. */
function useSaid({ wrong, problem }: Form) {
  const { t } = useTranslation();
  return (place: string) => (wrong.includes(place) ? t("limits.number") : saidOf(problem?.errors, `body.${place}`, language() === "ja")) || undefined;
}

const groupsOf = (p: LimitsPage) => p.accounts.find((a) => a.channel === "email")?.rows.map((r) => ({ group: r.destination.split(":")[2], label: pick(r.label) })) ?? [];

/** メール・NTT ドコモ: a destination in words, with * for any part. */
function named(p: LimitsPage, destination: string): string {
  const [channel, account, group] = destination.split(":");
  const known = groupsOf(p).find((g) => g.group === group)?.label ?? group;
  return joined([channel === "*" ? i18next.t("all") : i18next.t(`channel.${channel}`, { defaultValue: channel }), account && (account === "*" ? i18next.t("limits.anyAccount") : account), group && (group === "*" ? i18next.t("limits.anyGroup") : known)]);
}

/** What a limit may be for; what is saved stands among them, however it was written. */
function destinations(p: LimitsPage, now: string) {
  const accounts = p.accounts.map((a) => a.account);
  const mail = accounts.filter((a) => a.startsWith("email:"));
  const all = [...groupsOf(p).map((g) => `email:*:${g.group}`), ...accounts, ...(mail.length > 1 ? mail.flatMap((a) => groupsOf(p).map((g) => `${a}:${g.group}`)) : []), now];
  return [...new Set(all)].filter(Boolean).map((value) => ({ value, label: named(p, value) }));
}

export function LimitRules(form: Form) {
  const { t } = useTranslation();
  const said = useSaid(form);
  const { p, draft, setDraft, disabled } = form;
  const put = (i: number, to: Partial<RuleDraft>) => setDraft({ ...draft, limits: draft.limits.map((r, k) => (k === i ? { ...r, ...to } : r)) });
  return (
    <Card withBorder padding="lg">
      <Title order={2}>{t("limits.rules")}</Title>
      <Text size="sm" c="dimmed" mb="md">{t("limits.rulesAbout")}</Text>
      <Stack gap="md">
        {draft.limits.length === 0 && <Text size="sm" c="dimmed">{t("limits.noRules")}</Text>}
        {draft.limits.map((r, i) => (
          <div key={r.key} data-rule={r.key}>
            <Group gap="sm" align="flex-start">
              <Select label={t("limits.for")} miw={240} flex={1} searchable allowDeselect={false} disabled={disabled} data={destinations(p, r.destination)} value={r.destination} onChange={(v) => put(i, { destination: v ?? r.destination })} error={said(`limits[${i}].destination`)} />
              {numbers.map((k) => <TextInput key={k} w={116} inputMode="decimal" label={t(`limits.${k}`)} disabled={disabled} value={r[k]} onChange={(e) => put(i, { [k]: e.currentTarget.value })} error={said(`limits[${i}].${k}`)} />)}
              <ActionIcon mt={24} size={36} variant="subtle" color="gray" disabled={disabled} aria-label={t("limits.removeOf", { name: named(p, r.destination) })} onClick={() => setDraft({ ...draft, limits: draft.limits.filter((_, k) => k !== i) })}><IconTrash size={17} aria-hidden /></ActionIcon>
            </Group>
            {!said(`limits[${i}].destination`) && said(`limits[${i}]`) && <Text size="sm" className="problem">{said(`limits[${i}]`)}</Text>}
          </div>
        ))}
      </Stack>
      <Button mt="md" size="xs" variant="default" style={{ alignSelf: "flex-start" }} disabled={disabled} onClick={() => setDraft({ ...draft, limits: [...draft.limits, newRule(destinations(p, "")[0]?.value ?? "email")] })}>{t("limits.addRule")}</Button>
    </Card>
  );
}

export function WarmUps(form: Form) {
  const { t } = useTranslation();
  const { p, draft, setDraft, disabled } = form;
  const free = p.accounts.map((a) => a.account).filter((a) => a.startsWith("email:") && !draft.warmUp.some((w) => w.account === a));
  const tomorrow = () => new Date(Date.now() + 33 * 3_600_000).toISOString().slice(0, 10);
  return (
    <Card withBorder padding="lg">
      <Title order={2}>{t("limits.warmUp")}</Title>
      <Text size="sm" c="dimmed" mb="md">{t("limits.warmUpAbout")}</Text>
      <Stack gap="lg">{draft.warmUp.map((w, i) => <WarmUp key={w.key} form={form} w={w} i={i} />)}</Stack>
      {free.length > 0 && <Button mt={draft.warmUp.length > 0 ? "md" : 0} size="xs" variant="default" style={{ alignSelf: "flex-start" }} disabled={disabled} onClick={() => setDraft({ ...draft, warmUp: [...draft.warmUp, newWarmUp(free[0], tomorrow())] })}>{t("limits.addWarmUp")}</Button>}
    </Card>
  );
}

function WarmUp({ form, w, i }: { form: Form; w: WarmUpDraft; i: number }) {
  const { t } = useTranslation();
  const said = useSaid(form);
  const { p, draft, setDraft, disabled } = form;
  const put = (to: Partial<WarmUpDraft>) => setDraft({ ...draft, warmUp: draft.warmUp.map((x, k) => (k === i ? { ...x, ...to } : x)) });
  const groups = groupsOf(p);
  const left = groups.filter((g) => !(g.group in w.groups)).map((g) => ({ value: g.group, label: g.label }));
  const accounts = [...new Set([...p.accounts.map((a) => a.account), w.account])];
  return (
    <Stack gap="sm" data-warm-up={w.account}>
      <Group gap="sm" align="flex-start">
        <Select label={t("limits.account")} w={220} allowDeselect={false} disabled={disabled} data={accounts.map((value) => ({ value, label: named(p, value) }))} value={w.account} onChange={(v) => put({ account: v ?? w.account })} error={said(`warm_up[${i}].account`)} />
        <TextInput type="date" label={t("limits.begin")} disabled={disabled} value={w.begin} onChange={(e) => put({ begin: e.currentTarget.value })} error={said(`warm_up[${i}].begin`)} />
        <ActionIcon mt={24} size={36} variant="subtle" color="gray" disabled={disabled} aria-label={t("limits.removeOf", { name: t("limits.warmUp") })} onClick={() => setDraft({ ...draft, warmUp: draft.warmUp.filter((_, k) => k !== i) })}><IconTrash size={17} aria-hidden /></ActionIcon>
      </Group>
      <TextInput label={t("limits.days")} description={t("limits.daysHint")} disabled={disabled} placeholder={p.ramp.join(", ")} value={w.days} onChange={(e) => put({ days: e.currentTarget.value })} error={said(`warm_up[${i}].days`)} />
      {Object.entries(w.groups).map(([g, days]) => (
        <Group key={g} gap="sm" align="flex-start">
          <TextInput flex={1} miw={220} label={t("limits.daysOf", { name: groups.find((x) => x.group === g)?.label ?? g })} disabled={disabled} value={days} onChange={(e) => put({ groups: { ...w.groups, [g]: e.currentTarget.value } })} error={said(`warm_up[${i}].groups.${g}`)} />
          <ActionIcon mt={24} size={36} variant="subtle" color="gray" disabled={disabled} aria-label={t("limits.removeOf", { name: groups.find((x) => x.group === g)?.label ?? g })} onClick={() => put({ groups: Object.fromEntries(Object.entries(w.groups).filter(([k]) => k !== g)) })}><IconTrash size={17} aria-hidden /></ActionIcon>
        </Group>
      ))}
      {left.length > 0 && <Select w={260} size="xs" disabled={disabled} placeholder={t("limits.addGroup")} aria-label={t("limits.addGroup")} data={left} value={null} onChange={(v) => v && put({ groups: { ...w.groups, [v]: "" } })} />}
    </Stack>
  );
}

/** How budgets are divided, and how long the ledger keeps what has ended. */
export function Rest(form: Form) {
  const { t } = useTranslation();
  const said = useSaid(form);
  const { p, draft, setDraft, disabled } = form;
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("limits.rest")}</Title>
      <TextInput w={260} inputMode="numeric" label={t("limits.keep")} description={t("limits.keepHint", { least: count(p.keep_least) })} disabled={disabled} placeholder={String(p.keep_days)} value={draft.keepDays} onChange={(e) => setDraft({ ...draft, keepDays: e.currentTarget.value })} error={said("keep_days")} />
      <details style={{ marginTop: 16 }} open={!!said("shares") || Object.keys(draft.shares).length > 0}>
        <summary>{t("limits.shares")}</summary>
        <Text size="sm" c="dimmed" my="sm">{t("limits.sharesAbout")}</Text>
        <Group gap="sm" align="flex-start">
          {groupsOf(p).map((g) => <TextInput key={g.group} w={170} inputMode="numeric" label={t("limits.share", { name: g.label })} disabled={disabled} placeholder={String(p.shares[g.group] ?? 0)} value={draft.shares[g.group] ?? ""} onChange={(e) => setDraft({ ...draft, shares: { ...draft.shares, [g.group]: e.currentTarget.value } })} error={said(`shares.${g.group}`)} />)}
        </Group>
        {said("shares") && <Text size="sm" className="problem">{said("shares")}</Text>}
      </details>
    </Card>
  );
}
