import { ActionIcon, Button, Group, NativeSelect, NumberInput, Stack, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { IconArrowUp, IconPlus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { both, pick } from "../i18n";
import { ChannelTemplates } from "../parts/ChannelTemplates";
import { Condition, Named, Note, Span } from "./fields";
import { changed, connected, tidy, waysOf, type Definition, type Step } from "./model";
import { useConditions } from "./useConditions";
import { UpdateForm } from "./UpdateForm";
import { WebhookForm } from "./WebhookForm";
import { WaitForm } from "./WaitForm";
import { nameOf, wayWord, type Titles } from "./words";
import { useWrong } from "./wrong";

export interface PanelProps { d: Definition; id: string; titles: Titles; change: (d: Definition, what?: string) => void }

/** What a step does, in its panel; where its ways lead stands below, for who uses no mouse. */
export function StepPanel({ d, id, titles, change }: PanelProps) {
  const { t } = useTranslation();
  const n = d.nodes![id];
  const set = (by: Partial<Step>, what = "") => change(changed(d, id, by), what && `${id} ${what}`);
  const percent = useWrong("percent");
  const form = { d, n, set };
  return (
    <Stack gap="md">
      <TextInput size="sm" label={t("build.stepName")} placeholder={nameOf({ ...d, nodes: { ...d.nodes, [id]: { ...n, title: undefined } } }, id, t, titles)} value={n.title ? pick(n.title) : ""} maxLength={100}
        onChange={(e) => set({ title: e.currentTarget.value ? both(e.currentTarget.value, n.title) : undefined }, "title")} />
      {n.type === "wait" && <WaitForm {...form} />}
      {n.type === "branch" && <BranchForm {...form} />}
      {n.type === "split" && <SplitForm {...form} />}
      {n.type === "holdout" && <><NumberInput size="sm" label={t("build.percent")} error={percent} suffix=" %" min={0.1} max={50} decimalScale={1} value={n.percent ?? ""} onChange={(v) => set({ percent: v === "" ? undefined : Number(v) }, "percent")} /><Note>{t("build.holdoutHint")}</Note></>}
      {n.type === "message" && <MessageForm {...form} />}
      {n.type === "update" && <UpdateForm {...form} />}
      {n.type === "points" && <PointsForm {...form} />}
      {n.type === "webhook" && <WebhookForm id={id} {...form} />}
      {(n.type === "start" || n.type === "leave") && <OtherJourney {...form} />}
      {n.type === "goal" && <Note>{t("build.goalHint")}</Note>}
      {n.type === "exit" && <Note>{t("build.exitHint")}</Note>}
      <Ways d={d} id={id} titles={titles} change={change} />
    </Stack>
  );
}

export interface FormProps { d: Definition; n: Step; set: (by: Partial<Step>, what?: string) => void }

/** Whether an event is at hand: not where a segment begins the journey. */
export const atHand = (d: Definition): boolean => !d.entry.segment && !d.entry.date;

function Ways({ d, id, titles, change }: PanelProps) {
  const { t } = useTranslation();
  const others = Object.keys(d.nodes ?? {}).map((x) => ({ value: x, label: nameOf(d, x, t, titles) }));
  const seen = new Map<string, number>();
  const data = others.map((o) => { const n = (seen.get(o.label) ?? 0) + 1; seen.set(o.label, n); return n > 1 ? { ...o, label: `${o.label} ${n}` } : o; });
  const ways = waysOf(d, id);
  const conditions = useConditions(d);
  const word = (field: string) => wayWord(d, id, field, t, conditions);
  if (ways.length === 0) return null;
  return (
    <Stack gap="sm" pt="sm" style={{ borderTop: "1px solid var(--mantine-color-default-border)" }}>
      {ways.map((w) => <NativeSelect key={w.field} size="sm" label={ways.length > 1 && word(w.field) ? t("build.nextOf", { name: word(w.field) }) : t("build.next")} value={w.to} data={data} onChange={(e) => change(connected(d, id, w.field, e.currentTarget.value))} />)}
    </Stack>
  );
}

function BranchForm({ d, n, set }: FormProps) {
  const { t } = useTranslation();
  const all = n.branches ?? [];
  const wrong = useWrong("condition");
  const put = (branches: Step["branches"]) => set({ branches });
  return (
    <Stack gap="sm">
      <Text size="xs" c="dimmed">{t("build.branchHint")}</Text>
      {all.map((b, i) => (
        <Group key={i} gap={2} wrap="nowrap" align="flex-end">
          <div style={{ flex: 1, minWidth: 0 }}><Condition label={t("build.conditionNth", { n: i + 1 })} error={b.if.trim() ? undefined : wrong} value={b.if} withEvent={atHand(d)} onChange={(x) => put(all.map((o, k) => (k === i ? { ...o, if: x } : o)))} /></div>
          {i > 0 && <Icon word={t("builder.up")} icon={IconArrowUp} act={() => put(all.map((o, k) => (k === i ? all[i - 1] : k === i - 1 ? all[i] : o)))} />}
          {all.length > 1 && <Icon word={t("build.removeNth", { n: i + 1 })} icon={IconX} act={() => put(all.filter((_, k) => k !== i))} />}
        </Group>
      ))}
      {all.length < 20 && <Add word={t("build.addCondition")} act={() => put([...all, { if: "", next: n.else ?? "" }])} />}
    </Stack>
  );
}

function SplitForm({ n, set }: FormProps) {
  const { t } = useTranslation();
  const all = n.ways ?? [];
  const sum = all.reduce((s, w) => s + w.weight, 0) || 1;
  return (
    <Stack gap="sm">
      <Text size="xs" c="dimmed">{t("build.splitHint")}</Text>
      {all.map((w, i) => (
        <Group key={i} gap={4} wrap="nowrap" align="flex-end">
          <TextInput size="sm" style={{ flex: 1 }} label={t("build.wayName", { n: i + 1 })} value={w.title ? pick(w.title) : ""} onChange={(e) => set({ ways: all.map((o, k) => (k === i ? tidy({ ...o, title: e.currentTarget.value ? both(e.currentTarget.value, o.title) : undefined }) : o)) }, `way${i}`)} />
          <NumberInput size="sm" w={76} label={t("build.weight")} aria-label={t("build.weightNth", { n: i + 1 })} min={1} max={1000} allowDecimal={false} value={w.weight} onChange={(v) => set({ ways: all.map((o, k) => (k === i ? { ...o, weight: Number(v) || 1 } : o)) }, `weight${i}`)} />
          <Text size="sm" w={52} pb={6} ta="right" className="num">{Math.round((1000 * w.weight) / sum) / 10}%</Text>
          {all.length > 2 && <Icon word={t("build.removeNth", { n: i + 1 })} icon={IconX} act={() => set({ ways: all.filter((_, k) => k !== i) })} />}
        </Group>
      ))}
      {all.length < 10 && <Add word={t("build.addWay")} act={() => set({ ways: [...all, { weight: 50, next: all[all.length - 1]?.next ?? "" }] })} />}
    </Stack>
  );
}

/** What is sent, by which channels. */
function MessageForm({ d, n, set }: FormProps) {
  const { t } = useTranslation();
  const templates = useApi("/templates", {}, { staleTime: 10_000 });
  const wrong = useWrong("template");
  // A single template is the same as its channel with it.
  const order = n.channels ?? (n.template ? [templates.data?.items.find((x) => x.name === n.template)?.channel ?? "email"] : []);
  const chosen = n.templates ?? (n.template ? { [order[0]]: n.template } : {});
  return (
    <Stack gap="sm">
      <Text size="sm">{t("build.purposeIs")} <b>{t(`purpose.${d.purpose}`)}</b></Text>
      <ChannelTemplates purpose={d.purpose} order={order} templates={chosen} notices={d.purpose === "transactional"} error={(c) => (chosen[c] ? undefined : wrong)} change={(channels, by) => set({ template: undefined, channels, templates: by })} />
      <Span label={t("broadcast.sendBy")} hint={t("build.sendByHint")} value={n.send_by ?? "24h"} units={["h", "d"]} onChange={(send_by) => set({ send_by }, "send_by")} />
    </Stack>
  );
}

function PointsForm({ n, set }: FormProps) {
  const { t } = useTranslation();
  const wrong = { amount: useWrong("points"), reason: useWrong("pointsReason") };
  const p = n.points ?? {};
  const put = (by: typeof p, what: string) => set({ points: tidy({ ...p, ...by }) }, what);
  return (
    <Stack gap="sm">
      <NumberInput size="sm" label={t("build.amount")} error={wrong.amount} thousandSeparator="," min={1} max={1_000_000} allowDecimal={false} value={p.amount ?? ""} onChange={(v) => put({ amount: v === "" ? undefined : Number(v) }, "amount")} />
      <TextInput size="sm" label={t("build.pointsReason")} error={wrong.reason} description={t("build.pointsReasonHint")} maxLength={100} value={p.reason ?? ""} onChange={(e) => put({ reason: e.currentTarget.value }, "reason")} />
      <Switch size="sm" label={t("build.pointsExpire")} checked={!!p.expires} onChange={(e) => put({ expires: e.currentTarget.checked ? "90d" : undefined }, "")} />
      {p.expires && <Span label={t("build.expiresAfter")} value={p.expires} units={["d", "w"]} onChange={(expires) => put({ expires }, "expires")} />}
    </Stack>
  );
}

function OtherJourney({ n, set }: FormProps) {
  const { t } = useTranslation();
  const all = useApi("/journeys", {}, { staleTime: 30_000 });
  const wrong = useWrong("journey");
  return <><Named label={t("build.journey")} error={wrong} value={n.journey} items={all.data?.items ?? []} onChange={(journey) => set({ journey })} hint={t("build.chooseJourney")} nothing={t("journeys.none")} />{n.type === "start" && <Note>{t("build.startHint")}</Note>}</>;
}

export const Add = ({ word, act }: { word: string; act: () => void }) => <Button size="compact-sm" variant="subtle" leftSection={<IconPlus size={14} aria-hidden />} onClick={act} style={{ alignSelf: "flex-start" }}>{word}</Button>;
export const Icon = ({ word, icon: I, act }: { word: string; icon: typeof IconX; act: () => void }) => <Tooltip label={word} openDelay={400}><ActionIcon variant="subtle" color="gray" size={30} mb={3} aria-label={word} onClick={act}><I size={15} aria-hidden /></ActionIcon></Tooltip>;
