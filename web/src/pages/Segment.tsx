import { Alert, Anchor, Button, Card, Group, SimpleGrid, Stack, Table, Text, TextInput, Textarea, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import CodeMirror from "@uiw/react-codemirror";
import { EditorView } from "@codemirror/view";
import { autocompletion, type CompletionContext } from "@codemirror/autocomplete";
import { linter } from "@codemirror/lint";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { useQuery } from "@tanstack/react-query";
import { useComputedColorScheme } from "@mantine/core";
import { request, useApi, type ApiError } from "../api";
import { count, money, percent } from "../format";
import { language, pick, type Text as Both } from "../i18n";
import { modals } from "../parts/confirm";
import { Export } from "../parts/Export";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";
import type { Segment as SegmentData, SegmentLanguage } from "../types";

export function Segment() {
  const { t } = useTranslation();
  const { name = "new" } = useParams();
  const fresh = name === "new";
  const [params] = useSearchParams();
  const stored = useApi("/segments/{name}", { path: { name } }, { enabled: !fresh });
  const gallery = useApi("/segments/gallery", {}, { enabled: fresh && params.has("from") });
  const example = gallery.data?.items.find((g) => g.name === params.get("from"));
  if (stored.error && !stored.data) return <Page title={t("nav.segments")}><ProblemBox error={stored.error} /></Page>;
  if ((!fresh && !stored.data) || (params.get("from") && !gallery.data)) return <Loading lines={8} />;
  const start = stored.data ?? { name: example?.name ?? "", title: example?.title ?? { ja: "", en: "" }, description: example?.description ?? { ja: "", en: "" }, expression: example?.expression ?? "", version: 0 };
  return <Editor key={start.name + start.version} start={start} fresh={fresh} reload={() => void stored.refetch()} />;
}

const previewOf = (expression: string, signal: AbortSignal) => request("post", "/segments/preview", { body: { expression }, signal });

type Start = Pick<SegmentData, "name" | "title" | "description" | "expression" | "version">;

function Editor({ start, fresh, reload }: { start: Start; fresh: boolean; reload: () => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const dark = useComputedColorScheme() === "dark";
  const [name, setName] = useState(start.name);
  const [title, setTitle] = useState(pick(start.title));
  const [about, setAbout] = useState(pick(start.description));
  const [expression, setExpression] = useState(start.expression);
  const [error, setError] = useState<ApiError | null>(null);
  const [settled] = useDebouncedValue(expression, 200);
  const lang = useApi("/segments/language", {}, { staleTime: Infinity });
  const preview = useQuery<Awaited<ReturnType<typeof previewOf>>, ApiError>({ queryKey: ["preview", settled], queryFn: ({ signal }) => previewOf(settled, signal), enabled: settled.trim() !== "", placeholderData: (old) => old });
  const problems = preview.data && !preview.data.valid ? preview.data.errors : [];
  useEffect(() => setError(null), [expression]);
  const extensions = useMemo(() => [
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": t("segment.expression") }),
    autocompletion({ override: [(c: CompletionContext) => complete(c, lang.data)] }),
    linter((view) => problems.map((p) => {
      const line = view.state.doc.line(Math.min(Math.max(p.line ?? 1, 1), view.state.doc.lines));
      const from = Math.min(line.from + Math.max((p.col ?? 1) - 1, 0), line.to);
      return { from, to: Math.min(from + 1, line.to), severity: "error" as const, message: language() === "ja" ? p.message_ja || p.message : p.message };
    }), { delay: 0 }),
    // eslint-disable-next-line react-hooks/exhaustive-deps
  ], [lang.data, JSON.stringify(problems), t]);
  const both = (now: string, before: Both): Both => ({ ja: before.ja || now, en: before.en || now, [language()]: now });
  const save = async () => {
    try {
      await request("put", "/segments/{name}", { path: { name }, body: { title: both(title, start.title), description: both(about, start.description), expression, expect: fresh ? 0 : start.version, reason: "" } });
      if (fresh) void go(`/segments/${name}`);
      else reload();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  const remove = async () => {
    try {
      const uses = (await request("get", "/segments/{name}/uses", { path: { name } })).items;
      const text = uses.length === 0 ? t("segment.deleteText") : t("segment.deleteUsed", { n: uses.length, names: uses.map((u) => `${pick(u.title)}${t("paren", { text: u.where.map(pick).join(t("comma")) })}`).join(t("comma")) });
      if (!(await modals.confirm(t("segment.deleteTitle"), text, t("segment.delete")))) return;
      await request("delete", "/segments/{name}", { path: { name }, query: { expect: start.version, used_by: uses.map((u) => u.name).join(",") } });
      void go("/segments");
    } catch (e) {
      setError(e as ApiError);
    }
  };
  const p = preview.data?.valid ? preview.data : undefined;
  return (
    <Page title={fresh ? t("segments.new") : pick(start.title) || name} through={p?.complete_through} actions={<Group gap="sm">{!fresh && expression === start.expression && p && <Export name={name} people={p.count} />}{!fresh && <Button size="xs" variant="default" onClick={() => void remove()}>{t("segment.delete")}</Button>}<Button size="xs" disabled={!p || !name || !title} onClick={() => void save()}>{t("segment.save")}</Button></Group>}>
      <Card withBorder padding="lg">
        <Stack gap="md">
          <Group gap="md" grow align="flex-start">
            <TextInput label={t("segment.title")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} required />
            <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} disabled={!fresh} required pattern="[a-z][a-z0-9_]*" />
          </Group>
          <Textarea label={t("segment.about")} value={about} onChange={(e) => setAbout(e.currentTarget.value)} autosize minRows={1} />
          <div>
            <Text size="sm" fw={500} mb={4}>{t("segment.expression")}</Text>
            <div style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 8, overflow: "hidden" }}>
              <CodeMirror value={expression} onChange={setExpression} extensions={extensions} theme={dark ? "dark" : "light"} minHeight="96px" basicSetup={{ lineNumbers: false, foldGutter: false, highlightActiveLine: false }} />
            </div>
            <Text size="xs" c="dimmed" mt={4}>{t("segment.hint")}</Text>
          </div>
          {problems.length > 0 && (
            <Alert color="orange" title={t("segment.notYet")}>
              {problems.map((e, i) => <Text size="sm" key={i}>{t("at", { line: e.line, col: e.col })} {language() === "ja" ? e.message_ja || e.message : e.message}</Text>)}
            </Alert>
          )}
          {preview.error && <ProblemBox error={preview.error} />}
          {error && <ProblemBox error={error} />}
        </Stack>
      </Card>
      {p && (
        <>
          <SimpleGrid cols={{ base: 2, md: 5 }} spacing="md">
            {fresh || expression !== start.expression ? <Figure label={t("segment.people")} value={count(p.count)} note={percent(p.share)} /> : <Link to={`/people?segment=${name}`} className="plain"><Figure label={t("segment.people")} value={count(p.count)} note={percent(p.share)} /></Link>}
            <Figure label={t("channel.email")} value={count(p.reach.email)} />
            <Figure label={t("channel.line")} value={count(p.reach.line)} />
            <Figure label={t("channel.postal")} value={count(p.reach.postal)} />
            <Figure label={t("segment.noReach")} value={count(p.reach.none)} />
          </SimpleGrid>
          {p.sample.length > 0 && (
            <Card withBorder padding="lg">
              <Title order={2} mb="sm">{t("segment.faces")}</Title>
              <div className="scroll">
                <Table verticalSpacing={4}>
                  <Table.Tbody>{p.sample.map((x) => <Table.Tr key={x.id}><Table.Td><Anchor component={Link} to={`/people/${x.id}`} size="sm">{x.name || t("person.unnamed")}</Anchor></Table.Td><Table.Td>{x.prefecture}</Table.Td><Table.Td ta="right" className="num">{t("person.bought", { n: count(x.orders_count) })}</Table.Td><Table.Td ta="right" className="num">{money(x.ltv)}</Table.Td></Table.Tr>)}</Table.Tbody>
                </Table>
              </div>
            </Card>
          )}
        </>
      )}
    </Page>
  );
}

function complete(c: CompletionContext, lang?: SegmentLanguage) {
  const word = c.matchBefore(/[.\w]+/);
  if (!word && !c.explicit) return null;
  const inside = word?.text.startsWith(".");
  const fields = (lang?.fields ?? []).filter((f) => (inside ? f.collection : !f.collection)).map((f) => ({ label: inside ? "." + f.name.replace(/^.*\./, "") : f.name, type: "property", detail: pick(f.label), info: pick(f.about) || undefined }));
  const functions = inside ? [] : (lang?.functions ?? []).map((f) => ({ label: f.name, type: "function", detail: pick(f.about), info: f.example }));
  return { from: word?.from ?? c.pos, options: [...fields, ...functions] };
}
