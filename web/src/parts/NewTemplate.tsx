import { Button, Group, Modal, Radio, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { pick } from "../i18n";
import { begunContent } from "../dm/content";
import { begun, plain, type Kind } from "../mail/blocks";
import { finishedAll } from "../mail/draft";
import { line } from "../mail/line";
import type { TemplateDefinition } from "../types";
import { channels, type Channel } from "./channels";
import { ProblemBox } from "./Page";

const beginnings: Record<string, Kind[]> = { news: ["heading", "text", "image", "button", "divider", "footer"], coupon: ["heading", "text", "coupon", "button", "divider", "footer"], cart: ["heading", "text", "products", "button", "footer"] };

/** A new template: from a layout, or as a copy of another. */
export function NewTemplate({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const templates = useApi("/templates", {}, { staleTime: 30_000 });
  const [title, setTitle] = useState("");
  const [channel, setChannel] = useState<Channel>("email");
  const [purpose, setPurpose] = useState<"marketing" | "transactional">("marketing");
  const [from, setFrom] = useState("news");
  const [copy, setCopy] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    const name = `${channel === "email" ? "mail" : channel}_${new Date().toISOString().slice(0, 10).replaceAll("-", "")}_${crypto.randomUUID().slice(0, 4)}`;
    try {
      let d: TemplateDefinition = { name, channel, purpose, title: { ja: title, en: title }, variants: {} };
      if (from === "copy") d = { ...((await request("get", "/templates/{name}", { path: { name: copy! } })).definition as TemplateDefinition), name, title: { ja: title, en: title }, overrides: undefined };
      else if (channel === "line") d.variants.ja = { messages: [line("text", t)] };
      else if (channel !== "email") d.variants.ja = { content: begunContent(channel, title, t) };
      else d.variants.ja = { subject: title, preheader: "", source: { kind: "blocks", blocks: beginnings[from].map((k) => begun(k, t)) } };
      await request("put", "/templates/{name}", { path: { name }, body: { definition: await finishedAll(d, () => plain), expect: 0 } });
      void go(`/content/${name}`);
    } catch (e) {
      setError(e as ApiError);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} size="lg" title={<Text fw={700}>{t("content.new")}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      <form onSubmit={(e) => { e.preventDefault(); void make(); }}>
        <Stack gap="md">
          <TextInput label={t("content.name")} placeholder={t("content.nameHint")} required value={title} onChange={(e) => setTitle(e.currentTarget.value)} data-autofocus maxLength={100} />
          <Group gap="md">
            <SegmentedControl value={channel} onChange={(v) => { setChannel(v as Channel); setCopy(null); }} data={channels.map((c) => ({ value: c, label: t(`channel.${c}`) }))} style={{ maxWidth: "100%", overflowX: "auto" }} aria-label={t("outbox.channel")} />
            <SegmentedControl value={purpose} onChange={(v) => setPurpose(v as "marketing" | "transactional")} data={[{ value: "marketing", label: t("purpose.marketing") }, { value: "transactional", label: t("purpose.transactional") }]} aria-label={t("content.purpose")} />
          </Group>
          <Radio.Group label={t("content.begin")} value={from} onChange={setFrom}>
            <Stack gap={6} mt={6}>
              {channel !== "email" ? <Radio value="news" label={t(`content.begin_${channel}`)} /> : Object.keys(beginnings).map((b) => <Radio key={b} value={b} label={t(`content.begin_${b}`)} />)}
              <Radio value="copy" label={t("content.begin_copy")} />
            </Stack>
          </Radio.Group>
          {from === "copy" && <Select aria-label={t("content.begin_copy")} placeholder={t("content.choose")} searchable value={copy} onChange={setCopy} data={(templates.data?.items ?? []).filter((x) => x.channel === channel).map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} />}
          {error && <ProblemBox error={error} />}
          <Group justify="flex-end" gap="sm"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button type="submit" loading={busy} disabled={!title.trim() || (from === "copy" && !copy)}>{t("content.make")}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
