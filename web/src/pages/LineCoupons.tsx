import { Button, Card, Group, NumberInput, Select, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { request, useApi } from "../api";
import { pick } from "../i18n";
import { benefits, couponOf, couponWrong, twoWeeks, type CouponDraft } from "../line/coupon";
import { modals, tell } from "../parts/confirm";
import { Copied } from "../parts/Copied";
import { FormModal } from "../parts/FormModal";
import { Images } from "../parts/Images";
import { LineTabs } from "../parts/LineTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";

/** Coupons that LINE keeps: made here, shown by a message of type coupon, ended here. */
export function LineCoupons() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const accounts = useApi("/line/accounts", {}, { staleTime: 60_000 });
  const known = accounts.data?.items ?? [];
  const account = params.get("account") ?? known[0]?.name ?? "";
  const coupons = useApi("/line/coupons", { query: { account } }, { enabled: account !== "" });
  const [making, setMaking] = useState(false);
  const items = coupons.data?.items ?? [];
  const end = async (id: string, title: string) => {
    if (!(await modals.confirm(t("coupons.endTitle"), t("coupons.endText", { title }), t("coupons.end")))) return;
    try {
      await request("post", "/line/coupons/{id}/close", { path: { id }, body: { account } });
    } catch (e) {
      tell(e);
    }
    await coupons.refetch();
  };
  const make = <Button size="xs" disabled={!account} onClick={() => setMaking(true)}>{t("coupons.new")}</Button>;
  const error = accounts.error ?? coupons.error;
  return (
    <Page title={t("nav.outbox")} about={t("coupons.about")} actions={<>{known.length > 1 && <Select size="xs" value={account} data={known.map((a) => ({ value: a.name, label: pick(a.title) || a.name }))} onChange={(v) => setParams({ account: v ?? "" })} allowDeselect={false} aria-label={t("replies.account")} />}{items.length > 0 && make}</>}>
      <LineTabs at="coupons" />
      {error && !coupons.data && <ProblemBox error={error} retry={() => void (accounts.error ? accounts : coupons).refetch()} />}
      {!coupons.data && !error && (accounts.data && known.length === 0 ? <Empty title={t("lineAccounts.none")}>{t("lineAccounts.noneText")}</Empty> : <Loading />)}
      {coupons.data && items.length === 0 && <Empty title={t("coupons.none")} action={make}>{t("coupons.noneText")}</Empty>}
      {items.map((c) => (
        <Card key={c.id} withBorder padding="md" component="article" aria-label={c.title}>
          <Group justify="space-between" mb="sm"><Text fw={700}>{c.title}</Text><Button size="compact-sm" variant="subtle" color="red" aria-label={t("coupons.endOf", { title: c.title })} onClick={() => void end(c.id, c.title)}>{t("coupons.end")}</Button></Group>
          <Copied label={t("coupons.id")} value={c.id} />
        </Card>
      ))}
      {making && <CouponForm account={account} close={() => setMaking(false)} saved={() => { setMaking(false); void coupons.refetch(); }} />}
    </Page>
  );
}

function CouponForm({ account, close, saved }: { account: string; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const [d, setD] = useState<CouponDraft>(() => ({ title: "", benefit: "percent", amount: 10, ...twoWeeks(Date.now()), again: false, public: false, description: "", condition: "", code: "", image: "" }));
  const set = (to: Partial<CouponDraft>) => setD({ ...d, ...to });
  const wrong = couponWrong(d);
  const save = async () => {
    await request("post", "/line/coupons", { body: { account, coupon: couponOf(d) } });
    saved();
  };
  return (
    <FormModal title={t("coupons.new")} action={t("coupons.make")} then={wrong ? t(`couponWrong.${wrong}`) : t("coupons.then")} ready={wrong === ""} save={save} close={close}>
      {() => (
        <>
          <TextInput label={t("coupons.title")} placeholder={t("coupons.titleHint")} value={d.title} onChange={(e) => set({ title: e.currentTarget.value })} maxLength={60} required data-autofocus />
          <Group grow align="flex-start">
            <Select label={t("coupons.benefit")} allowDeselect={false} value={d.benefit} onChange={(v) => v && set({ benefit: v as CouponDraft["benefit"] })} data={benefits.map((b) => ({ value: b, label: t(`couponBenefit.${b}`) }))} />
            {(d.benefit === "percent" || d.benefit === "yen") && <NumberInput label={t("coupons.amount")} value={d.amount} onChange={(v) => set({ amount: Number(v) || 0 })} min={1} max={d.benefit === "percent" ? 99 : undefined} allowDecimal={false} thousandSeparator="," prefix={d.benefit === "yen" ? "¥" : undefined} suffix={d.benefit === "percent" ? "%" : undefined} />}
          </Group>
          <Group grow align="flex-start">
            <TextInput type="datetime-local" label={t("coupons.from")} value={d.from} onChange={(e) => set({ from: e.currentTarget.value })} required />
            <TextInput type="datetime-local" label={t("coupons.to")} value={d.to} onChange={(e) => set({ to: e.currentTarget.value })} required />
          </Group>
          <Textarea label={t("coupons.description")} value={d.description} onChange={(e) => set({ description: e.currentTarget.value })} maxLength={1000} autosize minRows={2} maxRows={6} />
          <TextInput label={t("coupons.condition")} placeholder={t("coupons.conditionHint")} value={d.condition} onChange={(e) => set({ condition: e.currentTarget.value })} maxLength={100} />
          <Group grow align="flex-start">
            <TextInput label={t("mail.code")} description={t("coupons.codeHint")} value={d.code} onChange={(e) => set({ code: e.currentTarget.value })} maxLength={100} />
            <TextInput label={<Group gap="xs">{t("line.image")}<Images line onPick={(image) => set({ image })} /></Group>} aria-label={t("line.image")} value={d.image} onChange={(e) => set({ image: e.currentTarget.value })} />
          </Group>
          <Stack gap="sm"><Switch label={t("coupons.again")} checked={d.again} onChange={(e) => set({ again: e.currentTarget.checked })} /><Switch label={t("coupons.public")} checked={d.public} onChange={(e) => set({ public: e.currentTarget.checked })} /></Stack>
        </>
      )}
    </FormModal>
  );
}
