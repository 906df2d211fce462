import { NativeSelect, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Note, Span } from "./fields";
import { tidy } from "./model";
import type { FormProps } from "./StepPanel";
import { useWrong } from "./wrong";

/** Headers as lines of "Name: value". */
const lines = (h: Record<string, string> | undefined) => Object.entries(h ?? {}).map(([k, v]) => `${k}: ${v}`).join("\n");
const header = /^\s*([^:\s]+)\s*:\s*(\S.*?)\s*$/;
const headers = (text: string): Record<string, string> | undefined => {
  const all = text.split("\n").map((l) => header.exec(l)).filter((m) => m !== null).map((m) => [m[1], m[2]] as const);
  return all.length > 0 ? Object.fromEntries(all) : undefined;
};

const mono = { input: { fontFamily: "ui-monospace, monospace", fontSize: 12.5 } };

/** A call of another system: where to, what with, and whether its answer is waited for. */
export function WebhookForm({ id, n, set }: FormProps & { id: string }) {
  const { t } = useTranslation();
  const wrong = { url: useWrong("url"), headers: useWrong("headers"), body: useWrong("body"), timeout: useWrong("timeout") };
  const [typed, setTyped] = useState<string>();
  const h = n.webhook ?? { url: "" };
  const put = (by: Partial<typeof h>, what: string) => set({ webhook: { ...tidy({ ...h, ...by }), url: by.url ?? h.url } }, what);
  // What is no header yet stays as it was typed, with what it should look like.
  const text = typed !== undefined && JSON.stringify(headers(typed)) === JSON.stringify(h.headers) ? typed : lines(h.headers);
  const bad = text.split("\n").findIndex((l) => l.trim() && !header.test(l));
  return (
    <Stack gap="sm">
      <TextInput size="sm" label={t("build.hookURL")} error={wrong.url} placeholder="https://crm.shop.example/hooks" value={h.url} onChange={(e) => put({ url: e.currentTarget.value }, "url")} />
      <NativeSelect size="sm" label={t("build.hookMethod")} value={h.method ?? "POST"} data={["POST", "PUT"]} onChange={(e) => put({ method: e.currentTarget.value === "PUT" ? "PUT" : undefined }, "")} />
      <Textarea size="sm" label={t("build.hookHeaders")} error={bad >= 0 ? t("build.hookHeaderBad", { n: bad + 1 }) : wrong.headers} description={t("build.hookHeadersHint")} placeholder={"Authorization: Bearer ${crm}"} autosize minRows={2} value={text} onChange={(e) => { setTyped(e.currentTarget.value); put({ headers: headers(e.currentTarget.value) }, "headers"); }} styles={mono} spellCheck={false} />
      <Textarea size="sm" label={t("build.hookBody")} error={wrong.body} description={t("build.hookBodyHint")} placeholder={'{"id": {{ person.customer_id }}}'} autosize minRows={3} value={h.body ?? ""} onChange={(e) => put({ body: e.currentTarget.value }, "body")} styles={mono} spellCheck={false} />
      <Switch size="sm" label={t("build.hookWait")} checked={!!n.timeout} onChange={(e) => set(e.currentTarget.checked ? { timeout: "10m" } : { timeout: undefined, on_failure: undefined }, "")} />
      {n.timeout && <Span label={t("build.timeout")} error={wrong.timeout} value={n.timeout} units={["m", "h", "d"]} onChange={(timeout) => set({ timeout }, "timeout")} />}
      {n.timeout && <Switch size="sm" label={t("build.hookFailure")} checked={!!n.on_failure} onChange={(e) => set({ on_failure: e.currentTarget.checked ? n.next : undefined }, "")} />}
      <Note>{t(n.timeout ? "build.hookHint" : "build.hookGoesOn", { id, ob: "{{", cb: "}}" })}</Note>
    </Stack>
  );
}
