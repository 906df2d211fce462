import { Accordion, ActionIcon, Button, Checkbox, Group, NativeSelect, NumberInput, SimpleGrid, Stack, Switch, Text, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { Weekdays } from "../journey/fields";
import { amountOf, lean, type PostalAccount, type PostalAddress } from "../postal/settings";
import { fieldProblem, FormModal } from "./FormModal";

// What the catalogue has (channels/dm/postal/product).
const products = ["hagaki", "ofuku_hagaki", "crimped", "teikei", "teikeigai", "yumail", "kuroneko_yumail"];
const senderFields = ["name", "postal_code", "address", "phone", "mark", "office", "licence", "return_to"] as const;
const addressFields = ["name", "postal_code", "prefecture", "city", "address1", "address2"] as const;

/** How one account sends post: rhythm, review, money, households, print house, sender. */
export function PostalAccountForm({ name: own, account, all, version, close, saved }: { name: string; account?: PostalAccount; all: Record<string, PostalAccount>; version: number; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(own);
  const [d, setD] = useState<PostalAccount>(account ?? {});
  const set = (to: Partial<PostalAccount>) => setD({ ...d, ...to });
  const put = async (accounts: Record<string, PostalAccount>) => {
    await request("put", "/settings/{name}", { path: { name: "postal" }, body: { body: { accounts }, expect: version } });
    saved();
  };
  const every = d.schedule?.every ?? "day";
  const number = (field: "hold_hours" | "min_pieces" | "response_days", error: ApiError | null, usual: number) => (
    <NumberInput label={t(`postalForm.${field}`)} description={t(`postalForm.${field}_hint`)} inputWrapperOrder={["label", "input", "description", "error"]} min={0} allowDecimal={false} thousandSeparator="," value={d[field] ?? usual} onChange={(v) => set({ [field]: Number(v) || 0 })} error={fieldProblem(error, field)} />
  );
  const section = (value: string, children: ReactNode) => (
    <Accordion.Item value={value}><Accordion.Control><Text size="sm" fw={600}>{t(`postalForm.part_${value}`)}</Text></Accordion.Control><Accordion.Panel><Stack gap="md">{children}</Stack></Accordion.Panel></Accordion.Item>
  );
  const seeds = d.seeds ?? [];
  const seed = (i: number, by: Partial<PostalAddress>) => set({ seeds: seeds.map((x, k) => (k === i ? { ...x, ...by } : x)) });
  return (
    <FormModal title={own ? t("postalForm.edit") : t("postalForm.new")} action={t("segment.save")} then={t("postalForm.then")} ready={!!name} close={close} save={() => put({ ...all, [name]: lean(d) })}
      remove={own && own !== "default" && account ? { label: t("postalForm.remove"), act: () => put(Object.fromEntries(Object.entries(all).filter(([k]) => k !== own))) } : undefined}>
      {(error) => (
        <>
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            {!own && <TextInput label={t("segment.name")} description={t("segment.nameHint")} placeholder="newyear" required value={name} onChange={(e) => setName(e.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, ""))} error={fieldProblem(error, `accounts.${name}`)} data-autofocus />}
            <TextInput label={t("postalForm.title")} value={d.title ?? ""} onChange={(e) => set({ title: e.currentTarget.value })} error={fieldProblem(error, "title")} />
            <NativeSelect label={t("postalForm.product")} value={d.product ?? ""} data={[{ value: "", label: t("postalForm.productAny") }, ...products.map((p) => ({ value: p, label: t(`productName.${p}`) }))]} onChange={(e) => set({ product: e.currentTarget.value })} error={fieldProblem(error, "product")} />
          </SimpleGrid>
          <Accordion multiple variant="contained" defaultValue={["rhythm"]}>
            {section("rhythm", <>
              <Group gap="md" align="flex-start">
                <NativeSelect label={t("postalForm.every")} value={every} data={["day", "week", "month", "manual"].map((v) => ({ value: v, label: t(`postalForm.every_${v}`) }))} onChange={(e) => set({ schedule: { every: e.currentTarget.value, at: d.schedule?.at, days: e.currentTarget.value === "week" ? ["mon"] : e.currentTarget.value === "month" ? ["1"] : [] } })} error={fieldProblem(error, "schedule.every")} />
                {every !== "manual" && <TextInput type="time" label={t("postalForm.at")} value={d.schedule?.at ?? "18:00"} onChange={(e) => set({ schedule: { ...d.schedule, every, at: e.currentTarget.value.slice(0, 5) } })} error={fieldProblem(error, "schedule.at")} />}
                {every === "month" && <TextInput label={t("postalForm.days")} description={t("postalForm.days_hint")} value={(d.schedule?.days ?? []).join(", ")} onChange={(e) => set({ schedule: { ...d.schedule, days: e.currentTarget.value.normalize("NFKC").split(/[^0-9]+/).filter(Boolean) } })} error={fieldProblem(error, "schedule.days")} />}
              </Group>
              {every === "week" && <Weekdays label={t("postalForm.weekdays")} value={d.schedule?.days} onChange={(days) => set({ schedule: { ...d.schedule, every, days } })} error={fieldProblem(error, "schedule.days")} />}
              {every === "manual" && <Text size="xs" c="dimmed">{t("postalForm.manualHint")}</Text>}
              {number("min_pieces", error, 0)}
            </>)}
            {section("review", <>
              <Switch label={t("postalForm.approval")} description={t("postalForm.approval_hint")} checked={!d.approval?.off} onChange={(e) => set({ approval: { ...d.approval, off: !e.currentTarget.checked } })} />
              {!d.approval?.off && <NativeSelect label={t("postalForm.role")} value={d.approval?.role ?? "approver"} data={["editor", "approver", "admin"].map((r) => ({ value: r, label: t(`role.${r}`) }))} onChange={(e) => set({ approval: { ...d.approval, role: e.currentTarget.value } })} error={fieldProblem(error, "approval.role")} />}
              {number("hold_hours", error, 0)}
            </>)}
            {section("money", <SimpleGrid cols={{ base: 1, xs: 2 }}>
              {([["cost", "print"], ["cost", "postage"], ["budget", "batch"], ["budget", "month"]] as const).map(([group, field]) => <TextInput key={group + field} inputMode="decimal" label={t(`postalForm.${group}_${field}`)} description={t(`postalForm.${group}_${field}_hint`)} value={(d[group] as Record<string, string | undefined> | undefined)?.[field] ?? ""} onChange={(e) => set({ [group]: { ...d[group], [field]: amountOf(e.currentTarget.value) } })} error={fieldProblem(error, `${group}.${field}`) ?? (field === "print" ? fieldProblem(error, "cost") : undefined)} />)}
            </SimpleGrid>)}
            {section("people", <>
              <Group gap="md" align="flex-start">
                <NativeSelect label={t("postalForm.household")} value={d.household ?? "one"} data={["one", "all"].map((v) => ({ value: v, label: t(`postalForm.household_${v}`) }))} onChange={(e) => set({ household: e.currentTarget.value })} />
                {(d.household ?? "one") === "one" && <NativeSelect label={t("postalForm.prefer")} value={d.prefer ?? "ltv"} data={["ltv", "latest", "first"].map((v) => ({ value: v, label: t(`postalForm.prefer_${v}`) }))} onChange={(e) => set({ prefer: e.currentTarget.value })} />}
              </Group>
              <Group gap="sm" align="flex-start">
                <NumberInput w={140} label={t("postalForm.recent_pieces")} min={0} allowDecimal={false} value={d.recent?.pieces ?? ""} onChange={(v) => set({ recent: { ...d.recent, pieces: Number(v) || undefined } })} error={fieldProblem(error, "recent")} />
                <NumberInput w={140} label={t("postalForm.recent_days")} min={0} max={366} allowDecimal={false} value={d.recent?.days ?? ""} onChange={(v) => set({ recent: { ...d.recent, days: Number(v) || undefined } })} />
              </Group>
              <Text size="xs" c="dimmed">{t("postalForm.recent_hint")}</Text>
              <Switch label={t("postalForm.new_year")} description={t("postalForm.new_year_hint")} checked={!!d.new_year} onChange={(e) => set({ new_year: e.currentTarget.checked })} />
            </>)}
            {section("house", <>
              <SimpleGrid cols={{ base: 1, xs: 2 }}>
                <NativeSelect label={t("postalForm.kind")} value={d.delivery?.kind ?? "download"} data={["download", "directory", "sftp"].map((v) => ({ value: v, label: t(`postalForm.kind_${v}`) }))} onChange={(e) => set({ delivery: { ...d.delivery, kind: e.currentTarget.value } })} error={fieldProblem(error, "delivery.kind")} />
                <TextInput label={t("postalForm.house")} description={t("postalForm.house_hint")} placeholder="standard" value={d.house ?? ""} onChange={(e) => set({ house: e.currentTarget.value.trim() })} error={fieldProblem(error, "house")} />
                {(d.delivery?.kind ?? "download") !== "download" && <TextInput label={t("postalForm.target")} description={t("postalForm.target_hint")} value={d.delivery?.target ?? ""} onChange={(e) => set({ delivery: { ...d.delivery, target: e.currentTarget.value.trim() } })} error={fieldProblem(error, "delivery.target")} />}
                <TextInput label={t("postalForm.recipient")} description={t("postalForm.recipient_hint")} value={d.delivery?.recipient ?? ""} onChange={(e) => set({ delivery: { ...d.delivery, recipient: e.currentTarget.value } })} error={fieldProblem(error, "delivery.recipient")} />
                <NativeSelect label={t("postalForm.encrypt")} value={d.delivery?.encrypt ?? ""} data={["", "zip", "age"].map((v) => ({ value: v, label: t(`postalForm.encrypt_${v || "none"}`) }))} onChange={(e) => set({ delivery: { ...d.delivery, encrypt: e.currentTarget.value } })} error={fieldProblem(error, "delivery.encrypt")} />
              </SimpleGrid>
              <Checkbox label={t("postalForm.pdf")} description={t("postalForm.pdf_hint")} checked={!!d.delivery?.pdf} onChange={(e) => set({ delivery: { ...d.delivery, pdf: e.currentTarget.checked } })} />
            </>)}
            {section("sender", <SimpleGrid cols={{ base: 1, xs: 2 }}>
              {senderFields.map((f) => <TextInput key={f} label={t(`postalForm.sender_${f}`)} placeholder={f === "mark" ? t("postalForm.mark_placeholder") : undefined} value={d.sender?.[f] ?? ""} onChange={(e) => set({ sender: { ...d.sender, [f]: e.currentTarget.value } })} error={fieldProblem(error, `sender.${f}`)} />)}
            </SimpleGrid>)}
            {section("response", <SimpleGrid cols={{ base: 1, xs: 2 }}>
              {number("response_days", error, 60)}
              <TextInput label={t("postalForm.landing")} description={t("postalForm.landing_hint")} placeholder="https://" value={d.landing ?? ""} onChange={(e) => set({ landing: e.currentTarget.value.trim() })} error={fieldProblem(error, "landing")} />
              <TextInput label={t("postalForm.coupon")} description={t("postalForm.coupon_hint")} value={d.coupon ?? ""} onChange={(e) => set({ coupon: e.currentTarget.value.trim() })} error={fieldProblem(error, "coupon")} />
            </SimpleGrid>)}
            {section("seeds", <>
              <Text size="xs" c="dimmed">{t("postalForm.seeds_hint")}</Text>
              {seeds.map((s, i) => (
                <Stack key={i} gap="sm" className="block" role="group" aria-label={t("postalForm.seedNth", { n: i + 1 })}>
                  <Group justify="space-between"><Text size="xs" fw={700} c="dimmed">{t("postalForm.seedNth", { n: i + 1 })}</Text><ActionIcon variant="subtle" color="gray" size={26} aria-label={t("builder.remove")} onClick={() => set({ seeds: seeds.filter((_, k) => k !== i) })}><IconX size={15} aria-hidden /></ActionIcon></Group>
                  <SimpleGrid cols={{ base: 1, xs: 2 }}>{addressFields.map((f) => <TextInput key={f} label={t(`address.${f}`)} value={s[f] ?? ""} onChange={(e) => seed(i, { [f]: e.currentTarget.value })} error={fieldProblem(error, `seeds[${i}].${f}`)} />)}</SimpleGrid>
                </Stack>
              ))}
              {seeds.length < 50 && <Button size="compact-sm" variant="subtle" w="max-content" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set({ seeds: [...seeds, {}] })}>{t("postalForm.addSeed")}</Button>}
            </>)}
          </Accordion>
        </>
      )}
    </FormModal>
  );
}
