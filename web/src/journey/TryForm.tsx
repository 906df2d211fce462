import { Button, Card, Group, NativeSelect, NumberInput, SegmentedControl, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { day, short } from "../format";
import { ProblemBox } from "../parts/Page";
import type { Journey } from "../types";
import { Segments } from "./fields";
import { dateIn, midnight, nextDay, spanOf, spans, type Span } from "./tries";

/** Which version, which time and whose past; starting answers at once. */
export function TryForm({ journey: j, zone, started }: { journey: Journey; zone: string; started: (id: string) => void }) {
  const { t } = useTranslation();
  const [now] = useState(() => Date.now());
  const today = dateIn(now, zone);
  const [span, setSpan] = useState<Span>("3m");
  const [own, setOwn] = useState(() => spanOf("3m", today));
  const [version, setVersion] = useState(j.version);
  const [whom, setWhom] = useState<"all" | "segment" | "sample">("all");
  const [segment, setSegment] = useState("");
  const [sample, setSample] = useState(10);
  const comparable = j.acting > 0 && j.acting !== version;
  const [compare, setCompare] = useState(true);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const x = span === "own" ? own : spanOf(span, today);
  const right = /^\d{4}-\d{2}-\d{2}$/.test(x.from) && /^\d{4}-\d{2}-\d{2}$/.test(x.to) && x.from <= x.to && x.from <= today && (whom !== "segment" || segment !== "");
  const start = async () => {
    setBusy(true);
    setError(null);
    try {
      const s = await request("post", "/journeys/{name}/simulations", { path: { name: j.name }, body: { version, from: midnight(x.from, zone), to: midnight(nextDay(x.to), zone), ...(whom === "segment" ? { segment } : whom === "sample" ? { sample } : {}), ...(comparable && compare ? { compare: true } : {}) } });
      started((s as unknown as { id: string }).id);
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };
  return (
    <Card withBorder padding="md" component="section" aria-label={t("tries.ask")}>
      <Stack gap="md">
        <Group gap="md" align="flex-end">
          <div style={{ maxWidth: "100%" }}><Text size="sm" fw={500} mb={4}>{t("tries.when")}</Text><div className="scroll"><SegmentedControl size="xs" aria-label={t("tries.when")} value={span} onChange={(v) => { if (v === "own") setOwn(x); setSpan(v as Span); }} data={spans.map((s) => ({ value: s, label: t(`tries.span_${s}`) }))} /></div></div>
          {span === "own" ? (
            <><TextInput size="xs" type="date" label={t("tries.from")} max={today} value={own.from} onChange={(e) => setOwn({ ...own, from: e.currentTarget.value })} /><TextInput size="xs" type="date" label={t("tries.to")} max={today} value={own.to} onChange={(e) => setOwn({ ...own, to: e.currentTarget.value })} /></>
          ) : <Text size="sm" pb={6}>{t("tries.between", { from: day(midnight(x.from, zone)), to: day(midnight(x.to, zone)) })}</Text>}
        </Group>
        <Group gap="md" align="flex-end">
          <div><Text size="sm" fw={500} mb={4}>{t("tries.whom")}</Text><SegmentedControl size="xs" aria-label={t("tries.whom")} value={whom} onChange={(v) => setWhom(v as typeof whom)} data={(["all", "segment", "sample"] as const).map((w) => ({ value: w, label: t(`tries.whom_${w}`) }))} /></div>
          {whom === "segment" && <div style={{ minWidth: 240 }}><Segments label={t("builder.segment")} value={segment} onChange={setSegment} /></div>}
          {whom === "sample" && <NumberInput size="xs" w={120} label={t("tries.percent")} suffix=" %" min={0.1} max={100} decimalScale={1} value={sample} onChange={(v) => setSample(Number(v) || 10)} />}
          {j.history.length > 1 && <NativeSelect size="xs" label={t("tries.version")} value={version} onChange={(e) => setVersion(Number(e.currentTarget.value))} data={j.history.filter((h) => !h.deleted).map((h) => ({ value: String(h.version), label: `${short(h.at)} ${t(`journeyStatus.${h.status}`, { defaultValue: "" })}` }))} />}
          {comparable && <Switch size="sm" pb={4} label={t("tries.compare")} checked={compare} onChange={(e) => setCompare(e.currentTarget.checked)} />}
          <Button size="xs" loading={busy} disabled={!right} onClick={() => void start()}>{t("tries.start")}</Button>
        </Group>
        <Text size="xs" c="dimmed">{t("tries.nothingSent")}</Text>
        {error && <ProblemBox error={error} />}
      </Stack>
    </Card>
  );
}
