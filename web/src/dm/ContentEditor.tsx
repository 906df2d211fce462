import { Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Finding, TemplateVariant } from "../types";
import type { PushContent, SmsContent, SocialContent } from "./content";
import type { PostalContent } from "../postal/layout";
import { PostalEditor } from "./PostalEditor";
import { PushEditor } from "./PushEditor";
import { SmsEditor } from "./SmsEditor";
import { SocialEditor } from "./SocialEditor";

/** The form of what a channel sends; what is written as one Liquid text stays one. */
export function ContentEditor({ channel, variant, set, wrong, marketing }: { channel: string; variant: TemplateVariant; set: (to: Partial<TemplateVariant>, what?: string) => void; wrong: Finding[]; marketing: boolean }) {
  const { t } = useTranslation();
  const put = (content: unknown, what = "") => set({ content }, what && `content.${what}`);
  const c = variant.content ?? {};
  if (typeof c === "string") return <Textarea label={t("line.json")} description={t("line.liquid")} autosize minRows={8} maxRows={30} classNames={{ input: "mono" }} value={c} onChange={(e) => put(e.currentTarget.value, "text")} />;
  switch (channel) {
    case "sms": return <SmsEditor content={c as SmsContent} set={put} marketing={marketing} />;
    case "push": return <PushEditor content={c as PushContent} set={put} />;
    case "social": return <SocialEditor content={c as SocialContent} set={put} wrong={new Set(wrong.flatMap((f) => /messages\[(\d+)\]/.exec(f.part)?.[1] ?? []).map(Number))} />;
    case "postal": return <PostalEditor content={c as PostalContent} set={put} />;
  }
  return null;
}
