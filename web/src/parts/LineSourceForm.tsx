import { Autocomplete, Group, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { pick } from "../i18n";
import type { SourceSettings } from "../line/accounts";
import type { LineAccount } from "../types";
import { modals } from "./confirm";
import { fieldProblem, FormModal } from "./FormModal";
import { nameOfToday } from "./ListForm";

const kinds = ["store", "parcel", "campaign", "web"] as const;

/** Makes a way by which people become friends, changes or ends one. */
export function LineSourceForm({ source: s, all, version, accounts, close, saved }: { source?: SourceSettings; all: SourceSettings[]; version: number; accounts: LineAccount[]; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const stores = useApi("/stores", {}, { staleTime: 60_000 });
  const [d, setD] = useState<SourceSettings>(s ?? { id: nameOfToday("source", all.map((x) => x.id)), title: { ja: "", en: "" }, kind: "store" });
  const set = (to: Partial<SourceSettings>) => setD({ ...d, ...to });
  const put = async (sources: SourceSettings[]) => {
    await request("put", "/settings/{name}", { path: { name: "line_sources" }, body: { body: { sources }, expect: version } });
    saved();
  };
  const save = () => {
    const { store, account, ...rest } = d;
    const mine = { ...rest, ...(store && { store }), ...(account && account !== "default" && { account }) };
    return put(s ? all.map((x) => (x.id === s.id ? mine : x)) : [...all, mine]);
  };
  const end = async () => {
    if (await modals.confirm(t("sourceForm.endTitle"), t("sourceForm.endText", { name: pick(s!.title) }), t("sourceForm.end"))) await put(all.filter((x) => x.id !== s!.id));
  };
  return (
    <FormModal title={t(s ? "sourceForm.edit" : "sourceForm.new")} action={t("segment.save")} then={t("sourceForm.then")} ready={!!d.id && !!d.title.ja.trim() && !!d.title.en.trim()} save={save} remove={s && { label: t("sourceForm.end"), act: end }} close={close}>
      {(error) => (
        <>
          <Group grow align="flex-start">
            {(["ja", "en"] as const).map((l) => <TextInput key={l} label={t(`sourceForm.title_${l}`)} placeholder={t(`sourceForm.hint_${l}`)} value={d.title[l]} onChange={(e) => set({ title: { ...d.title, [l]: e.currentTarget.value } })} error={fieldProblem(error, "title")} required data-autofocus={l === "ja" || undefined} />)}
          </Group>
          {!s && <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={d.id} onChange={(e) => set({ id: e.currentTarget.value.trim() })} error={fieldProblem(error, "id")} required />}
          <Group grow align="flex-start">
            <Select label={t("sourceForm.kind")} allowDeselect={false} value={d.kind} onChange={(v) => set({ kind: v ?? "store" })} data={kinds.map((k) => ({ value: k, label: t(`lineAccounts.kind_${k}`) }))} />
            {d.kind === "store" && <Autocomplete label={t("sourceForm.store")} description={t("sourceForm.storeHint")} inputWrapperOrder={["label", "input", "description", "error"]} value={d.store ?? ""} onChange={(v) => set({ store: v })} data={(stores.data?.items ?? []).map((x) => x.name)} maxLength={64} />}
            {accounts.length > 1 && <Select label={t("replies.account")} allowDeselect={false} value={d.account || "default"} onChange={(v) => set({ account: v ?? "" })} data={accounts.map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} error={fieldProblem(error, "account")} />}
          </Group>
        </>
      )}
    </FormModal>
  );
}
