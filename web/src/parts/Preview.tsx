import { ActionIcon, Alert, Badge, Card, Group, SegmentedControl, Select, Stack, Tabs, Text, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { Shown } from "../dm/Shown";
import { count } from "../format";
import { joined, pick } from "../i18n";
import type { LineMessage, TemplateDefinition } from "../types";
import { LineBubbles } from "./LineBubbles";
import { Loading, ProblemBox } from "./Page";

/** The person that a message is shown as: chosen by search, or the next and the one before. Kept in the address. */
export function usePerson() {
  const [params, setParams] = useSearchParams();
  const people = useApi("/people", { query: { limit: 50 } }, { staleTime: 60_000 });
  const items = people.data?.items ?? [];
  const asked = params.get("person");
  const id = asked === "sample" ? "" : (asked ?? items[0]?.id ?? "");
  const at = items.findIndex((p) => p.id === id);
  const choose = (to: string) => setParams((p) => { p.set("person", to || "sample"); return p; }, { replace: true });
  return { id, ready: !!people.data || !!people.error || asked !== null, items, choose, step: (by: number) => items.length > 0 && choose(items[(at + by + items.length) % items.length].id) };
}

type Chosen = ReturnType<typeof usePerson>;

export function PersonBar({ person }: { person: Chosen }) {
  const { t } = useTranslation();
  const [query, setQuery] = useState("");
  const [asked] = useDebouncedValue(query, 200);
  const found = useApi("/people", { query: { limit: 20, q: asked.trim() } }, { enabled: asked.trim().length > 1, placeholderData: keepPreviousData });
  const own = useApi("/people/{id}", { path: { id: person.id } }, { enabled: person.id !== "" && !person.items.some((p) => p.id === person.id), staleTime: 60_000 });
  const people = new Map([...person.items, ...(found.data?.items ?? [])].map((p) => [p.id, p.name || p.identifiers[0]?.value || t("person.unnamed")]));
  if (own.data) people.set(person.id, own.data.name.display || t("person.unnamed"));
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={t("preview.previous")}><ActionIcon variant="default" size={34} aria-label={t("preview.previous")} disabled={person.items.length < 2} onClick={() => person.step(-1)}><IconChevronLeft size={18} aria-hidden /></ActionIcon></Tooltip>
      <Select flex={1} miw={120} aria-label={t("preview.person")} searchable allowDeselect={false} onSearchChange={setQuery} value={person.id || "sample"} onChange={(v) => v && person.choose(v)} nothingFoundMessage={t("nav.nothing")}
        data={[...[...people].map(([value, label]) => ({ value, label })), { value: "sample", label: t("preview.sample") }]} filter={({ options }) => options} />
      <Tooltip label={t("preview.next")}><ActionIcon variant="default" size={34} aria-label={t("preview.next")} disabled={person.items.length < 2} onClick={() => person.step(1)}><IconChevronRight size={18} aria-hidden /></ActionIcon></Tooltip>
    </Group>
  );
}

const show = (name: string, person: string, language: "ja" | "en" | "", definition: TemplateDefinition | undefined, choice: number | undefined, subject: string | undefined, signal: AbortSignal) =>
  request("post", "/templates/{name}/preview", { path: { name }, body: { profile: person, language, definition, choice, subject }, signal });
type Rendered = Awaited<ReturnType<typeof show>>;

export function useRendered(name: string, person: Chosen | string, language: string, definition?: TemplateDefinition, choice?: number, subject?: string) {
  const id = typeof person === "string" ? person : person.id;
  const lang = language === "ja" || language === "en" ? language : "";
  return useQuery<Rendered, ApiError>({ queryKey: ["preview", name, id, lang, definition, choice, subject], enabled: name !== "" && (typeof person === "string" || person.ready), placeholderData: keepPreviousData, queryFn: ({ signal }) => show(name, id, lang, definition, choice, subject, signal), staleTime: 30_000 });
}

/** A message as its reader gets it: in a phone, on a desk, on a dark screen; what is missing is named. */
export function Message({ rendered, channel, error, small = false }: { rendered?: Rendered; channel: string; error?: ApiError | null; small?: boolean }) {
  const { t } = useTranslation();
  const [device, setDevice] = useState("mobile");
  if (error) return <ProblemBox error={error} />;
  if (!rendered) return <Loading lines={4} />;
  const notes = [rendered.no_emoji && t("preview.noEmoji"), rendered.missing.length > 0 && t("preview.missing", { names: rendered.missing.join(", ") }), rendered.sampled.length > 0 && t("preview.sampled", { names: joined(rendered.sampled.map((s) => t(`variable.${s}`))) })].filter(Boolean);
  return (
    <Stack gap="sm">
      {channel === "line" ? <LineBubbles messages={rendered.messages as LineMessage[]} /> : channel !== "email" ? <Shown channel={channel} content={rendered.content} /> : (
        <>
          <Card withBorder padding="sm">
            <Text size="xs" c="dimmed">{rendered.from_name}</Text>
            <Text fw={700} size="sm">{rendered.subject || t("preview.noSubject")}</Text>
            <Text size="xs" c="dimmed" lineClamp={1}>{rendered.preheader}</Text>
          </Card>
          <Tabs defaultValue="html" keepMounted={false}>
            {!small && <Group justify="space-between" mb="sm" gap="sm"><Tabs.List><Tabs.Tab value="html">HTML</Tabs.Tab><Tabs.Tab value="text">{t("outbox.text")}</Tabs.Tab></Tabs.List><SegmentedControl size="xs" value={device} onChange={setDevice} data={["mobile", "desktop", "dark"].map((d) => ({ value: d, label: t(`preview.${d}`) }))} aria-label={t("preview.device")} /></Group>}
            <Tabs.Panel value="html"><Mail rendered={rendered} device={device} height={small ? 300 : 560} />{device === "dark" && <Text size="xs" c="dimmed" mt={4}>{t("preview.darkHint")}</Text>}</Tabs.Panel>
            <Tabs.Panel value="text"><Text component="pre" size="sm" p="md" style={{ whiteSpace: "pre-wrap", fontFamily: "inherit", overflowWrap: "anywhere" }}>{rendered.text}</Text></Tabs.Panel>
          </Tabs>
        </>
      )}
      <Group gap="sm"><Text size="xs" c="dimmed" className="num">{t("preview.size", { n: count(Math.ceil(rendered.size / 102.4) / 10) })}</Text>{rendered.alternatives > 1 && <Badge variant="light" color="gray">{t("preview.variant", { name: rendered.variant.toUpperCase() })}</Badge>}</Group>
      {notes.length > 0 && <Alert color="gray" p="sm">{notes.map((n, i) => <Text key={i} size="xs">{n}</Text>)}</Alert>}
    </Stack>
  );
}

const turned = "<style>html{filter:invert(1) hue-rotate(180deg);background:#fff}img{filter:invert(1) hue-rotate(180deg)}</style>";

function Mail({ rendered: r, device, height }: { rendered: Rendered; device: string; height: number }) {
  const { t } = useTranslation();
  // A desk is wider than the pane: the mail is drawn as wide and made smaller.
  const scale = device === "desktop" ? 0.72 : 1;
  return (
    <div style={{ height, overflow: "hidden", border: "1px solid var(--mantine-color-default-border)", borderRadius: 8, background: device === "dark" ? "#111" : "#e9e9e9" }}>
      <div style={{ width: device === "desktop" ? `${100 / scale}%` : 390, maxWidth: device === "desktop" ? undefined : "100%", margin: device === "desktop" ? 0 : "0 auto", height: height / scale, transform: scale === 1 ? undefined : `scale(${scale})`, transformOrigin: "0 0" }}>
        <iframe title={r.subject || t("outbox.html")} srcDoc={r.html + (device === "dark" ? turned : "")} sandbox="allow-popups allow-popups-to-escape-sandbox" style={{ width: "100%", height: "100%", border: 0, background: "#fff" }} />
      </div>
    </div>
  );
}

/** The same person by another channel, beside what is edited. */
export function Companion({ person, channel, language }: { person: Chosen; channel: string; language: string }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const name = params.get("beside") ?? "";
  const templates = useApi("/templates", {}, { staleTime: 30_000 });
  const others = (templates.data?.items ?? []).filter((x) => x.channel !== channel);
  const rendered = useRendered(name, person, language);
  return (
    <Stack gap="sm">
      <Select size="xs" label={t("preview.beside")} placeholder={t("preview.besideHint")} clearable searchable data={others.map((o) => ({ value: o.name, label: pick(o.title) || o.name }))} value={name || null} onChange={(v) => setParams((p) => { if (v) p.set("beside", v); else p.delete("beside"); return p; }, { replace: true })} />
      {name && <Message rendered={rendered.data} error={rendered.error} channel={others.find((o) => o.name === name)?.channel ?? "line"} small />}
    </Stack>
  );
}
