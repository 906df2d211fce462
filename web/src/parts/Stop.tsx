import { Alert, Button, Group, Modal, Radio, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { count, instant } from "../format";
import { actor, joined, pick } from "../i18n";
import type { Held, Stop as StopRow } from "../types";
import { channels } from "./channels";
import { modals, tell } from "./confirm";
import { ProblemBox } from "./Page";

const scopes = ["all", "channel", "prefecture", "journey"] as const;
type Scope = (typeof scopes)[number];
const prefectures = "北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 東京都 神奈川県 新潟県 富山県 石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 滋賀県 京都府 大阪府 兵庫県 奈良県 和歌山県 鳥取県 島根県 岡山県 広島県 山口県 徳島県 香川県 愛媛県 高知県 福岡県 佐賀県 長崎県 熊本県 大分県 宮崎県 鹿児島県 沖縄県".split(" ");

export const useSending = () => useApi("/sending", {}, { refetchInterval: 5_000 });

/** Always in the bar: holds back everything, a channel, a prefecture or a journey, and says how many it held. */
export function StopButton() {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="compact-md" color="red.9" variant="filled" leftSection={<IconHandStop size={16} aria-hidden />} onClick={() => setOpen(true)} className="stop" aria-label={t("stop.button")}><span className="from-sm">{t("stop.button")}</span></Button>
      {open && <Dialog close={() => setOpen(false)} />}
    </>
  );
}

function Dialog({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const sending = useSending();
  const journeys = useApi("/journeys", {}, { staleTime: 60_000 });
  const [scope, setScope] = useState<Scope>("all");
  const [value, setValue] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [held, setHeld] = useState<(Held & { incoming: number; seconds: number }) | null>(null);
  const data = { all: [], channel: [...channels, "webhook"].map((c) => ({ value: c, label: t(`channel.${c}`) })), prefecture: prefectures.map((p) => ({ value: p, label: p })), journey: (journeys.data?.items ?? []).map((j) => ({ value: j.name, label: pick(j.title) || j.name })) }[scope];
  const what = scope === "all" ? t("stop.everything") : (data.find((x) => x.value === value)?.label ?? "");
  const open = sending.data?.open;
  const go = async () => {
    setBusy(true);
    const begun = performance.now();
    try {
      const s = await request("post", "/sending/stop", { body: { scope, value: scope === "all" ? "" : value!, reason } });
      setHeld({ ...s.held, incoming: s.incoming, seconds: (performance.now() - begun) / 1000 });
      setError(null);
      void sending.refetch();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} size="lg" title={<Text fw={700}>{t("stop.title")}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      {held ? (
        <Stack gap="md" role="status">
          <Text fz={24} fw={700}>{t("stop.held", { n: count(held.waiting) })}</Text>
          <Text size="sm">{joined([what, t("stop.took", { n: held.seconds.toFixed(1) }), held.in_hand > 0 && t("stop.inHand", { n: count(held.in_hand) }), held.incoming > 0 && t("stop.incoming", { n: count(held.incoming) })])}</Text>
          <Text size="sm" c="dimmed">{t("stop.stays")}</Text>
          <Group justify="flex-end"><Button variant="default" onClick={close}>{t("close")}</Button></Group>
        </Stack>
      ) : (
        <Stack gap="md">
          <Radio.Group label={t("stop.what")} value={scope} onChange={(v) => { setScope(v as Scope); setValue(null); }}><Group gap="lg" mt={6}>{scopes.map((s) => <Radio key={s} value={s} label={t(`stop.scope_${s}`)} />)}</Group></Radio.Group>
          {scope !== "all" && <Select label={t(`stop.scope_${scope}`)} searchable required data={data} value={value} onChange={setValue} />}
          <TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
          <Alert color="red">{t("stop.consequence")}{open && scope === "all" && <> {t("stop.now", { n: count(open.waiting) })}</>}</Alert>
          {error && <ProblemBox error={error} />}
          <Group justify="flex-end" gap="sm"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button color="red.9" loading={busy} disabled={scope !== "all" && !value} onClick={() => void go()}>{what ? t("stop.go", { what }) : t("stop.button")}</Button></Group>
        </Stack>
      )}
    </Modal>
  );
}

/** What is stopped, on every page while it is; an approver lifts it. */
export function Stops({ role }: { role: string }) {
  const { t } = useTranslation();
  const sending = useSending();
  const stops = (sending.data?.stops ?? []) as StopRow[];
  const may = role === "approver" || role === "admin";
  const resume = async (s: StopRow) => {
    if (!(await modals.confirm(t("stop.resumeTitle"), t("stop.resumeText", { n: count(s.waiting) }), t("stop.resume")))) return;
    try {
      await request("post", "/sending/resume", { body: { stop: s.id } });
      void sending.refetch();
    } catch (e) {
      tell(e);
    }
  };
  return stops.map((s) => (
    <Alert key={s.id} color="red" mb="md" icon={<IconHandStop aria-hidden />} title={t("stop.active", { what: s.scope === "all" ? t("stop.everything") : pick(s.title) })} role="status">
      <Group justify="space-between" gap="sm">
        <Text size="sm">{joined([t("stop.holds", { n: count(s.waiting) }), instant(s.since), actor(s.by), s.reason])}</Text>
        {may ? <Button size="compact-sm" variant="default" onClick={() => void resume(s)}>{t("stop.resume")}</Button> : <Text size="xs">{t("stop.askApprover")}</Text>}
      </Group>
    </Alert>
  ));
}
