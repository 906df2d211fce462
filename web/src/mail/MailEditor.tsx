import { ActionIcon, Alert, Button, Card, Group, Stack, Tabs, Text, Textarea, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import CodeMirror from "@uiw/react-codemirror";
import { useMantineColorScheme } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { modals } from "../parts/confirm";
import { Variables } from "../parts/Variables";
import type { TemplateVariant } from "../types";
import { BlockEditor } from "./BlockEditor";
import { begun, type MailBlock } from "./blocks";
import type { Trouble } from "./compile";

interface Props {
  variant: TemplateVariant;
  set: (to: Partial<TemplateVariant>, what?: string) => void;
  chosen: string;
  choose: (id: string) => void;
  wrong: Set<string>;
  language: string;
  html?: TemplateVariant; // with what the source gives
  troubles: Trouble[];
  onVariant: (n: number | undefined) => void;
}

/** A mail: its lines in the list of mails, its content as blocks, MJML or HTML, and its text part. */
export function MailEditor({ variant: v, set, chosen, choose, wrong, html, troubles, onVariant }: Props) {
  const { t } = useTranslation();
  const kind = v.source?.kind ?? "html";
  const source = html?.source?.mjml ?? v.source?.mjml ?? "";
  const write = async (to: "blocks" | "mjml" | "html") => {
    if (to === "blocks") {
      if (!(await modals.confirm(t("mail.blocksTitle"), t("mail.blocksText"), t("mail.begin")))) return;
      return set({ source: { kind: "blocks", blocks: (["heading", "text", "button", "footer"] as const).map((k) => begun(k, t)) } });
    }
    if (to === "mjml") return set({ source: { kind: "mjml", mjml: source || starter } });
    const { source: _, ...rest } = v;
    set({ ...rest, html: html?.html ?? v.html ?? "", source: undefined });
  };
  const elsewhere = (to: "blocks" | "mjml" | "html") => kind !== to && <Alert color="gray" p="sm" mb="sm"><Group justify="space-between"><Text size="sm">{t(`mail.made_${kind}`)}</Text><Button size="compact-sm" variant="default" onClick={() => void write(to)}>{t(`mail.write_${to}`)}</Button></Group></Alert>;
  return (
    <Stack gap="md">
      <Card withBorder padding="md">
        <Stack gap="sm">
          <Lines field="subject" value={v.subject} onChange={(x) => set({ subject: x }, "subject")} onVariant={onVariant} />
          <Lines field="preheader" value={v.preheader} onChange={(x) => set({ preheader: x }, "preheader")} onVariant={onVariant} />
          <Lines field="from_name" value={v.from_name} onChange={(x) => set({ from_name: x }, "from_name")} onVariant={onVariant} />
        </Stack>
      </Card>
      <Tabs defaultValue={kind} keepMounted={false}>
        <Tabs.List mb="md">{(["blocks", "mjml", "html", "text"] as const).map((x) => <Tabs.Tab key={x} value={x}>{t(`mail.tab_${x}`)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="blocks">
          {elsewhere("blocks")}
          {kind === "blocks" && <BlockEditor blocks={(v.source?.blocks ?? []) as MailBlock[]} onChange={(blocks) => set({ source: { kind: "blocks", blocks } }, `blocks.${chosen}.${blocks.length}`)} chosen={chosen} choose={choose} wrong={wrong} />}
        </Tabs.Panel>
        <Tabs.Panel value="mjml">
          {elsewhere("mjml")}
          {troubles.length > 0 && kind === "mjml" && <Alert color="red" p="sm" mb="sm">{troubles.map((x, i) => <Text key={i} size="sm">{x.line > 0 && t("mail.line", { n: x.line })} {x.message}</Text>)}</Alert>}
          <Code label="MJML" value={source} onChange={kind === "mjml" ? (mjml) => set({ source: { kind: "mjml", mjml } }, "mjml") : undefined} />
        </Tabs.Panel>
        <Tabs.Panel value="html">{elsewhere("html")}<Code label="HTML" value={(kind === "html" ? v.html : html?.html) ?? ""} onChange={kind === "html" ? (x) => set({ html: x }, "html") : undefined} /></Tabs.Panel>
        <Tabs.Panel value="text">
          <Textarea data-field="text" label={t("mail.text")} description={t("mail.textHint")} inputWrapperOrder={["label", "description", "input"]} autosize minRows={10} maxRows={30} value={v.text ?? ""} onChange={(e) => set({ text: e.currentTarget.value || undefined }, "text")} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

const starter = `<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{{ customer.salutation }}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>`;

function Code({ label, value, onChange }: { label: string; value: string; onChange?: (v: string) => void }) {
  const { colorScheme } = useMantineColorScheme();
  return <div style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 8, overflow: "hidden" }}><CodeMirror aria-label={label} value={value} onChange={onChange} readOnly={!onChange} editable={!!onChange} theme={colorScheme === "dark" ? "dark" : "light"} height="520px" basicSetup={{ foldGutter: false }} /></div>;
}

/** A line that may have several texts to compare: each person always gets the same one. */
function Lines({ field, value, onChange, onVariant }: { field: "subject" | "preheader" | "from_name"; value: string | string[] | undefined; onChange: (v: string | string[]) => void; onVariant: (n: number | undefined) => void }) {
  const { t } = useTranslation();
  const list = Array.isArray(value) ? value : [value ?? ""];
  const put = (to: string[]) => onChange(to.length === 1 ? to[0] : to);
  return (
    <Stack gap={6} data-field={field}>
      {list.map((s, i) => (
        <Group key={i} gap={4} align="flex-end" wrap="nowrap">
          <TextInput flex={1} label={i === 0 ? t(`mail.${field}`) : undefined} aria-label={list.length > 1 ? `${t(`mail.${field}`)} ${"ABCDEFGHIJ"[i]}` : undefined} leftSection={list.length > 1 ? <Text size="xs" fw={700}>{"ABCDEFGHIJ"[i]}</Text> : undefined}
            description={field === "subject" && i === list.length - 1 ? t("mail.characters", { n: [...s.replace(/\{[{%].*?[}%]\}/g, "")].length }) : undefined} value={s} onFocus={() => onVariant(list.length > 1 ? i : undefined)} onChange={(e) => put(list.map((x, k) => (k === i ? e.currentTarget.value : x)))} rightSection={<Variables onPick={(x) => put(list.map((y, k) => (k === i ? y + x : y)))} />} />
          {list.length > 1 && <ActionIcon variant="subtle" color="gray" c="dimmed" size={34} aria-label={t("builder.remove")} onClick={() => { onVariant(undefined); put(list.filter((_, k) => k !== i)); }}><IconX size={15} aria-hidden /></ActionIcon>}
        </Group>
      ))}
      {field === "subject" && list.length < 10 && <Button size="compact-xs" variant="subtle" w="max-content" leftSection={<IconPlus size={13} aria-hidden />} onClick={() => put([...list, ""])}>{t("mail.compare")}</Button>}
    </Stack>
  );
}
