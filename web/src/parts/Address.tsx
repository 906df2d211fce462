import { Badge, Button, Group, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api";
import { joined, pick } from "../i18n";
import type { PostalAddressText, PostalProblem } from "../types";
import { fieldProblem, FormModal } from "./FormModal";

/** An address as an envelope has it, in two lines. */
export function Address({ a }: { a?: PostalAddressText | null }) {
  const { t } = useTranslation();
  if (!a) return <Text size="sm" c="dimmed">{t("addresses.none")}</Text>;
  const place = [a.prefecture, a.city, a.address1].filter(Boolean).join("");
  return (
    <div style={{ overflowWrap: "anywhere" }}>
      {a.postal_code && <Text size="xs" c="dimmed" className="num">〒{a.postal_code}</Text>}
      <Text size="sm">{joined([place, a.address2]) || "—"}</Text>
      {(a.company || a.department) && <Text size="xs" c="dimmed">{joined([a.company, a.department, a.job_title])}</Text>}
    </div>
  );
}

/** What is wrong with an address, and how it is put right. */
export function Problems({ items }: { items: PostalProblem[] }) {
  const { t } = useTranslation();
  return (
    <Stack gap={4}>
      {items.map((p, i) => (
        <div key={i}>
          <Group gap={6} wrap="nowrap" align="flex-start"><Badge size="sm" variant="light" color={p.severity === "error" ? "red" : "orange"}>{pick(p.label)}</Badge><Text size="xs">{pick(p.text)}</Text></Group>
          {pick(p.fix) && <Text size="xs" c="dimmed">{pick(p.fix)}{p.suggest && t("addresses.suggest", { value: p.suggest })}</Text>}
        </div>
      ))}
    </Stack>
  );
}

const fields = ["postal_code", "prefecture", "city", "address1", "address2", "company", "department", "job_title"] as const;
type Values = Record<(typeof fields)[number] | "family_name" | "given_name", string>;

/** Corrects where a person's post goes; only what was changed is told. A value that would be right is offered at its field. */
export function AddressForm({ profile, name, address, problems, close, saved }: { profile: string; name: string; address?: PostalAddressText | null; problems: PostalProblem[]; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const before = Object.fromEntries([...fields.map((f) => [f, address?.[f] ?? ""]), ["family_name", ""], ["given_name", ""]]) as Values;
  const [v, setV] = useState(before);
  const [reason, setReason] = useState("");
  const changed = Object.fromEntries(Object.entries(v).filter(([k, x]) => x !== before[k as keyof Values]));
  const save = async () => {
    await request("post", "/people/{id}/addresses", { path: { id: profile }, body: { ...changed, reason } });
    saved();
  };
  const nameless = !address?.name;
  return (
    <FormModal title={t("addresses.edit", { name: name || t("person.unnamed") })} action={t("addresses.save")} then={t("addresses.then")} ready={Object.keys(changed).length > 0} save={save} close={close}>
      {(error) => (
        <>
          {problems.length > 0 && <Problems items={problems} />}
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
            {nameless && (["family_name", "given_name"] as const).map((f) => <TextInput key={f} label={t(`addresses.${f}`)} value={v[f]} onChange={(e) => setV({ ...v, [f]: e.currentTarget.value })} error={fieldProblem(error, f)} />)}
            {fields.map((f) => {
              const right = problems.find((p) => p.field === f && p.suggest && p.suggest !== v[f])?.suggest;
              return (
                <div key={f}>
                  <TextInput label={t(`address.${f}`)} value={v[f]} onChange={(e) => setV({ ...v, [f]: e.currentTarget.value })} error={fieldProblem(error, f)} style={problems.some((p) => p.field === f && p.severity === "error") && v[f] === before[f] ? { borderLeft: "3px solid var(--mantine-color-red-filled)", paddingLeft: 6 } : undefined} />
                  {right && <Button size="compact-xs" mt={4} variant="light" onClick={() => setV({ ...v, [f]: right })}>{t("addresses.take", { value: right })}</Button>}
                </div>
              );
            })}
          </SimpleGrid>
          <TextInput label={t("reason")} placeholder={t("addresses.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
        </>
      )}
    </FormModal>
  );
}
