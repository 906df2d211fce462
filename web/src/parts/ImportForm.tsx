import { Alert, Button, Card, Checkbox, Group, NumberInput, Select, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { count } from "../format";
import { joined, pick } from "../i18n";
import type { Import, ImportFormat, ImportPlan, ImportPreview } from "../types";
import { chosenIn, guess, lacking, likely, mappingOf, type Fields, type Kind } from "./columns";
import { ImportColumns } from "./ImportColumns";
import { Loading, ProblemBox } from "./Page";

const encodings = [{ value: "utf-8", label: "UTF-8" }, { value: "utf-16", label: "UTF-16" }, { value: "cp932", label: "Shift_JIS (CP932)" }, { value: "euc-jp", label: "EUC-JP" }];
const separators = [",", "\t", ";", "|"];

const usePreview = (id: string, body: ImportPlan & { bare?: boolean }, enabled: boolean) =>
  useQuery<ImportPreview, ApiError>({ queryKey: ["import", id, JSON.stringify(body)], enabled, placeholderData: keepPreviousData, queryFn: ({ signal }) => request("post", "/imports/{id}/preview", { path: { id }, body, signal }) });

/** What a file is chosen to be: a format that is known (preset:NAME), a saved mapping (mapping:NAME), columns chosen by hand, events as they are. */
type Choice = "columns" | "events" | `preset:${string}` | `mapping:${string}`;
const choiceOf = (f: ImportFormat): Choice => `${f.preset ? "preset" : "mapping"}:${f.name}`;
const choiceIn = (p?: ImportPlan): Choice | null => (p?.preset ? `preset:${p.preset}` : p?.mapping ? `mapping:${p.mapping}` : chosenIn(p?.draft) ? "columns" : null);

/** How a file is read: recognised, and all of it may be changed; with its first rows as they would come. */
export function ImportForm({ import: m, before, check }: { import: Import; before?: ImportPlan; check: (plan: ImportPlan) => Promise<void> }) {
  const { t } = useTranslation();
  const [read, setRead] = useState<Pick<ImportPlan, "encoding" | "delimiter" | "header">>({ encoding: before?.encoding, delimiter: before?.delimiter, header: before?.header });
  const [picked, setPicked] = useState<Choice | null>(choiceIn(before));
  const [own, setOwn] = useState<{ kind: Kind; fields: Fields } | undefined>(chosenIn(before?.draft));
  const [live, setLive] = useState(before?.live ?? false);
  const [busy, setBusy] = useState(false);
  const bare = usePreview(m.id, { ...read, bare: true }, true);
  const formats = useApi("/import-formats", {}, { staleTime: 10_000 });
  const file = bare.data;
  const known = file?.known ?? [];
  const choice: Choice = picked ?? (known[0] ? choiceOf(known[0]) : file?.format === "ndjson" ? "events" : "columns");
  const columns = own ?? (file && file.format === "csv" ? { kind: likely(file.header), fields: guess(likely(file.header), file.header) } : { kind: "orders" as Kind, fields: {} });
  const title = { ja: m.name, en: m.name };
  const plan: ImportPlan = { ...read, live: live || undefined, ...(choice === "columns" ? { draft: mappingOf(columns.kind, columns.fields, title) } : choice.startsWith("preset:") ? { preset: choice.slice(7) } : choice.startsWith("mapping:") ? { mapping: choice.slice(8) } : {}) };
  const missing = choice === "columns" ? lacking(columns.kind, columns.fields) : [];
  const [asked] = useDebouncedValue(JSON.stringify(plan), 300);
  const seen = usePreview(m.id, JSON.parse(asked) as ImportPlan, Boolean(file) && Boolean(formats.data));
  if (bare.error) return <ProblemBox error={bare.error} retry={() => void bare.refetch()} />;
  if (formats.error && !formats.data) return <ProblemBox error={formats.error} retry={() => void formats.refetch()} />;
  if (!file || !formats.data) return <Loading />;
  const csv = file.format === "csv";
  const fits = formats.data.items.filter((f) => (f.format === "csv") === csv);
  const option = (f: ImportFormat) => ({ value: choiceOf(f) as string, label: pick(f.title) });
  const others = fits.filter((f) => f.preset && !known.some((k) => k.name === f.name));
  const groups = [
    { group: t("imports.recognised"), items: known.map(option) },
    { group: t("imports.saved"), items: fits.filter((f) => !f.preset).map(option) },
    { group: t("imports.byHand"), items: [csv ? { value: "columns", label: t("imports.columns") } : { value: "events", label: t("imports.events") }] },
    { group: t("imports.allFormats"), items: others.map(option) },
  ].filter((g) => g.items.length > 0);
  const products = choice === "columns" ? columns.kind === "products" : [...known, ...fits].find((f) => choiceOf(f) === choice)?.kind === "products";
  const about = [...known, ...fits].find((f) => choiceOf(f) === choice)?.about;
  const go = async () => {
    setBusy(true);
    await check(plan);
    setBusy(false);
  };
  return (
    <>
      <Card withBorder>
        <Stack gap="md">
          <Title order={2} size="h4">{t("imports.how")}</Title>
          <Select label={t("imports.format")} description={about ? pick(about) : known.length === 0 && csv ? t("imports.unknown") : undefined} data={groups} value={choice} onChange={(v) => v && setPicked(v as Choice)} allowDeselect={false} searchable maw={620} />
          <SimpleGrid cols={{ base: 1, sm: 3 }} maw={620}>
            <Select label={t("imports.encoding")} data={encodings} value={file.encoding} onChange={(v) => v && setRead({ ...read, encoding: v })} allowDeselect={false} />
            {csv && <Select label={t("imports.separator")} data={separators.map((s, i) => ({ value: s, label: t(`separator.is_${i}`) }))} value={file.delimiter} onChange={(v) => v && setRead({ ...read, delimiter: v })} allowDeselect={false} />}
            {csv && <NumberInput label={t("imports.headerLine")} value={file.header_line} min={1} max={1000} allowDecimal={false} onChange={(v) => typeof v === "number" && v > 0 && v !== file.header_line && setRead({ ...read, header: v })} />}
          </SimpleGrid>
          {!products && <Checkbox label={t("imports.live")} description={t("imports.liveHint")} checked={live} onChange={(e) => setLive(e.currentTarget.checked)} />}
        </Stack>
      </Card>
      {choice === "columns" && csv && <ImportColumns name={m.name} header={file.header} kind={columns.kind} fields={columns.fields} change={(kind, fields) => setOwn({ kind, fields })} saved={(name) => void formats.refetch().then(() => setPicked(`mapping:${name}`))} />}
      {seen.error && <ProblemBox error={seen.error} />}
      {seen.data && <Preview preview={seen.data} />}
      {products ? <Alert color="teal">{t("imports.products")}</Alert> : !live && <Alert color="teal">{t("imports.history")}</Alert>}
      <Group>
        <Button loading={busy} disabled={missing.length > 0 || Boolean(seen.data?.problem) || Boolean(seen.error)} onClick={() => void go()}>{t("imports.check")}</Button>
        <Text size="sm" c="dimmed">{missing.length > 0 ? t("imports.lacking", { names: missing.map((f) => t(`importField.${f.key}`)).join(t("comma")) }) : t("imports.checkText")}</Text>
      </Group>
    </>
  );
}

/** The first rows; what is wrong is marked at its cell and told above. */
function Preview({ preview: p }: { preview: ImportPreview }) {
  const { t } = useTranslation();
  const problems = p.rows.flatMap((r) => r.problems);
  const hints = p.rows.flatMap((r) => r.hints.map((x) => ({ line: r.line, ...x })));
  const types = new Map<string, number>();
  for (const e of p.events) types.set(pick(e.label), (types.get(pick(e.label)) ?? 0) + 1);
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Title order={2} size="h4">{t("imports.firstRows", { count: p.rows.length })}</Title>
        {p.problem && <Alert color="orange" title={t("imports.notSo")}>{pick(p.problem)}</Alert>}
        {!p.problem && <Text size="sm">{types.size > 0 ? t("imports.becomes", { list: joined([...types].map(([label, n]) => t("imports.nOf", { label, n: count(n) }))) }) : t("imports.becomesNothing")}</Text>}
        {problems.slice(0, 5).map((x) => <Text key={`${x.line}.${x.field}`} size="sm" fw={600}>{t("imports.problem", { line: x.line, column: x.columns.join(t("comma")), why: pick(x.reason) })}</Text>)}
        {hints.slice(0, 5).map((x) => <Text key={`${x.line}.${x.cell}`} size="sm">{t("imports.hint", { line: x.line, column: p.header[x.cell], value: x.value, meant: x.meant })}</Text>)}
        <div className="scroll" tabIndex={0} role="region" aria-label={t("imports.rowsOf")} style={{ maxHeight: 320, overflow: "auto" }}>
          <Table withColumnBorders verticalSpacing={4} fz="xs">
            <Table.Thead><Table.Tr><Table.Th>{t("imports.line")}</Table.Th>{p.header.map((c) => <Table.Th key={c} style={{ whiteSpace: "nowrap" }}>{c}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {p.rows.map((r) => {
                const wrong = new Set(r.problems.flatMap((x) => x.columns));
                const outline = (i: number) => (wrong.has(p.header[i]) ? "2px solid var(--mantine-color-red-6)" : r.hints.some((x) => x.cell === i) ? "2px dashed var(--mantine-color-orange-6)" : undefined);
                return (
                  <Table.Tr key={r.line}>
                    <Table.Td className="num" fw={r.problems.length ? 700 : undefined}>{r.line}</Table.Td>
                    {r.cells.map((c, i) => <Table.Td key={i} maw={240} data-wrong={wrong.has(p.header[i]) || undefined} style={{ whiteSpace: "nowrap", overflow: "hidden", textOverflow: "ellipsis", outline: outline(i), outlineOffset: -2 }}>{c}</Table.Td>)}
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </div>
      </Stack>
    </Card>
  );
}
