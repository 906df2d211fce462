import { Button, Group, Modal, NumberInput, Select, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError, type Got } from "../api";
import { Builder } from "../builder/Builder";
import { useCondition } from "../builder/useCondition";
import { both, pick } from "../i18n";
import { nameOfToday } from "./ListForm";
import { Measure } from "./Measure";
import { Loading, ProblemBox } from "./Page";

export type Ranking = Got<"/rankings">["items"][number];

const cuts = ["quantiles", "percentiles", "top"] as const;
const spans = ["1h", "6h", "24h", "168h", "manual"];

/** Makes a ranking or changes one: the measure, among whom, where it is cut, how often it is computed. */
export function RankingForm({ ranking: r, taken, close, saved }: { ranking?: Ranking; taken: string[]; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const lang = useApi("/segments/language", {}, { staleTime: Infinity });
  const [title, setTitle] = useState(pick(r?.title));
  const [name, setName] = useState(r?.name ?? nameOfToday("ranking", taken));
  const [measure, setMeasure] = useState(r?.measure ?? "ltv");
  const [by, setBy] = useState<(typeof cuts)[number]>(r?.by.top ? "top" : r?.by.percentiles?.length ? "percentiles" : "quantiles");
  const [quantiles, setQuantiles] = useState<number | string>(r?.by.quantiles || 5);
  const [top, setTop] = useState<number | string>(r?.by.top || 1000);
  const [percentiles, setPercentiles] = useState((r?.by.percentiles ?? [50, 90]).join(", "));
  const [every, setEvery] = useState(r?.every ?? "24h");
  const among = useCondition(r?.among ?? "", "blocks");
  const [error, setError] = useState<ApiError | null>(null);
  const save = async () => {
    try {
      // No condition at all is everybody whose measure is known.
      const whom = among.view === "blocks" && (among.root.blocks ?? []).length === 0 ? "" : await among.finished();
      if (whom === undefined) return;
      const cut = { quantiles: { quantiles: Number(quantiles) }, top: { top: Number(top) }, percentiles: { percentiles: percentiles.split(/[,、\s]+/).filter(Boolean).map(Number) } }[by];
      await request("put", "/rankings/{name}", { path: { name }, body: { title: both(title, r?.title), description: r?.description, measure, among: whom, by: cut, every, expect: r?.version ?? 0 } });
      saved();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Modal opened onClose={close} title={r ? t("rankings.edit") : t("rankings.new")} size="xl" closeButtonProps={{ "aria-label": t("close") }}>
      <Stack>
        <Group grow align="flex-start">
          <TextInput label={t("segment.title")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} required data-autofocus />
          <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} disabled={!!r} required inputWrapperOrder={["label", "input", "description", "error"]} />
        </Group>
        <Measure value={measure} onChange={setMeasure} />
        <div>
          <Text size="sm" fw={600} mb={4}>{t("rankings.among")}</Text>
          {among.view === "text" && <TextInput aria-label={t("rankings.among")} value={among.text} onChange={(e) => among.setText(e.currentTarget.value)} spellCheck={false} />}
          {among.view === "blocks" && lang.data && <Builder root={among.root} words={lang.data} problems={among.problems} onChange={among.change} />}
          {(among.view === null || !lang.data) && <Loading lines={2} />}
          <Text size="xs" c="dimmed" mt={4}>{t("rankings.amongHint")}</Text>
        </div>
        <Group align="flex-end" gap="md">
          <SegmentedControl aria-label={t("rankings.by")} value={by} onChange={(v) => setBy(v as typeof by)} data={cuts.map((c) => ({ value: c, label: t(`rankingBy.${c}`) }))} />
          {by === "quantiles" && <NumberInput label={t("rankings.parts")} value={quantiles} onChange={setQuantiles} min={2} max={100} allowDecimal={false} w={130} />}
          {by === "top" && <NumberInput label={t("listFill.n")} value={top} onChange={setTop} min={1} allowDecimal={false} thousandSeparator="," w={150} />}
          {by === "percentiles" && <TextInput label={t("rankings.percents")} value={percentiles} onChange={(e) => setPercentiles(e.currentTarget.value)} w={200} />}
          <Select label={t("rankings.every")} value={every} onChange={(v) => v && setEvery(v)} allowDeselect={false} data={[...new Set([...spans, every])].map((s) => ({ value: s, label: spans.includes(s) ? t(`rankingEvery.${s}`) : s }))} w={180} />
        </Group>
        {(error ?? among.error) && <ProblemBox error={(error ?? among.error)!} />}
        <Group justify="space-between"><Text size="sm" style={{ flex: "1 1 280px" }}>{r ? t("rankings.thenEdit") : t("rankings.thenNew")}</Text><Button disabled={!title.trim() || !name || !measure || among.problems.size > 0 && (among.root.blocks ?? []).length > 0} onClick={() => void save()}>{t("segment.save")}</Button></Group>
      </Stack>
    </Modal>
  );
}
