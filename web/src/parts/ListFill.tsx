import { Alert, Button, Card, FileButton, Group, NumberInput, Progress, SegmentedControl, Select, Stack, Table, Text, TextInput, Textarea, Title } from "@mantine/core";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi, type ApiError } from "../api";
import { count } from "../format";
import { pick, sentences } from "../i18n";
import { saveText } from "./download";
import { fill, type Filled, type StaticList } from "./filling";
import { idsIn } from "./ids";
import { Measure } from "./Measure";
import { ProblemBox } from "./Page";

const sources = ["ids", "segment", "top", "random"] as const;
type Source = (typeof sources)[number];
const shownMissed = 20; // lines; the file has all

/** What happens beyond a list whose people change: the segments that name it, and their journeys. */
export function useUsedText(names: string[], action: "add" | "remove"): string {
  const { t } = useTranslation();
  const segments = useApi("/segments", {}, { enabled: names.length > 0, staleTime: 30_000 });
  if (names.length === 0) return "";
  const own = (segments.data?.items ?? []).filter((s) => names.includes(s.name));
  const started = [...new Map(own.flatMap((s) => s.used_in).filter((u) => u.kind === "journey" || u.kind === "campaign").map((u) => [u.name, pick(u.title)])).values()];
  const text = t("lists.usedText", { names: names.map((n) => pick(own.find((s) => s.name === n)?.title) || n).join(t("comma")) });
  return started.length ? sentences(text, t(`lists.journeys_${action}`, { names: started.join(t("comma")) })) : text;
}

/** Adds people to a list or takes them off: by ids, as a segment stands now, by a measure, at random. */
export function ListFill({ list, done }: { list: StaticList; done: () => void }) {
  const { t } = useTranslation();
  const [action, setAction] = useState<"add" | "remove">("add");
  const [source, setSource] = useState<Source>("ids");
  const [ids, setIds] = useState("");
  const [segment, setSegment] = useState("");
  const [measure, setMeasure] = useState("ltv");
  const [n, setN] = useState<number | "">(100);
  const [reason, setReason] = useState("");
  const [so, setSo] = useState<Filled | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const upload = useRef(crypto.randomUUID()); // a repeat after an error puts nobody on twice
  const stop = useRef(new AbortController());
  const segments = useApi("/segments", {}, { staleTime: 30_000 });
  const used = useUsedText(list.used_in, action);
  const lines = source === "ids" ? idsIn(ids) : 0;
  const chosen = segments.data?.items.find((s) => s.name === segment);
  const people = { ids: lines, segment: chosen?.members ?? 0, top: n || 0, random: n || 0 }[source];
  const ready = people > 0 && reason.trim() !== "" && (source !== "random" || segment !== "") && (source !== "top" || measure !== "");
  const what = { ids: () => t("listFill.ids", { n: count(lines) }), segment: () => t("listFill.segment", { n: count(people), name: pick(chosen?.title) }), top: () => t("listFill.top", { n: count(people) }), random: () => t("listFill.random", { n: count(people), name: pick(chosen?.title) }) }[source]();
  const run = async () => {
    setBusy(true);
    setError(null);
    setSo(null);
    stop.current = new AbortController();
    try {
      const part = { ids: { ids }, segment: { segment }, top: { measure, n: people, among: chosen?.expression ?? "" }, random: { segment, n: people, seed: upload.current } }[source];
      await fill(list.name, { action, ...part, upload: upload.current, reason }, setSo, stop.current.signal);
      upload.current = crypto.randomUUID();
      if (!stop.current.signal.aborted && source === "ids") setIds("");
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
    done();
  };
  const read = (file: File | null) => void file?.text().then(setIds);
  const options = (segments.data?.items ?? []).map((s) => ({ value: s.name, label: `${pick(s.title)}${t("paren", { text: t("segments.nPeople", { n: count(s.members) }) })}` }));
  return (
    <Card withBorder padding="lg">
      <Stack gap="md">
        <Group justify="space-between" gap="sm">
          <Title order={2}>{t("listFill.title")}</Title>
          <SegmentedControl size="xs" aria-label={t("listFill.action")} value={action} onChange={(v) => setAction(v as typeof action)} data={(["add", "remove"] as const).map((a) => ({ value: a, label: t(`listFill.action_${a}`) }))} />
        </Group>
        <SegmentedControl size="xs" aria-label={t("listFill.source")} value={source} onChange={(v) => setSource(v as Source)} data={sources.map((x) => ({ value: x, label: t(`listSource.${x}`) }))} style={{ alignSelf: "flex-start", maxWidth: "100%", overflowX: "auto" }} />
        {source === "ids" && (
          <>
            <Textarea label={t("listFill.idsLabel")} description={t("listFill.idsHint")} value={ids} onChange={(e) => setIds(e.currentTarget.value)} autosize minRows={4} maxRows={10} spellCheck={false} />
            <FileButton onChange={read} accept=".csv,.txt,text/csv,text/plain">{(props) => <Button {...props} size="xs" variant="default" style={{ alignSelf: "flex-start" }}>{t("listFill.file")}</Button>}</FileButton>
          </>
        )}
        {source === "top" && <Measure value={measure} onChange={setMeasure} />}
        <Group gap="md" align="flex-end">
          {source !== "ids" && <Select label={source === "top" ? t("listFill.among") : t("builder.segment")} placeholder={source === "top" ? t("listFill.everybody") : t("builder.chooseSegment")} data={options} value={segment || null} onChange={(v) => setSegment(v ?? "")} searchable clearable={source === "top"} miw={260} />}
          {(source === "top" || source === "random") && <NumberInput label={t("listFill.n")} value={n} onChange={(v) => setN(typeof v === "number" ? v : "")} min={1} max={100_000} allowDecimal={false} thousandSeparator="," w={140} />}
        </Group>
        <TextInput label={t("reason")} description={t("listFill.reasonHint")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} required />
        <Group justify="space-between" gap="md" align="center">
          <Text size="sm" style={{ flex: "1 1 280px" }} aria-live="polite">{people > 0 ? sentences(what, t(`listFill.then_${action}`), used) : t("listFill.nobody")}</Text>
          <Group gap="sm">{busy && so && so.of > 1 && <Button size="sm" variant="default" onClick={() => stop.current.abort()}>{t("listFill.stop")}</Button>}<Button loading={busy} disabled={!ready} onClick={() => void run()}>{t(`listFill.do_${action}`)}</Button></Group>
        </Group>
        {busy && lines > 0 && <div><Progress value={so ? (100 * so.done) / so.of : 0} animated aria-label={t("listFill.progress")} /><Text size="xs" c="dimmed" className="num">{so && t("listFill.soFar", { n: count(so.changed), done: count(so.done), of: count(so.of) })}</Text></div>}
        {error && <ProblemBox error={error} />}
        {so && !busy && <Result name={list.name} action={action} so={so} />}
      </Stack>
    </Card>
  );
}

/** What a filling came to, and every line that nobody was found by. */
function Result({ name, action, so }: { name: string; action: "add" | "remove"; so: Filled }) {
  const { t } = useTranslation();
  const cell = (s: string) => (/[",\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);
  // A byte order mark is what Excel knows UTF-8 by.
  const save = () => saveText("\ufeff" + ["line,id,why", ...so.missed.map((m) => [m.line, cell(m.id), m.why].join())].join("\r\n") + "\r\n", `${name}-not-found.csv`);
  const left = so.of > so.done ? t("listFill.stopped", { done: count(so.done), of: count(so.of) }) : "";
  return (
    <Alert color={so.missed.length || left ? "orange" : "teal"} role="status" title={t(`listFill.did_${action}`, { n: count(so.changed) })}>
      <Text size="sm">{sentences(t(`listFill.already_${action}`, { n: count(so.already) }), so.missed.length > 0 ? t("listFill.missed", { n: count(so.missed.length) }) : "", left)}</Text>
      {so.missed.length > 0 && (
        <>
          <Table verticalSpacing={2} my="sm" maw={640}>
            <Table.Thead><Table.Tr><Table.Th>{t("listFill.line")}</Table.Th><Table.Th>{t("listFill.id")}</Table.Th><Table.Th>{t("listFill.why")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{so.missed.slice(0, shownMissed).map((m) => <Table.Tr key={m.line}><Table.Td className="num">{count(m.line)}</Table.Td><Table.Td>{m.id || "—"}</Table.Td><Table.Td>{t(`listFill.why_${m.why}`)}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
          <Button size="xs" variant="default" onClick={save}>{t("listFill.saveMissed", { n: count(so.missed.length) })}</Button>
        </>
      )}
    </Alert>
  );
}
