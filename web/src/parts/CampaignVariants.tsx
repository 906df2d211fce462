import { Button, Fieldset, Group, NumberInput, SegmentedControl, Select, SimpleGrid, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useApi, type ApiError } from "../api";
import { count } from "../format";
import { joined, pick } from "../i18n";
import type { BroadcastBody } from "../types";
import { asked, newTest, twins, type Test, type Variant } from "./campaign";
import type { CampaignProps } from "./CampaignForm";
import { fieldProblem } from "./FormModal";

export const letter = (i: number): string => String.fromCharCode(65 + i);

/** Variants that are compared on a share of the people first. people is how many it goes to in all; 0: not known. */
export function TestFields({ b, set, error, people }: CampaignProps & { people: number }) {
  const { t } = useTranslation();
  if (b.schedule) return null;
  const test = b.test;
  const change = (x: Partial<Test>) => set({ ...b, test: { ...test!, ...x } });
  const wrong = (field: string) => fieldProblem(error, `test.${field}`);
  const same = test && twins(test.variants);
  return (
    <Fieldset legend={t("campaign.test")}>
      <Stack gap="md">
        <Switch label={t("campaign.testOn")} checked={!!test} onChange={(e) => {
          const { test: old, subject: _, ...rest } = b;
          set(e.currentTarget.checked ? { ...rest, test: newTest(b.subject) } : { ...rest, ...(old?.variants[0]?.subject && { subject: old.variants[0].subject }) });
        }} />
        <Text size="xs" c="dimmed">{t("campaign.testHint")}</Text>
        {test && (
          <>
            {test.variants.map((v, i) => <OneVariant key={i} b={b} v={v} i={i} error={error} change={(x) => change({ variants: test.variants.map((old, k) => (k === i ? { ...old, ...x } : old)) })} remove={test.variants.length > 2 ? () => change({ variants: test.variants.filter((_, k) => k !== i) }) : undefined} />)}
            {same && <Text size="sm" className="problem">{t("campaign.twins", { a: letter(same[0]), b: letter(same[1]) })}</Text>}
            {test.variants.length < 5 && <Button variant="default" size="xs" w="max-content" onClick={() => change({ variants: [...test.variants, {}] })}>{t("campaign.addVariant")}</Button>}
            <Group gap="md" align="flex-start">
              <NumberInput label={t("campaign.share")} min={1} max={90} suffix=" %" value={test.share} onChange={(v) => change({ share: Number(v) || 20 })} w={150} error={wrong("share")} />
              <Select label={t("campaign.after")} allowDeselect={false} value={test.after} onChange={(v) => change({ after: v! })} data={[...new Set(["1h", "2h", "4h", "8h", "24h", test.after])].map((h) => ({ value: h, label: t("campaign.hours", { n: h.replace(/h$/, "") }) }))} w={150} error={wrong("after")} />
              <NumberInput label={t("campaign.least")} min={1} allowDecimal={false} thousandSeparator="," value={test.least} onChange={(v) => change({ least: Number(v) || 1 })} w={220} error={wrong("least")} />
            </Group>
            <div>
              <Text size="sm" fw={500} mb={4}>{t("campaign.by")}</Text>
              <SegmentedControl value={test.by} onChange={(v) => change({ by: v as Test["by"] })} data={(["click", "order"] as const).map((v) => ({ value: v, label: t(`campaign.by_${v}`) }))} aria-label={t("campaign.by")} />
            </div>
            <Switch label={t("campaign.auto")} checked={!!test.auto} onChange={(e) => change({ auto: e.currentTarget.checked })} />
            <First test={test} people={people} />
            <Text size="xs" c="dimmed">{t("campaign.chance")}</Text>
          </>
        )}
      </Stack>
    </Fieldset>
  );
}

/** Who is asked first, in people; and that nothing is chosen by itself when they are too few. */
function First({ test, people }: { test: Test; people: number }) {
  const { t } = useTranslation();
  if (people === 0) return null;
  const each = asked(people, test);
  const few = test.auto && each.some((n) => n < test.least);
  return (
    <div>
      <Text size="sm">{t("campaign.first", { n: count(each.reduce((n, x) => n + x, 0)), each: joined(each.map((n, i) => t("campaign.firstOf", { v: letter(i), n: count(n) }))) })}</Text>
      {few && <Text size="sm" className="problem">{t("campaign.tooFew", { n: count(test.least) })}</Text>}
    </div>
  );
}

type OneProps = { b: BroadcastBody; v: Variant; i: number; error: ApiError | null; change: (x: Partial<Variant>) => void; remove?: () => void };

/** What one variant has of its own; what it leaves open is as in the campaign. */
function OneVariant({ b, v, i, error, change, remove }: OneProps) {
  const { t } = useTranslation();
  const templates = useApi("/templates", {}, { staleTime: 30_000 });
  const wrong = (field: string) => fieldProblem(error, `test.variants[${i}].${field}`);
  const title = (name?: string) => { const x = templates.data?.items.find((y) => y.name === name); return x ? pick(x.title) || x.name : ""; };
  const name = t("campaign.variant", { v: letter(i) });
  return (
    <div className="block" role="group" aria-label={name} data-variant={i}>
      <Group justify="space-between" mb="sm"><Text fw={700}>{name}</Text>{remove && <Button size="compact-xs" variant="subtle" color="red" onClick={remove}>{t("campaign.removeVariant", { v: letter(i) })}</Button>}</Group>
      <Stack gap="sm">
        {b.channels.includes("email") && <TextInput label={t("campaign.subject")} placeholder={t("campaign.subjectHint")} value={v.subject ?? ""} onChange={(e) => change({ subject: e.currentTarget.value })} error={wrong("subject")} />}
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
          {b.channels.map((c) => <Select key={c} searchable clearable label={t("broadcast.template", { channel: t(`channel.${c}`) })} placeholder={title(b.templates[c]) || t("campaign.asAll")} data={(templates.data?.items ?? []).filter((x) => x.channel === c).map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} value={v.templates?.[c] || null} onChange={(x) => change({ templates: { ...v.templates, [c]: x ?? "" } })} error={wrong(`templates.${c}`)} />)}
          {b.channels.map((c) => <SenderOf key={c} channel={c} of={v.accounts} change={(accounts) => change({ accounts })} error={wrong(`accounts.${c}`)} />)}
          <TextInput type="time" label={t("campaign.notBefore")} description={t("campaign.notBeforeHint")} value={v.time ?? ""} onChange={(e) => change({ time: e.currentTarget.value })} error={wrong("time")} />
          <NumberInput label={t("campaign.weight")} min={1} max={1000} allowDecimal={false} value={v.weight || 1} onChange={(n) => change({ weight: Number(n) || 1 })} error={wrong("weight")} />
        </SimpleGrid>
      </Stack>
    </div>
  );
}

/** By which account a channel's messages leave; nothing where there is but one to choose. */
export function SenderOf({ channel, of, change, error }: { channel: string; of?: Record<string, string>; change: (accounts: Record<string, string>) => void; error?: string }) {
  const { t } = useTranslation();
  const mail = useApi("/deliverability", {}, { staleTime: 60_000, enabled: channel === "email" });
  const line = useApi("/line/accounts", {}, { staleTime: 60_000, enabled: channel === "line" });
  const own = of?.[channel] ?? "";
  const known = channel === "email" ? (mail.data?.senders ?? []).map((name) => ({ value: name, label: name })) : channel !== "line" ? [] : (line.data?.items ?? []).map((a) => ({ value: a.name, label: pick(a.title) || a.name }));
  if (own && !known.some((x) => x.value === own)) known.push({ value: own, label: own });
  if (known.length < 2 && !own) return null;
  return <Select searchable clearable label={t("campaign.sender", { channel: t(`channel.${channel}`) })} placeholder={t("campaign.asSet")} data={known} value={own || null} onChange={(x) => change({ ...of, [channel]: x ?? "" })} error={error} />;
}
