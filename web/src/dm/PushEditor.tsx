import { Accordion, Select, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { urgencies, withField, type PushContent } from "./content";
import { Field } from "./Field";

const hours = [0, 3600, 4 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600, 28 * 24 * 3600];

/** A notification on phones and desks. */
export function PushEditor({ content: c, set }: { content: PushContent; set: (c: PushContent, what?: string) => void }) {
  const { t } = useTranslation();
  const text = (field: "title" | "body" | "url" | "image" | "icon" | "badge" | "tag", more: Partial<Parameters<typeof Field>[0]> = {}) =>
    <Field name={field} label={t(`dm.push_${field}`)} value={c[field] ?? ""} onChange={(v) => set(field === "title" || field === "body" ? { ...c, [field]: v } : withField(c, field, v), field)} {...more} />;
  const ttl = c.ttl_seconds ?? 0;
  return (
    <Stack gap="md">
      {text("title", { most: 40 })}
      {text("body", { rows: 3, most: 120 })}
      {text("url", { hint: t("dm.push_urlHint") })}
      {text("image", { picture: true, hint: t("dm.push_imageHint") })}
      <Accordion variant="contained" defaultValue={c.icon || c.badge || c.tag || c.ttl_seconds || c.urgency ? "more" : null}>
        <Accordion.Item value="more">
          <Accordion.Control><Text size="sm" fw={600}>{t("dm.push_more")}</Text></Accordion.Control>
          <Accordion.Panel>
            <Stack gap="md">
              <Select label={t("dm.push_ttl")} description={t("dm.push_ttlHint")} inputWrapperOrder={["label", "input", "description", "error"]} allowDeselect={false} value={String(ttl)} data={[...new Set([...hours, ttl])].map((s) => ({ value: String(s), label: s === 0 ? t("dm.push_ttlAny") : s % 86400 === 0 ? t("dm.days", { n: s / 86400 }) : s % 3600 === 0 ? t("dm.hours", { n: s / 3600 }) : t("dm.seconds", { n: s }) }))} onChange={(v) => set(withField(c, "ttl_seconds", Number(v) || undefined))} />
              <Select label={t("dm.push_urgency")} description={t("dm.push_urgencyHint")} inputWrapperOrder={["label", "input", "description", "error"]} allowDeselect={false} value={c.urgency ?? ""} data={["", ...urgencies].map((u) => ({ value: u, label: t(`dm.urgency_${u || "any"}`) }))} onChange={(v) => set(withField(c, "urgency", v ?? ""))} />
              {text("tag", { hint: t("dm.push_tagHint") })}
              {text("icon", { picture: true })}
              {text("badge", { picture: true, hint: t("dm.push_badgeHint") })}
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}
