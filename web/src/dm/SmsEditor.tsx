import { Alert, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { count } from "../format";
import { joined } from "../i18n";
import type { SmsContent } from "./content";
import { Field, written } from "./Field";
import { longest, smsLength } from "./sms";

/** How long a text is, and as how many messages it is paid for. */
export function SmsCount({ text, about }: { text: string; about?: string }) {
  const { t } = useTranslation();
  const l = smsLength(text);
  return <Text size="xs" className={l.over ? "problem num" : "num"} c={l.over ? undefined : "dimmed"} style={{ whiteSpace: "normal" }} role="status">{joined([about, t("dm.smsParts", { n: count(l.units), parts: count(l.parts), per: l.per }), l.over && t("dm.smsOver", { most: count(l.wide ? longest.wide : longest.narrow) })])}</Text>;
}

export function SmsEditor({ content, set, marketing }: { content: SmsContent; set: (c: SmsContent, what?: string) => void; marketing: boolean }) {
  const { t } = useTranslation();
  const text = content.text ?? "";
  const variables = text !== written(text);
  return (
    <Stack gap="sm">
      <Field name="text" label={t("mail.words")} rows={6} value={text} onChange={(v) => set({ ...content, text: v }, "text")} />
      <SmsCount text={written(text)} about={variables ? t("dm.smsWritten") : undefined} />
      {marketing && !/links\.unsubscribe/.test(text) && <Alert color="orange" p="sm">{t("dm.smsRefuse")}</Alert>}
      <Text size="xs" c="dimmed">{t("dm.smsHint")}</Text>
    </Stack>
  );
}
