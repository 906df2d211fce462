import { Alert, Badge, Group, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { pick } from "../i18n";
import { Message, useRendered } from "../parts/Preview";
import { ahead, foreseenLooks } from "./asPerson";
import type { Definition } from "./model";

const ask = (name: string, person: string, definition: Definition, signal: AbortSignal) => request("post", "/journeys/{name}/preview", { path: { name }, body: { person, definition: definition as never }, signal });
type Preview = Awaited<ReturnType<typeof ask>>;

/** What the journey as it is drawn would do with a person; nobody while person is empty. */
export function useForeseen(name: string, person: string, d: Definition) {
  const { t } = useTranslation();
  const [settled] = useDebouncedValue(d, 300);
  const answer = useQuery<Preview, ApiError>({ queryKey: ["journey preview", name, person, settled], enabled: person !== "", queryFn: ({ signal }) => ask(name, person, settled, signal), placeholderData: keepPreviousData, retry: false, staleTime: 10_000 });
  const data = person ? answer.data : undefined;
  const looks = useMemo(() => (data ? foreseenLooks(d, data, t, pick) : undefined), [data, d, t]);
  return { data, looks, error: person ? answer.error : null };
}
type Seen = ReturnType<typeof useForeseen>;

/** Whether she would enter, in a sentence; what is missing in the drawing is said by the drawing itself. */
export function ForeseenLine({ seen }: { seen: Seen }) {
  const { t } = useTranslation();
  if (seen.error) return <Alert color="gray" variant="light" p="sm"><Text size="sm">{t("asPerson.unfinished", { why: seen.error.message })}</Text></Alert>;
  if (!seen.data) return null;
  return <Alert color={seen.data.enters ? "teal" : "gray"} variant="light" p="sm" role="status"><Text size="sm"><b>{seen.data.name || t("person.unnamed")}</b> {pick(seen.data.sentence)}</Text></Alert>;
}

/** What becomes of her at the step that is chosen: why, and the message as she would read it. */
export function AtStep({ seen, d, id }: { seen: Seen; d: Definition; id: string }) {
  const { t } = useTranslation();
  const x = seen.data;
  const message = x?.messages.find((m) => m.node === id);
  const turn = x?.ways.find((w) => w.node === id);
  const held = useMemo(() => (x ? ahead(d, x).held.has(id) : false), [x, d, id]);
  if (!x || (!message && !turn)) return null;
  return (
    <Stack gap="sm" pt="sm" mt="sm" style={{ borderTop: "1px solid var(--mantine-color-default-border)" }}>
      <Text size="sm" fw={700}>{t("asPerson.for", { name: x.name || t("person.unnamed") })}</Text>
      {turn?.open && <Text size="sm">{t("asPerson.openText")}</Text>}
      {turn?.held && <Text size="sm">{t("asPerson.heldText")}</Text>}
      {held && <Text size="sm">{t("asPerson.behind")}</Text>}
      {!held && message?.decisions.map((m) => <Group key={m.channel} gap="sm" wrap="nowrap" align="flex-start"><Badge variant="light" color={m.sent ? "teal" : "gray"} style={{ flexShrink: 0 }}>{t(m.sent ? "asPerson.goes" : "decision.notSent")}</Badge><Text size="sm">{pick(m.sentence)}</Text></Group>)}
      {!held && message && <Rendering name={message.template || d.nodes?.[id]?.template || Object.values(d.nodes?.[id]?.templates ?? {})[0] || ""} person={x.person} />}
    </Stack>
  );
}

function Rendering({ name, person }: { name: string; person: string }) {
  const templates = useApi("/templates", {}, { staleTime: 30_000 });
  const rendered = useRendered(name, person, "");
  if (!name) return null;
  // It takes the width that is there: what is written in a mail must not make the panel wider.
  return <div style={{ width: 0, minWidth: "100%" }}><Message rendered={rendered.data} error={rendered.error} channel={templates.data?.items.find((x) => x.name === name)?.channel ?? "email"} small /></div>;
}
