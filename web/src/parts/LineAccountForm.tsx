import { Accordion, Badge, Group, NumberInput, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api";
import type { Text as Words } from "../i18n";
import { secretsOf, type AccountSettings } from "../line/accounts";
import { modals } from "./confirm";
import { fieldProblem, FormModal } from "./FormModal";

const plans = { free: 200, light: 5_000, standard: 30_000 } as const;

/** Adds an official account to the setting, or changes one. Its secrets are no part of it: the form says where they belong. */
export function LineAccountForm({ account: a, all, version, configured, close, saved }: { account?: AccountSettings; all: AccountSettings[]; version: number; configured: boolean; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const isNew = !a;
  const listed = all.some((x) => x.name === a?.name);
  const [d, setD] = useState<AccountSettings>(a ?? { name: "", title: { ja: "", en: "" } });
  const set = (to: Partial<AccountSettings>) => setD({ ...d, ...to });
  const title = (l: keyof Words, v: string) => set({ title: { ...d.title, [l]: v } });
  const put = async (accounts: AccountSettings[]) => {
    await request("put", "/settings/{name}", { path: { name: "line" }, body: { body: { accounts }, expect: version } });
    saved();
  };
  const save = () => {
    const mine = Object.fromEntries(Object.entries({ ...d, extra: d.plan === "standard" ? d.extra : undefined }).filter(([, v]) => v !== "" && v !== 0 && v !== false && v !== undefined)) as unknown as AccountSettings;
    return put(listed ? all.map((x) => (x.name === a!.name ? mine : x)) : [...all, mine]);
  };
  const remove = async () => {
    if (await modals.confirm(t("lineForm.removeTitle"), t("lineForm.removeText"), t("lineForm.remove"))) await put(all.filter((x) => x.name !== a!.name));
  };
  const text = (field: "basic_id" | "channel_id" | "provider" | "login" | "liff" | "login_url", placeholder: string, error: Parameters<typeof fieldProblem>[0]) => (
    <TextInput label={t(`lineForm.${field}`)} description={t(`lineForm.${field}_hint`)} placeholder={placeholder} value={d[field] ?? ""} onChange={(e) => set({ [field]: e.currentTarget.value.trim() })} error={fieldProblem(error, field)} />
  );
  return (
    <FormModal title={t(isNew ? "lineForm.new" : "lineForm.edit")} action={t("segment.save")} then={t("lineForm.then")} ready={!!d.name && !!d.title.ja.trim() && !!d.title.en.trim()} save={save} remove={!isNew && listed && !configured ? { label: t("lineForm.remove"), act: remove } : undefined} close={close}>
      {(error) => (
        <>
          {isNew && <TextInput label={t("segment.name")} description={t("segment.nameHint")} placeholder="shop2" value={d.name} onChange={(e) => set({ name: e.currentTarget.value.trim() })} error={fieldProblem(error, "name")} required data-autofocus />}
          <Group grow align="flex-start">
            {(["ja", "en"] as const).map((l) => <TextInput key={l} label={t(`lineForm.title_${l}`)} value={d.title[l]} onChange={(e) => title(l, e.currentTarget.value)} error={fieldProblem(error, "title")} required />)}
          </Group>
          <Secrets name={d.name} configured={configured} />
          <Group grow align="flex-start">
            <Select label={t("lineForm.plan")} allowDeselect={false} value={d.plan ?? ""} onChange={(v) => set({ plan: v ?? "" })} error={fieldProblem(error, "plan")} data={["", ...Object.keys(plans)].map((v) => ({ value: v, label: t(`linePlan.${v || "none"}`) }))} />
            <NumberInput label={t("lineForm.reserve")} description={t("lineForm.reserve_hint")} inputWrapperOrder={["label", "input", "description", "error"]} value={d.reserve ?? 0} onChange={(v) => set({ reserve: Number(v) || 0 })} min={0} allowDecimal={false} thousandSeparator="," error={fieldProblem(error, "reserve")} />
            {d.plan === "standard" && <NumberInput label={t("lineForm.extra")} description={t("lineForm.extra_hint")} inputWrapperOrder={["label", "input", "description", "error"]} value={d.extra ?? 0} onChange={(v) => set({ extra: Number(v) || 0 })} min={0} allowDecimal={false} thousandSeparator="," error={fieldProblem(error, "extra")} />}
          </Group>
          {text("basic_id", "@shop", error)}
          <Accordion variant="contained" defaultValue={d.login || d.liff ? "link" : null}>
            <Accordion.Item value="link">
              <Accordion.Control><Text size="sm" fw={600}>{t("lineForm.linking")}</Text></Accordion.Control>
              <Accordion.Panel><Stack gap="md">{text("login", "1650000000", error)}{text("liff", "1650000000-AbCdEfGh", error)}{text("login_url", "https://", error)}</Stack></Accordion.Panel>
            </Accordion.Item>
            <Accordion.Item value="more">
              <Accordion.Control><Text size="sm" fw={600}>{t("lineForm.more")}</Text></Accordion.Control>
              <Accordion.Panel><Stack gap="md">{text("channel_id", "1650000000", error)}{text("provider", "", error)}<Switch label={t("lineForm.statistics")} description={t("lineForm.statistics_hint")} checked={!!d.statistics} onChange={(e) => set({ statistics: e.currentTarget.checked })} /></Stack></Accordion.Panel>
            </Accordion.Item>
          </Accordion>
        </>
      )}
    </FormModal>
  );
}

/** Where the secrets of an account belong, and whether they are there. They are never typed here. */
export function Secrets({ name, configured }: { name: string; configured: boolean }) {
  const { t } = useTranslation();
  if (!name) return null;
  return (
    <Stack gap={4} className="block" data-secrets={name}>
      {secretsOf(name).map((v) => <Group key={v} gap="sm"><span className="mono">{v}</span><Badge variant="light" color={configured ? "teal" : "orange"}>{t(configured ? "lineForm.isSet" : "lineForm.isNotSet")}</Badge></Group>)}
      <Text size="xs" c="dimmed">{t(configured ? "lineForm.secretsSet" : "lineForm.secretsMissing")}</Text>
    </Stack>
  );
}
