import { ActionIcon, Box, Button, Card, Group, JsonInput, Select, Stack, Switch, Text, Textarea, TextInput, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconCopy, IconPlus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Images } from "../parts/Images";
import { Variables } from "../parts/Variables";
import { bubble, bubbleOf, line, lineKinds, kindOf, type LineAction, type LineColumn, type LineDraft } from "./line";

// What the list of chats shows goes with the words until somebody writes it.
const along = (m: LineDraft, before: string | undefined, now: string | undefined) => (m.altText === before && now !== undefined ? { altText: now } : {});

/** LINE messages, one card each, as forms; a flex message also as JSON. */
export function LineEditor({ messages, onChange, wrong }: { messages: LineDraft[]; onChange: (m: LineDraft[]) => void; wrong: Set<number> }) {
  const { t } = useTranslation();
  const put = (i: number, to: LineDraft[]) => onChange([...messages.slice(0, i), ...to, ...messages.slice(i + 1)]);
  const swap = (i: number, j: number) => onChange(messages.map((m, k) => (k === i ? messages[j] : k === j ? messages[i] : m)));
  return (
    <Stack gap="md">
      {messages.map((m, i) => {
        const acts = [["up", i === 0, () => swap(i, i - 1), IconArrowUp], ["down", i === messages.length - 1, () => swap(i, i + 1), IconArrowDown], ["copy", messages.length >= 5, () => put(i, [m, structuredClone(m)]), IconCopy], ["remove", false, () => put(i, []), IconX]] as const;
        return (
          <Card key={i} withBorder padding="md" data-message={i} style={wrong.has(i) ? { borderColor: "var(--mantine-color-red-filled)" } : undefined}>
            <Group justify="space-between" mb="sm" wrap="nowrap">
              <Text fw={700} size="sm">{t("line.nth", { n: i + 1 })}　{t(`line.kind_${kindOf(m)}`)}</Text>
              <Group gap={0} wrap="nowrap">{acts.map(([word, off, act, Icon]) => <Tooltip key={word} label={t(`builder.${word}`)} openDelay={400}><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} disabled={off} aria-label={t(`builder.${word}`)} onClick={act}><Icon size={15} aria-hidden /></ActionIcon></Tooltip>)}</Group>
            </Group>
            <Form message={m} onChange={(to) => put(i, [to])} />
            {i === messages.length - 1 && <QuickReplies message={m} onChange={(to) => put(i, [to])} />}
          </Card>
        );
      })}
      <Group gap={4} role="toolbar" aria-label={t("line.add")}>
        {lineKinds.map((k) => <Button key={k} size="compact-sm" variant="default" disabled={messages.length >= 5} leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...messages, line(k, t)])}>{t(`line.kind_${k}`)}</Button>)}
      </Group>
      {messages.length >= 5 && <Text size="xs" c="dimmed">{t("line.most")}</Text>}
    </Stack>
  );
}

function Words({ label, value, most, onChange, rows = 1, picture = false }: { label: string; value: string; most?: number; onChange: (v: string) => void; rows?: number; picture?: boolean }) {
  const { t } = useTranslation();
  const length = value.replace(/\{[{%].*?[}%]\}/gs, "").length;
  const over = most !== undefined && length > most;
  const shared = { label: <Group gap="xs">{label}{picture ? <Images line onPick={onChange} /> : <Variables onPick={(v) => onChange(value + v)} />}</Group>, "aria-label": label, value, error: over ? t("line.over", { n: length, most }) : undefined, onChange: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value), inputWrapperOrder: ["label", "input", "description", "error"] as ("label" | "input" | "description" | "error")[], description: most !== undefined && !over && length > most * 0.6 ? `${length} / ${most}` : undefined };
  return rows > 1 ? <Textarea {...shared} autosize minRows={rows} maxRows={12} /> : <TextInput {...shared} />;
}

function Form({ message: m, onChange }: { message: LineDraft; onChange: (m: LineDraft) => void }) {
  const { t } = useTranslation();
  const alt = <Words label={t("line.alt")} most={1500} value={m.altText ?? ""} onChange={(altText) => onChange({ ...m, altText })} />;
  switch (kindOf(m)) {
    case "text": return <Words label={t("mail.words")} most={5000} rows={4} value={m.text ?? ""} onChange={(text) => onChange({ ...m, text })} />;
    case "image": return <Words picture label={t("mail.src")} value={m.originalContentUrl ?? ""} onChange={(u) => onChange({ ...m, originalContentUrl: u, previewImageUrl: u })} />;
    case "buttons": return <Stack gap="sm"><Column column={m.template!} most={{ text: 160, actions: 4 }} onChange={(c) => onChange({ ...m, ...along(m, m.template!.text, c.text), template: { ...m.template!, ...c } })} />{alt}</Stack>;
    case "carousel": {
      const columns = m.template!.columns ?? [];
      const set = (list: LineColumn[]) => onChange({ ...m, ...along(m, columns[0]?.text, list[0]?.text), template: { ...m.template!, columns: list } });
      return (
        <Stack gap="sm">
          {columns.map((c, i) => (
            <Box key={i} className="block">
              <Group justify="space-between"><Text size="xs" c="dimmed" fw={700}>{t("line.column", { n: i + 1 })}</Text><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} disabled={columns.length < 2} aria-label={t("builder.remove")} onClick={() => set(columns.filter((_, k) => k !== i))}><IconX size={15} aria-hidden /></ActionIcon></Group>
              <Column column={c} most={{ text: 120, actions: 3 }} onChange={(to) => set(columns.map((x, k) => (k === i ? to : x)))} />
            </Box>
          ))}
          <Button size="compact-sm" variant="subtle" w="max-content" disabled={columns.length >= 10} leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set([...columns, structuredClone(columns[columns.length - 1])])}>{t("line.addColumn")}</Button>
          {alt}
        </Stack>
      );
    }
    case "flex": case "coupon": return <FlexForm message={m} onChange={onChange} alt={alt} />;
    default: return <JSONForm value={m} onChange={(v) => onChange(v as LineDraft)} />;
  }
}

function Column({ column: c, most, onChange }: { column: LineColumn; most: { text: number; actions: number }; onChange: (c: LineColumn) => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      <Words picture label={t("line.image")} value={c.thumbnailImageUrl ?? ""} onChange={(u) => { const { thumbnailImageUrl: _, ...rest } = c; onChange(u ? { ...rest, thumbnailImageUrl: u } : rest); }} />
      <Words label={t("line.title")} most={40} value={c.title ?? ""} onChange={(v) => { const { title: _, ...rest } = c; onChange(v ? { ...rest, title: v } : rest); }} />
      <Words label={t("mail.words")} most={c.title || c.thumbnailImageUrl ? 60 : most.text} rows={2} value={c.text} onChange={(text) => onChange({ ...c, text })} />
      <Actions list={c.actions} most={most.actions} onChange={(actions) => onChange({ ...c, actions })} />
    </Stack>
  );
}

function Actions({ list, most, onChange }: { list: LineAction[]; most: number; onChange: (a: LineAction[]) => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap={6}>
      {list.map((a, i) => <ActionRow key={i} action={a} most={20} onChange={(to) => onChange(list.map((x, k) => (k === i ? to : x)))} onRemove={list.length > 1 ? () => onChange(list.filter((_, k) => k !== i)) : undefined} />)}
      {list.length < most && <Button size="compact-sm" variant="subtle" w="max-content" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...list, { type: "uri", label: "", uri: "" }])}>{t("line.addButton")}</Button>}
    </Stack>
  );
}

function ActionRow({ action: a, most, onChange, onRemove }: { action: LineAction; most: number; onChange: (a: LineAction) => void; onRemove?: () => void }) {
  const { t } = useTranslation();
  const said = a.type === "message";
  return (
    <Group gap={6} align="flex-end" wrap="nowrap">
      <TextInput flex={2} miw={0} label={t("mail.label")} value={a.label} error={a.label.length > most} onChange={(e) => onChange({ ...a, label: e.currentTarget.value })} />
      <Select w={146} label={t("line.does")} allowDeselect={false} value={a.type} data={["uri", "message"].map((v) => ({ value: v, label: t(`line.does_${v}`) }))} onChange={(v) => onChange(v === "message" ? { type: "message", label: a.label, text: a.label } : { type: "uri", label: a.label, uri: "" })} />
      <TextInput flex={3} miw={0} label={said ? t("line.says") : t("mail.href")} value={(said ? a.text : a.uri) ?? ""} rightSection={<Variables onPick={(v) => onChange(said ? { ...a, text: (a.text ?? "") + v } : { ...a, uri: (a.uri ?? "") + v })} />} onChange={(e) => onChange(said ? { ...a, text: e.currentTarget.value } : { ...a, uri: e.currentTarget.value })} />
      {onRemove && <ActionIcon variant="subtle" color="gray" c="dimmed" size={34} aria-label={t("builder.remove")} onClick={onRemove}><IconX size={15} aria-hidden /></ActionIcon>}
    </Group>
  );
}

/** A simple bubble as a form; anything else as JSON. */
function FlexForm({ message: m, onChange, alt }: { message: LineDraft; onChange: (m: LineDraft) => void; alt: React.ReactNode }) {
  const { t } = useTranslation();
  const simple = bubbleOf(m.contents);
  const set = (to: Partial<NonNullable<typeof simple>>) => onChange({ ...m, ...(simple!.code ? along(m, simple!.title, to.title) : along(m, simple!.text, to.text)), contents: bubble({ ...simple!, ...to }) });
  return (
    <Stack gap="sm">
      {simple && (
        <>
          <Words picture label={t("line.image")} value={simple.image} onChange={(image) => set({ image })} />
          <Words label={t("line.title")} value={simple.title} onChange={(title) => set({ title })} />
          <Words label={t("mail.words")} rows={2} value={simple.text} onChange={(text) => set({ text })} />
          <Words label={t("mail.code")} value={simple.code} onChange={(code) => set({ code })} />
          <Group grow gap="sm"><Words label={t("mail.label")} value={simple.label} onChange={(label) => set({ label })} /><Words label={t("mail.href")} value={simple.uri} onChange={(uri) => set({ uri })} /></Group>
        </>
      )}
      {!simple && <Text size="xs" c="dimmed">{t("line.ownFlex")}</Text>}
      {alt}
      <details><summary>{t("line.json")}</summary><Box mt="sm"><JSONForm value={m.contents} onChange={(v) => onChange({ ...m, contents: v as Record<string, unknown> })} /></Box></details>
    </Stack>
  );
}

function JSONForm({ value, onChange }: { value: unknown; onChange: (v: unknown) => void }) {
  const { t } = useTranslation();
  return <JsonInput key={JSON.stringify(value)} aria-label={t("line.json")} defaultValue={JSON.stringify(value, null, 2)} autosize minRows={6} maxRows={24} validationError={t("journey.noJSON")} classNames={{ input: "mono" }}
    onBlur={(e) => { try { onChange(JSON.parse(e.currentTarget.value)); } catch { /* said below the field */ } }} />;
}

function QuickReplies({ message: m, onChange }: { message: LineDraft; onChange: (m: LineDraft) => void }) {
  const { t } = useTranslation();
  const items = m.quickReply?.items ?? [];
  const set = (list: LineAction[]) => { const { quickReply: _, ...rest } = m; onChange(list.length ? { ...rest, quickReply: { items: list.map((action) => ({ type: "action", action })) } } : rest); };
  const actions = items.map((x) => x.action);
  return (
    <Stack gap={6} mt="md">
      <Group justify="space-between"><Text size="sm" fw={600}>{t("line.quick")}</Text><Switch size="xs" label={t("line.quickOn")} checked={actions.length > 0} onChange={(e) => set(e.currentTarget.checked ? [{ type: "message", label: t("line.begun_reply"), text: t("line.begun_reply") }] : [])} /></Group>
      {actions.map((a, i) => <ActionRow key={i} action={a} most={20} onChange={(to) => set(actions.map((x, k) => (k === i ? to : x)))} onRemove={() => set(actions.filter((_, k) => k !== i))} />)}
      {actions.length > 0 && actions.length < 13 && <Button size="compact-sm" variant="subtle" w="max-content" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set([...actions, { type: "message", label: "", text: "" }])}>{t("line.addReply")}</Button>}
    </Stack>
  );
}

