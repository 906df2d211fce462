import { NativeSelect, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Note, Span } from "./fields";
import { tidy } from "./model";
import type { FormProps } from "./StepPanel";

/** Headers as lines of "Name: value". */
const lines = (h: Record<string, string> | undefined) => Object.entries(h ?? {}).map(([k, v]) => `${k}: ${v}`).join("\n");
const headers = (text: string): Record<string, string> | undefined => {
  const all = text.split("\n").map((l) => /^([^:]+):\s*(.*)$/.exec(l)).filter((m) => m !== null).map((m) => [m[1]!.trim(), m[2]!] as const);
  return all.length > 0 ? Object.fromEntries(all) : undefined;
};

/** A call of another system: where to, what with, and whether its answer is waited for. */
export function WebhookForm({ n, set }: FormProps) {
  const { t } = useTranslation();
  const h = n.webhook ?? { url: "" };
  const put = (by: Partial<typeof h>, what: string) => set({ webhook: { ...tidy({ ...h, ...by }), url: by.url ?? h.url } }, what);
  return (
    <Stack gap="sm">
      <TextInput size="sm" label={t("build.hookURL")} placeholder="https://crm.shop.example/hooks" value={h.url} onChange={(e) => put({ url: e.currentTarget.value }, "url")} />
      <NativeSelect size="sm" label={t("build.hookMethod")} value={h.method ?? "POST"} data={["POST", "PUT"]} onChange={(e) => put({ method: e.currentTarget.value === "PUT" ? "PUT" : undefined }, "")} />
      <Textarea key={n.next} size="sm" label={t("build.hookHeaders")} description={t("build.hookHeadersHint")} placeholder={"Authorization: Bearer ${crm}"} autosize minRows={2} defaultValue={lines(h.headers)} onBlur={(e) => put({ headers: headers(e.currentTarget.value) }, "")} />
      <Textarea size="sm" label={t("build.hookBody")} description={t("build.hookBodyHint")} placeholder={'{"id": {{ person.customer_id }}}'} autosize minRows={3} value={h.body ?? ""} onChange={(e) => put({ body: e.currentTarget.value }, "body")} styles={{ input: { fontFamily: "monospace" } }} />
      <Switch size="sm" label={t("build.hookWait")} checked={!!n.timeout} onChange={(e) => set(e.currentTarget.checked ? { timeout: "10m" } : { timeout: undefined, on_failure: undefined }, "")} />
      {n.timeout && <Span label={t("build.timeout")} value={n.timeout} units={["m", "h", "d"]} onChange={(timeout) => set({ timeout }, "timeout")} />}
      {n.timeout && <Switch size="sm" label={t("build.hookFailure")} checked={!!n.on_failure} onChange={(e) => set({ on_failure: e.currentTarget.checked ? n.next : undefined }, "")} />}
      <Note>{t("build.hookHint")}</Note>
    </Stack>
  );
}
