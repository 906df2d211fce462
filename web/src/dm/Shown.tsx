import { Badge, Group, Stack, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { Loading, ProblemBox } from "../parts/Page";
import { Faces } from "../parts/Proof";
import type { PostalProof } from "../types";
import type { PushContent, SmsContent, SocialContent, SocialMessage } from "./content";
import { SmsCount } from "./SmsEditor";

const linked = (text: string) => text.split(/(https?:\/\/\S+)/).map((part, i) => (/^https?:\/\//.test(part) ? <a key={i} href={part} target="_blank" rel="noopener noreferrer" style={{ color: "#06539e" }}>{part}</a> : part));

/** What a channel sends, as its reader sees it. */
export function Shown({ channel, content }: { channel: string; content: unknown }) {
  if (!content || typeof content !== "object") return null;
  if (channel === "sms") return <Sms content={content as SmsContent} />;
  if (channel === "push") return <Push content={content as PushContent} />;
  if (channel === "social") return <Chat content={content as SocialContent} />;
  if (channel === "postal") return <Drawn content={content} />;
  return null;
}

function Sms({ content }: { content: SmsContent }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      <div className="phone phone-plain"><div className="phone-head">{t("channel.sms")}</div><div className="phone-talk"><div className="sms-bubble">{linked(content.text ?? "")}</div></div></div>
      <SmsCount text={content.text ?? ""} about={t("dm.smsFilled")} />
    </Stack>
  );
}

/** A notification on the locked screen of a phone, and on a desk. */
function Push({ content: c }: { content: PushContent }) {
  const { t } = useTranslation();
  const icon = <div className="notice-icon" aria-hidden>{c.icon ? <img src={c.icon} alt="" /> : "縁"}</div>;
  const text = <div style={{ minWidth: 0 }}><div className="notice-title">{c.title}</div><div className="notice-body">{c.body}</div></div>;
  return (
    <Stack gap="md">
      <div>
        <Text size="xs" c="dimmed" mb={4}>{t("preview.mobile")}</Text>
        <div className="lock-screen"><div className="lock-clock" aria-hidden>10:00</div><div className="notice notice-round"><div className="notice-row">{icon}{text}</div>{c.image && <img className="notice-image" src={c.image} alt="" />}</div></div>
      </div>
      <div>
        <Text size="xs" c="dimmed" mb={4}>{t("preview.desktop")}</Text>
        <div className="desk"><div className="notice">{c.image && <img className="notice-image" src={c.image} alt="" />}<div className="notice-row">{icon}{text}</div><div className="notice-from">Chrome</div></div></div>
      </div>
      {c.url && <Text size="xs" style={{ overflowWrap: "anywhere" }}>{t("dm.push_opens")} <a href={c.url} target="_blank" rel="noopener noreferrer">{c.url}</a></Text>}
    </Stack>
  );
}

function Chat({ content }: { content: SocialContent }) {
  return (
    <Stack gap={6} p="lg" className="chat">
      {(content.messages ?? []).map((m, i) => <Bubble key={i} m={m} />)}
    </Stack>
  );
}

function Bubble({ m }: { m: SocialMessage }) {
  const { t } = useTranslation();
  const p = m.attachment?.payload;
  return (
    <>
      <div className="chat-bubble">
        {m.text !== undefined && <div style={{ padding: "8px 14px", whiteSpace: "pre-wrap" }}>{linked(m.text)}</div>}
        {m.attachment?.type === "image" && p?.url && <img src={p.url} alt={t("outbox.image")} />}
        {p?.template_type === "button" && <><div style={{ padding: "8px 14px", whiteSpace: "pre-wrap" }}>{p.text}</div>{(p.buttons ?? []).map((b, i) => <div key={i} className="chat-button">{b.title}</div>)}</>}
        {m.text === undefined && m.attachment?.type !== "image" && p?.template_type !== "button" && <div style={{ padding: "8px 14px" }}>{t("outbox.lineOther", { type: m.attachment?.type ?? "" })}</div>}
      </div>
      {!!m.quick_replies?.length && <Group gap={4}>{m.quick_replies.map((r, i) => <Badge key={i} variant="outline" color="#1457a0" bg="#fff">{r.title}</Badge>)}</Group>}
    </>
  );
}

/** A piece as it would be printed, to a made-up address. */
function Drawn({ content }: { content: unknown }) {
  const { t } = useTranslation();
  const proof = useQuery<PostalProof, ApiError>({ queryKey: ["proof", content], placeholderData: keepPreviousData, staleTime: 60_000, retry: false, queryFn: ({ signal }) => request("post", "/postal/proof", { body: { content: content as never }, signal }) });
  if (proof.error) return <ProblemBox error={proof.error} />;
  if (!proof.data) return <Loading lines={4} />;
  return <Stack gap="sm"><Faces proof={proof.data} small /><Text size="xs" c="dimmed">{t("proof.madeUp")}</Text></Stack>;
}
