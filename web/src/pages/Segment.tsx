import { ActionIcon, Alert, Anchor, Autocomplete, Button, Card, Group, Menu, SegmentedControl, SimpleGrid, Stack, Table, Tabs, Text, TextInput, Textarea, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconArrowBackUp, IconDots } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { request, useApi, type ApiError } from "../api";
import { Builder } from "../builder/Builder";
import { Expression } from "../builder/Expression";
import { useCondition } from "../builder/useCondition";
import { count, money, percent } from "../format";
import { actor, both, language, pick, sentences } from "../i18n";
import { modals, tell } from "../parts/confirm";
import { Export } from "../parts/Export";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { SaveAsList } from "../parts/SaveAsList";
import { Sizes } from "../parts/Sizes";
import { evaluateAgain, Sweep } from "../parts/Sweep";
import { Uses } from "../parts/UsedIn";
import type { Segment as SegmentData } from "../types";

export function Segment() {
  const { t } = useTranslation();
  const { name = "new" } = useParams();
  const fresh = name === "new";
  const [params] = useSearchParams();
  const stored = useApi("/segments/{name}", { path: { name } }, { enabled: !fresh, refetchInterval: 3_000 });
  const gallery = useApi("/segments/gallery", {}, { enabled: fresh && params.has("from") });
  // What is being edited stays as it was opened, whatever others save meanwhile: the server refuses to overwrite it.
  const [opened, setOpened] = useState<SegmentData>();
  useEffect(() => {
    if (stored.data && opened?.name !== name) setOpened(stored.data);
  }, [stored.data, opened, name]);
  const example = gallery.data?.items.find((g) => g.name === params.get("from"));
  if (stored.error && !stored.data) return <Page title={t("nav.segments")}><ProblemBox error={stored.error} /></Page>;
  if ((!fresh && opened?.name !== name) || (params.get("from") && !gallery.data)) return <Loading lines={8} />;
  const start: Start = (fresh ? undefined : opened) ?? { name: example?.name ?? "", title: example?.title ?? { ja: "", en: "" }, description: example?.description ?? { ja: "", en: "" }, expression: example?.expression ?? params.get("expression") ?? "", folder: "", owner: "", version: 0 };
  return <Editor key={start.name + start.version} start={start} fresh={fresh} reload={() => void stored.refetch().then((r) => r.data && setOpened(r.data))} now={stored.data} />;
}

const units = ["person", "household", "line_friend"] as const;
type Unit = (typeof units)[number];
const previewOf = (expression: string, unit: Unit, signal: AbortSignal) => request("post", "/segments/preview", { body: { expression, unit }, signal });

type Start = Pick<SegmentData, "name" | "title" | "description" | "expression" | "folder" | "owner" | "version">;

function Editor({ start, fresh, reload, now }: { start: Start; fresh: boolean; reload: () => void; now?: SegmentData }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [params, setParams] = useSearchParams();
  const [name, setName] = useState(start.name);
  const [title, setTitle] = useState(pick(start.title));
  const [about, setAbout] = useState(pick(start.description));
  const [folder, setFolder] = useState(start.folder);
  const [owner, setOwner] = useState(start.owner);
  const unit = units.find((u) => u === params.get("unit")) ?? "person";
  const all = useApi("/segments", {}, { staleTime: 60_000 });
  const condition = useCondition(start.expression, params.get("view") === "text" ? "text" : "blocks");
  const { expression, view } = condition;
  const [error, setError] = useState<ApiError | null>(null);
  const [settled] = useDebouncedValue(expression, view === "text" ? 200 : 0);
  const lang = useApi("/segments/language", {}, { staleTime: Infinity });
  const preview = useQuery<Awaited<ReturnType<typeof previewOf>>, ApiError>({ queryKey: ["preview", settled, unit], queryFn: ({ signal }) => previewOf(settled, unit, signal), enabled: settled.trim() !== "", placeholderData: keepPreviousData });
  const problems = preview.data && !preview.data.valid && !preview.isPlaceholderData ? preview.data.errors : [];
  useEffect(() => setError(null), [expression]);
  // The address says which view is shown: a link shows the same.
  useEffect(() => {
    if (view && view !== (params.get("view") ?? "blocks")) setParams((p) => { p.set("view", view); return p; }, { replace: true });
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [view]);
  const save = async () => {
    try {
      const finished = await condition.finished();
      if (finished === undefined) return;
      await request("put", "/segments/{name}", { path: { name }, body: { title: both(title, start.title), description: both(about, start.description), expression: finished, folder, owner, expect: fresh ? 0 : start.version, reason: "" } });
      if (fresh) void go(`/segments/${name}`);
      else reload();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  const remove = async () => {
    try {
      const uses = (await request("get", "/segments/{name}/uses", { path: { name } })).items;
      const text = uses.length === 0 ? t("segment.deleteText") : sentences(t("segment.deleteUsed", { n: uses.length, names: uses.map((u) => `${pick(u.title)}${t("paren", { text: u.where.map(pick).join(t("comma")) })}`).join(t("comma")) }), uses.some((u) => u.kind !== "audience") ? t("segment.deleteJourneys") : "", uses.some((u) => u.kind === "audience") ? t("segment.deleteAudiences") : "");
      if (!(await modals.confirm(t("segment.deleteTitle"), text, t("segment.delete")))) return;
      await request("delete", "/segments/{name}", { path: { name }, query: { expect: start.version, used_by: uses.map((u) => u.name).join(",") } });
      void go("/segments");
    } catch (e) {
      setError(e as ApiError);
    }
  };
  const p = settled.trim() !== "" && preview.data?.valid ? preview.data : undefined;
  const late = condition.pending || preview.isPlaceholderData || settled !== expression;
  const tab = fresh ? "condition" : (params.get("tab") ?? "condition");
  const counted = t(`countUnit.${unit}`);
  return (
    <Page title={fresh ? t("segments.new") : pick(start.title) || name} through={p?.complete_through} actions={<Group gap="sm">{!fresh && expression === start.expression && p && <><Button size="xs" variant="default" component={Link} to={`/audiences/new?segment=${name}`}>{t("segment.toAds")}</Button><SaveAsList segment={name} people={now?.members} /><Export name={name} people={p.count} /></>}{!fresh && <Button size="xs" variant="default" onClick={() => void remove()}>{t("segment.delete")}</Button>}{now && !now.stale && <Menu position="bottom-end" withinPortal><Menu.Target><ActionIcon variant="default" size={30} aria-label={t("moreActions")}><IconDots size={16} aria-hidden /></ActionIcon></Menu.Target><Menu.Dropdown><Menu.Item onClick={() => void evaluateAgain(name).then(reload, tell)}>{t("sweep.again")}</Menu.Item></Menu.Dropdown></Menu>}{tab === "condition" && <Button size="xs" disabled={!p || !name || !title || condition.problems.size > 0} onClick={() => void save()}>{t("segment.save")}</Button>}</Group>}>
      {!fresh && (
        <Tabs value={tab} onChange={(v) => setParams((p) => { p.set("tab", v ?? "condition"); return p; })}>
          <Tabs.List><Tabs.Tab value="condition">{t("segment.tabCondition")}</Tabs.Tab><Tabs.Tab value="sizes">{t("segment.tabSizes")}</Tabs.Tab></Tabs.List>
        </Tabs>
      )}
      {!fresh && now && <Group gap="sm"><Text size="sm" fw={600}>{t("segments.usedIn")}</Text><Uses of={now.used_in} /></Group>}
      {now && <Sweep segment={now} reload={reload} />}
      {tab === "sizes" && <Sizes name={start.name} />}
      {tab === "condition" && <>
      <Card withBorder padding="lg">
        <Stack gap="md">
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
            <TextInput label={t("segment.title")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} required />
            <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} disabled={!fresh} required pattern="[a-z][a-z0-9_]*" />
          </SimpleGrid>
          <Textarea label={t("segment.about")} value={about} onChange={(e) => setAbout(e.currentTarget.value)} autosize minRows={1} />
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
            <Autocomplete label={t("segments.folder")} description={t("segment.folderHint")} value={folder} onChange={setFolder} maxLength={64} data={[...new Set((all.data?.items ?? []).map((s) => s.folder).filter(Boolean))]} inputWrapperOrder={["label", "input", "description", "error"]} />
            <TextInput label={t("segments.owner")} description={t("segment.ownerHint")} value={owner === "local" ? "" : owner} placeholder={owner ? actor(owner) : undefined} onChange={(e) => setOwner(e.currentTarget.value)} maxLength={100} />
          </SimpleGrid>
        </Stack>
      </Card>
      <Card withBorder padding="lg">
        <Stack gap="md">
          <Group justify="space-between" gap="sm">
            <Title order={2}>{t("segment.expression")}</Title>
            <Group gap="sm">
              {view === "blocks" && <Button size="xs" variant="default" leftSection={<IconArrowBackUp size={16} aria-hidden />} disabled={!condition.undo} onClick={() => condition.undo?.()}>{t("builder.undo")}</Button>}
              <SegmentedControl size="xs" aria-label={t("builder.view")} value={view ?? "blocks"} onChange={(v) => condition.show(v as "blocks" | "text")} data={[{ value: "blocks", label: t("builder.easy") }, { value: "text", label: t("builder.expression") }]} />
            </Group>
          </Group>
          {(view === null || (view === "blocks" && !lang.data)) && !condition.error && !lang.error && <Loading lines={3} />}
          {view === "blocks" && lang.data && <Builder root={condition.root} words={lang.data} problems={condition.problems} onChange={condition.change} />}
          {view === "text" && (
            <div>
              <Expression value={condition.text} lang={lang.data} problems={problems} onChange={condition.setText} />
              <Text size="xs" c="dimmed" mt={4}>{t("segment.hint")}</Text>
            </div>
          )}
          {problems.length > 0 && (
            <Alert color="orange" title={t("segment.notYet")}>
              {problems.map((e, i) => <Text size="sm" key={i}>{view === "text" && t("at", { line: e.line, col: e.col })} {language() === "ja" ? e.message_ja || e.message : e.message}</Text>)}
            </Alert>
          )}
          {lang.error && <ProblemBox error={lang.error} retry={() => void lang.refetch()} />}
          {condition.error && <ProblemBox error={condition.error} />}
          {preview.error && <ProblemBox error={preview.error} />}
          {error && <ProblemBox error={error} />}
        </Stack>
      </Card>
      {p && <Group justify="flex-end"><SegmentedControl size="xs" aria-label={t("segment.unit")} value={unit} onChange={(v) => setParams((p) => { p.set("unit", v); return p; }, { replace: true })} data={units.map((u) => ({ value: u, label: t(`countUnit.${u}`) }))} /></Group>}
      {p && (
        <Stack gap="lg" aria-busy={late} style={{ filter: late ? "saturate(0)" : undefined }} aria-live="polite">
          <SimpleGrid cols={{ base: 2, sm: 3, md: 6 }} spacing="md">
            {unit !== "person" ? <Figure label={counted} value={count(p.count)} note={percent(p.share)} /> : fresh || expression !== start.expression ? <Figure label={t("segment.people")} value={count(p.count)} note={percent(p.share)} /> : <Link to={`/people?segment=${name}`} className="plain"><Figure label={t("segment.people")} value={count(p.count)} note={percent(p.share)} /></Link>}
            <Figure label={t("channel.email")} value={count(p.reach.email)} />
            <Figure label={t("channel.line")} value={count(p.reach.line)} />
            <Figure label={t("channel.postal")} value={count(p.reach.postal)} />
            <Figure label={t("channel.sms")} value={count(p.reach.sms)} />
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
        </Stack>
      )}
      </>}
    </Page>
  );
}
