import { ActionIcon, Button, Card, Group, JsonInput, Select, Stack, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconCopy, IconPlus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { socialKind, socialKinds, socialMessage, withField, type QuickReply, type SocialButton, type SocialContent, type SocialMessage } from "./content";
import { Field } from "./Field";

const most = { messages: 5, replies: 13, title: 20, text: 2000, buttons: 3 };

/** Messages of Messenger and Instagram, one card each. */
export function SocialEditor({ content, set, wrong }: { content: SocialContent; set: (c: SocialContent, what?: string) => void; wrong: Set<number> }) {
  const { t } = useTranslation();
  const messages = content.messages ?? [];
  const put = (list: SocialMessage[], what = "") => set({ ...content, messages: list }, what);
  const swap = (i: number, j: number) => put(messages.map((m, k) => (k === i ? messages[j] : k === j ? messages[i] : m)));
  return (
    <Stack gap="md">
      {messages.map((m, i) => {
        const to = (x: SocialMessage) => put(messages.map((o, k) => (k === i ? x : o)), `messages${i}`);
        const acts = [["up", i === 0, () => swap(i, i - 1), IconArrowUp], ["down", i === messages.length - 1, () => swap(i, i + 1), IconArrowDown], ["copy", messages.length >= most.messages, () => put([...messages.slice(0, i + 1), structuredClone(m), ...messages.slice(i + 1)]), IconCopy], ["remove", messages.length < 2, () => put(messages.filter((_, k) => k !== i)), IconX]] as const;
        return (
          <Card key={i} withBorder padding="md" data-message={i} style={wrong.has(i) ? { borderColor: "var(--mantine-color-red-filled)" } : undefined}>
            <Group justify="space-between" mb="sm" wrap="nowrap">
              <Text fw={700} size="sm">{t("line.nth", { n: i + 1 })}　{t(`dm.social_${socialKind(m)}`)}</Text>
              <Group gap={0} wrap="nowrap">{acts.map(([word, off, act, Icon]) => <Tooltip key={word} label={t(`builder.${word}`)} openDelay={400}><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} disabled={off} aria-label={t(`builder.${word}`)} onClick={act}><Icon size={15} aria-hidden /></ActionIcon></Tooltip>)}</Group>
            </Group>
            <Form m={m} onChange={to} />
            {(i === messages.length - 1 || m.quick_replies) && socialKind(m) !== "other" && <Replies m={m} onChange={to} />}
          </Card>
        );
      })}
      <Group gap={4} role="toolbar" aria-label={t("line.add")}>
        {socialKinds.map((k) => <Button key={k} size="compact-sm" variant="default" disabled={messages.length >= most.messages} leftSection={<IconPlus size={14} aria-hidden />} onClick={() => put([...messages, socialMessage(k, t)])}>{t(`dm.social_${k}`)}</Button>)}
      </Group>
      <details open={!!content.tag || content.utility !== undefined}>
        <summary>{t("dm.social_outside")}</summary>
        <Stack gap="sm" mt="sm">
          <Text size="xs" c="dimmed">{t("dm.social_outsideAbout")}</Text>
          <Field name="tag" label={t("dm.social_tag")} value={content.tag ?? ""} placeholder="POST_PURCHASE_UPDATE" onChange={(v) => set(withField(content, "tag", v.trim()), "tag")} />
          <JSONField label={t("dm.social_utility")} value={content.utility} onChange={(v) => set(withField(content, "utility", v))} />
        </Stack>
      </details>
    </Stack>
  );
}

function Form({ m, onChange }: { m: SocialMessage; onChange: (m: SocialMessage) => void }) {
  const { t } = useTranslation();
  switch (socialKind(m)) {
    case "text": return <Field label={t("mail.words")} rows={4} most={most.text} value={m.text ?? ""} onChange={(text) => onChange({ ...m, text })} hint={[...(m.text ?? "")].length > 300 ? t("dm.social_bytes") : undefined} />;
    case "image": return <Field picture label={t("mail.src")} value={m.attachment?.payload?.url ?? ""} onChange={(url) => onChange({ ...m, attachment: { type: "image", payload: { url } } })} />;
    case "buttons": {
      const p = m.attachment!.payload!;
      const buttons = p.buttons ?? [];
      const put = (by: object) => onChange({ ...m, attachment: { type: "template", payload: { ...p, ...by } } });
      const set = (list: SocialButton[]) => put({ buttons: list });
      return (
        <Stack gap="sm">
          <Field label={t("mail.words")} rows={2} most={640} value={p.text ?? ""} onChange={(text) => put({ text })} />
          {buttons.map((b, i) => (
            <Group key={i} gap={6} align="flex-end" role="group" aria-label={t("dm.buttonNth", { n: i + 1 })}>
              <TextInput flex={2} miw={130} label={t("mail.label")} value={b.title} error={[...b.title].length > most.title} onChange={(e) => set(buttons.map((x, k) => (k === i ? { ...b, title: e.currentTarget.value } : x)))} />
              <Select w={146} label={t("line.does")} allowDeselect={false} value={b.type} data={["web_url", "postback"].map((v) => ({ value: v, label: t(`dm.social_${v}`) }))} onChange={(v) => set(buttons.map((x, k) => (k === i ? (v === "postback" ? { type: v, title: b.title, payload: b.title } : { type: "web_url", title: b.title, url: "" }) : x)))} />
              <TextInput flex={3} miw={160} label={b.type === "postback" ? t("dm.social_payload") : t("mail.href")} value={(b.type === "postback" ? b.payload : b.url) ?? ""} onChange={(e) => set(buttons.map((x, k) => (k === i ? { ...b, [b.type === "postback" ? "payload" : "url"]: e.currentTarget.value } : x)))} />
              <ActionIcon variant="subtle" color="gray" c="dimmed" size={34} disabled={buttons.length < 2} aria-label={t("builder.remove")} onClick={() => set(buttons.filter((_, k) => k !== i))}><IconX size={15} aria-hidden /></ActionIcon>
            </Group>
          ))}
          {buttons.length < most.buttons && <Button size="compact-sm" variant="subtle" w="max-content" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set([...buttons, { type: "web_url", title: "", url: "" }])}>{t("line.addButton")}</Button>}
        </Stack>
      );
    }
    default: return <JSONField label={t("line.json")} value={m} onChange={(v) => v && onChange(v as SocialMessage)} />;
  }
}

/** Quick replies: what is tapped comes back as a message with its key. */
function Replies({ m, onChange }: { m: SocialMessage; onChange: (m: SocialMessage) => void }) {
  const { t } = useTranslation();
  const items = m.quick_replies ?? [];
  const set = (list: QuickReply[]) => onChange(withField(m, "quick_replies", list.length > 0 ? list : undefined));
  const change = (i: number, by: Partial<QuickReply>) => set(items.map((x, k) => (k === i ? { ...x, ...by } : x)));
  return (
    <Stack gap={6} mt="md">
      <Group justify="space-between"><Text size="sm" fw={600}>{t("line.quick")}</Text><Switch size="xs" label={t("line.quickOn")} checked={items.length > 0} onChange={(e) => set(e.currentTarget.checked ? [{ title: t("line.begun_reply"), payload: "ask" }] : [])} /></Group>
      {items.map((r, i) => (
        <Group key={i} gap={6} align="flex-end" wrap="nowrap" role="group" aria-label={t("dm.replyNth", { n: i + 1 })}>
          <TextInput flex={1} miw={0} label={t("mail.label")} value={r.title} error={[...r.title].length > most.title} onChange={(e) => change(i, { title: e.currentTarget.value })} />
          <TextInput flex={1} miw={0} label={t("dm.social_payload")} value={r.payload} onChange={(e) => change(i, { payload: e.currentTarget.value })} />
          <ActionIcon variant="subtle" color="gray" c="dimmed" size={34} aria-label={t("builder.remove")} onClick={() => set(items.filter((_, k) => k !== i))}><IconX size={15} aria-hidden /></ActionIcon>
        </Group>
      ))}
      {items.length > 0 && items.length < most.replies && <Button size="compact-sm" variant="subtle" w="max-content" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set([...items, { title: "", payload: "" }])}>{t("line.addReply")}</Button>}
    </Stack>
  );
}

function JSONField({ label, value, onChange }: { label: string; value: unknown; onChange: (v: unknown) => void }) {
  const { t } = useTranslation();
  return <JsonInput key={JSON.stringify(value)} label={label} defaultValue={value === undefined ? "" : JSON.stringify(value, null, 2)} autosize minRows={3} maxRows={20} validationError={t("journey.noJSON")} classNames={{ input: "mono" }}
    onBlur={(e) => { try { onChange(e.currentTarget.value.trim() ? JSON.parse(e.currentTarget.value) : undefined); } catch { /* said below the field */ } }} />;
}
