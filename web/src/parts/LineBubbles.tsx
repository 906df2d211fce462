import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { LineMessage } from "../types";

/** LINE messages drawn as the app would: bubbles on the chat's blue, buttons and quick replies below. */
export function LineBubbles({ messages }: { messages: LineMessage[] }) {
  return (
    <Stack gap="sm" p="lg" style={{ background: "#8cabd8", borderRadius: 8 }}>
      {messages.map((m, i) => <Bubble key={i} message={m} />)}
    </Stack>
  );
}

function Bubble({ message: m }: { message: LineMessage }) {
  const { t } = useTranslation();
  const replies = m.quickReply?.items ?? [];
  return (
    <>
      <div style={{ maxWidth: 320, background: "#fff", color: "#111", borderRadius: 16, padding: m.type === "text" ? "10px 14px" : 0, overflow: "hidden", overflowWrap: "anywhere" }}>
        {m.type === "text" && <Text size="sm" style={{ whiteSpace: "pre-wrap" }}>{linked(m.text ?? "")}</Text>}
        {m.type === "flex" && <Flex node={m.contents ?? {}} />}
        {m.type === "template" && <Template template={m.template ?? {}} />}
        {m.type === "image" && <img src={m.previewImageUrl} alt={t("outbox.image")} style={{ display: "block", width: "100%" }} />}
        {!["text", "flex", "template", "image"].includes(m.type) && <Text size="sm" p="md">{t("outbox.lineOther", { type: m.type })}</Text>}
      </div>
      {replies.length > 0 && <Group gap={4}>{replies.map((r, i) => <Badge key={i} variant="white" color="gray" tt="none">{r.action.label}</Badge>)}</Group>}
    </>
  );
}

function linked(text: string) {
  return text.split(/(https?:\/\/\S+)/).map((part, i) => (/^https?:\/\//.test(part) ? <a key={i} href={part} target="_blank" rel="noopener noreferrer" style={{ color: "#06539e" }}>{part}</a> : part));
}

type Part = { type?: string; text?: string; url?: string; contents?: Part[]; hero?: Part; header?: Part; body?: Part; footer?: Part; layout?: string; weight?: string; size?: string; color?: string; wrap?: boolean; margin?: string; spacing?: string; action?: { label?: string; uri?: string }; align?: string };
const sizes: Record<string, number> = { xxs: 11, xs: 12, sm: 13, md: 14, lg: 16, xl: 19, xxl: 22 };

function Flex({ node }: { node: Part }): React.ReactNode {
  switch (node.type) {
    case "carousel":
      return <div style={{ display: "flex", gap: 8, overflowX: "auto" }}>{(node.contents ?? []).map((b, i) => <div key={i} style={{ minWidth: 220 }}><Flex node={b} /></div>)}</div>;
    case "bubble":
      return <>{[node.header, node.hero, node.body, node.footer].map((s, i) => s && <div key={i} style={{ padding: s.type === "image" ? 0 : "12px 16px" }}><Flex node={s} /></div>)}</>;
    case "box":
      return <div style={{ display: "flex", flexDirection: node.layout === "horizontal" || node.layout === "baseline" ? "row" : "column", gap: 8, marginTop: node.margin ? 8 : 0 }}>{(node.contents ?? []).map((c, i) => <Flex key={i} node={c} />)}</div>;
    case "text":
      return <div style={{ fontWeight: node.weight === "bold" ? 700 : 400, fontSize: sizes[node.size ?? "md"] ?? 14, color: node.color, whiteSpace: "pre-wrap", textAlign: node.align === "end" ? "right" : node.align === "center" ? "center" : "left", flex: 1 }}>{node.text}</div>;
    case "image":
      return <img src={node.url} alt="" style={{ display: "block", width: "100%" }} />;
    case "separator":
      return <hr style={{ width: "100%", border: 0, borderTop: "1px solid #ddd", margin: "4px 0" }} />;
    case "button":
      return <Button component="a" href={node.action?.uri} target="_blank" rel="noopener noreferrer" size="xs" fullWidth color={node.color ?? "#057a35"}>{node.action?.label}</Button>;
    default:
      return null;
  }
}

function Template({ template }: { template: { columns?: Card[] } & Card }) {
  if (!template.columns) return <One card={template} />;
  return <div style={{ display: "flex", gap: 8, overflowX: "auto", background: "#8cabd8" }}>{template.columns.map((c, i) => <div key={i} style={{ minWidth: 220, background: "#fff", borderRadius: 16, overflow: "hidden" }}><One card={c} /></div>)}</div>;
}

type Card = { title?: string; text?: string; actions?: { label: string; uri?: string }[]; thumbnailImageUrl?: string };

function One({ card: template }: { card: Card }) {
  return (
    <div>
      {template.thumbnailImageUrl && <img src={template.thumbnailImageUrl} alt="" style={{ display: "block", width: "100%" }} />}
      <div style={{ padding: "12px 16px" }}>{template.title && <Text fw={700} size="sm">{template.title}</Text>}<Text size="sm" style={{ whiteSpace: "pre-wrap" }}>{template.text}</Text></div>
      {(template.actions ?? []).map((a, i) => <a key={i} href={a.uri} target="_blank" rel="noopener noreferrer" style={{ display: "block", minHeight: 41, textAlign: "center", padding: 10, borderTop: "1px solid #eee", color: "#06539e", fontSize: 14, textDecoration: "none" }}>{a.label}</a>)}
    </div>
  );
}
