import { Alert, Button, Card, Group, Stack, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { language } from "../i18n";
import type { Mapping, Tried } from "../types";
import { ProblemBox } from "./Page";

const mono = { input: { fontFamily: "ui-monospace, monospace", fontSize: 12.5 } };

/** A first mapping: who it is about, by the address that the call names. */
function first(name: string): Mapping {
  return { title: { en: name, ja: name }, format: "json", rules: [{ event: "person.identified", fields: { "person.email": "body.email" } }] };
}

/** The mapping of a source, with what it makes of a sample while it is written. While none is saved, the built-in one holds, if there is one. */
export function MappingTry({ name, builtIn, sample, onSample }: { name: string; builtIn?: Mapping; sample: string; onSample: (text: string) => void }) {
  const { t } = useTranslation();
  const versions = useApi("/definitions", { query: { kind: "mapping", name } });
  const newest = versions.data?.items[0];
  const none = versions.data && (!newest || newest.deleted);
  const saved = useApi("/definitions/{kind}/{name}", { path: { kind: "mapping", name }, query: { version: newest?.version } }, { enabled: !!newest && !newest.deleted, staleTime: Infinity });
  const unread = versions.error ?? saved.error;
  const [written, setWritten] = useState<string>();
  const [tried, setTried] = useState<Tried | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const text = written ?? (saved.data || none ? JSON.stringify(saved.data?.body ?? builtIn ?? first(name), null, 2) : "");
  const [asked] = useDebouncedValue(text, 400);
  const [body] = useDebouncedValue(sample, 400);
  const mapping = parsed(asked);
  const shown = body.trim() === "" ? null : tried;
  useEffect(() => {
    if (!mapping || body.trim() === "") return;
    let gone = false;
    request("post", "/mappings/try", { body: { mapping, sample: body } }).then(
      (x) => { if (!gone) { setTried(x ?? null); setError(null); } },
      (e: unknown) => { if (!gone) { setTried(null); setError(e as ApiError); } });
    return () => { gone = true; };
    // The mapping follows from the text.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [asked, body]);
  const save = async () => {
    try {
      await request("put", "/definitions/{kind}/{name}", { path: { kind: "mapping", name }, body: { body: parsed(text), expect: none ? 0 : newest!.version } });
      notifications.show({ message: t("connection.saved") });
      setError(null);
      await versions.refetch();
      setWritten((w) => (w === text ? undefined : w));
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Stack gap="sm">
        <Group justify="space-between"><div><Text fw={600}>{t("connection.mapping")}</Text><Text size="sm" c="dimmed">{t("connection.mappingAbout")}</Text></div><Button size="xs" disabled={!parsed(text) || !(saved.data || none)} onClick={() => void save()}>{t("connection.save")}</Button></Group>
        {unread && <ProblemBox error={unread} retry={() => void (versions.error ? versions : saved).refetch()} />}
        {none && <Text size="sm">{t(builtIn ? "connection.builtIn" : "connection.notSaved")}</Text>}
        <Textarea label={t("connection.rules")} value={text} onChange={(e) => setWritten(e.currentTarget.value)} autosize minRows={6} maxRows={24} styles={mono} error={parsed(text) || text === "" ? undefined : t("connection.noJSON")} />
        <Textarea label={t("connection.sample")} description={t("connection.sampleHint")} value={sample} onChange={(e) => onSample(e.currentTarget.value)} autosize minRows={3} maxRows={16} styles={mono} />
        {error && <ProblemBox error={error} />}
        {shown?.problems.map((p, i) => <Alert key={i} color="red" variant="light" title={t("connection.rule", { n: p.rule + 1 })}>{p.field && <code>{p.field} </code>}{(language() === "ja" && p.reason_ja) || p.reason}</Alert>)}
        {shown && <Textarea label={t("connection.result", { count: shown.events.length })} readOnly value={shown.events.map((e) => JSON.stringify(e, null, 2)).join("\n\n")} autosize minRows={2} maxRows={24} styles={mono} />}
      </Stack>
    </Card>
  );
}

function parsed(text: string): Mapping | null {
  try {
    return JSON.parse(text) as Mapping;
  } catch {
    return null;
  }
}
