import { ActionIcon, Alert, Badge, Button, Grid, Group, Menu, SegmentedControl, Stack, Tabs, Text, TextInput, Tooltip } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconArrowBackUp, IconArrowForwardUp, IconDots, IconSend } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { clock, short } from "../format";
import { language as spoken, pick } from "../i18n";
import { ContentEditor } from "../dm/ContentEditor";
import { plain } from "../mail/blocks";
import { lookOf } from "../mail/compile";
import { finishedAll, useFinished } from "../mail/draft";
import type { LineDraft } from "../mail/line";
import { LineEditor } from "../mail/LineEditor";
import { MailEditor } from "../mail/MailEditor";
import { channelColour } from "../parts/channels";
import { modals, tell } from "../parts/confirm";
import { forget, useDraft } from "../parts/draft";
import { Findings } from "../parts/Findings";
import { Links } from "../parts/Links";
import { Loading, Page, ProblemBox } from "../parts/Page";
import { Companion, Message, PersonBar, usePerson, useRendered } from "../parts/Preview";
import { TestSend } from "../parts/TestSend";
import { PreviewOf } from "../parts/Variables";
import { Versions } from "../parts/Versions";
import type { Finding, TemplateDefinition, TemplatePage, TemplateVariant } from "../types";

export function Template() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const template = useApi("/templates/{name}", { path: { name } }, { refetchOnWindowFocus: false });
  const brand = useApi("/settings/{name}", { path: { name: "brand" } }, { staleTime: 60_000 });
  const [times, setTimes] = useState(0);
  if (template.error && !template.data) return <Page title={t("nav.content")}><ProblemBox error={template.error} retry={() => void template.refetch()} /></Page>;
  if (!template.data || (!brand.data && !brand.error)) return <Loading lines={8} />;
  // A version that is put back is edited from its beginning: no step of before can be undone into it.
  const restored = async () => { forget(name); await template.refetch(); setTimes(times + 1); };
  return <Editor key={`${name} ${times}`} page={template.data} brand={brand.data?.body as Record<string, unknown> | undefined} reload={() => void template.refetch()} restored={restored} />;
}

const lint = (name: string, definition: TemplateDefinition, signal: AbortSignal) => request("post", "/templates/lint", { body: { name, definition }, signal });

function Editor({ page, brand, reload, restored }: { page: TemplatePage; brand?: Record<string, unknown>; reload: () => void; restored: () => Promise<void> }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const saved = page.definition as TemplateDefinition;
  const draft = useDraft(page.name, page.version, saved);
  const d = draft.now;
  const languages = Object.keys(d.variants);
  const [asked, setLanguage] = useState<string>(spoken());
  const language = languages.includes(asked) ? asked : languages[0];
  const [chosen, setChosen] = useState("");
  const [side, setSide] = useState("preview");
  const [choice, setChoice] = useState<number>();
  const [error, setError] = useState<ApiError | null>(null);
  const [at, setAt] = useState("");
  const [saving, setSaving] = useState(false);
  const [testing, setTesting] = useState(false);
  const look = (l: string) => lookOf(brand, l, plain);
  const done = useFinished(d, language, look(language));
  const person = usePerson();
  const of = useMemo(() => ({ profile: person.id, language: language === "ja" || language === "en" ? language : "" } as const), [person.id, language]);
  const rendered = useRendered(done ? page.name : "", person, language, done?.definition, choice);
  const check = useQuery<Awaited<ReturnType<typeof lint>>, ApiError>({ queryKey: ["lint", page.name, done?.definition], enabled: !!done, placeholderData: keepPreviousData, queryFn: ({ signal }) => lint(page.name, done!.definition, signal) });
  const findings = useMemo(() => check.data?.items ?? [], [check.data]);
  const wrong = useMemo(() => findings.filter((f) => f.severity === "error" && !f.override), [findings]);
  useHotkeys([["mod+Z", () => draft.undo()], ["mod+shift+Z", () => draft.redo()], ["mod+S", () => void save()]], []);
  const variant = d.variants[language] ?? {};
  const set = (to: Partial<TemplateVariant>, what = "") => draft.change({ ...d, variants: { ...d.variants, [language]: { ...variant, ...to } } }, what && `${language}.${what}`);

  const save = async () => {
    if (saving || !draft.dirty) return;
    setSaving(true);
    try {
      const definition = await finishedAll(d, look);
      const w = await request("put", "/templates/{name}", { path: { name: page.name }, body: { definition, expect: draft.base } });
      draft.saved(w.version ?? draft.base);
      setAt(new Date().toISOString());
      setError(null);
      reload();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setSaving(false);
    }
  };
  const goTo = (f: Finding) => {
    const lang = /^variants\.([\w-]+)/.exec(f.part)?.[1];
    if (lang && languages.includes(lang)) setLanguage(lang);
    if (f.block) setChosen(f.block);
    const message = /messages\[(\d+)\]/.exec(f.part)?.[1];
    const field = /^variants\.[\w-]+\.(?:content\.)?(\w+)/.exec(f.part)?.[1];
    setTimeout(() => {
      const to = document.querySelector<HTMLElement>(f.block ? `[data-block="${f.block}"]` : message ? `[data-message="${message}"]` : field ? `[data-field="${field}"]` : "[data-editor]");
      to?.scrollIntoView({ block: "center", behavior: "smooth" });
      (to?.matches("textarea, input") ? to : (to?.querySelector<HTMLElement>("textarea, input:not([type=radio])") ?? to?.querySelector<HTMLElement>("button")))?.focus({ preventScroll: true });
    }, 60);
  };
  const override = (f: Finding, reason: string) => draft.change({ ...d, overrides: [...(d.overrides ?? []), { code: f.code, part: f.part, excerpt: f.excerpt, reason, by: "" }] });
  const remove = async () => {
    if (!(await modals.confirm(t("content.removeTitle"), t("content.removeText"), t("content.remove")))) return;
    try {
      await request("delete", "/templates/{name}", { path: { name: page.name }, query: { expect: page.version } });
      void go("/content");
    } catch (e) {
      tell(e);
    }
  };
  const lines = d.channel === "line" && Array.isArray(variant.messages) ? (variant.messages as LineDraft[]) : null;
  const state = saving ? t("mail.saving") : draft.dirty ? t("mail.unsaved") : at ? t("mail.saved", { at: clock(at).slice(0, 5) }) : t("mail.version", { at: short(page.updated_at) });
  return (
    <Page title={<Group gap="sm"><span>{pick(page.title) || page.name}</span><Badge variant="light" color={channelColour(d.channel)}>{t(`channel.${d.channel}`)}</Badge><Badge variant="light" color="gray">{t(`purpose.${d.purpose}`)}</Badge></Group>} actions={
      <Group gap="sm">
        <Text size="xs" c="dimmed" role="status">{state}</Text>
        <ActionIcon.Group>
          <Tooltip label={t("builder.undo")}><ActionIcon variant="default" size={30} disabled={!draft.canUndo} aria-label={t("builder.undo")} onClick={draft.undo}><IconArrowBackUp size={17} aria-hidden /></ActionIcon></Tooltip>
          <Tooltip label={t("mail.redo")}><ActionIcon variant="default" size={30} disabled={!draft.canRedo} aria-label={t("mail.redo")} onClick={draft.redo}><IconArrowForwardUp size={17} aria-hidden /></ActionIcon></Tooltip>
        </ActionIcon.Group>
        <Button size="xs" variant="default" leftSection={<IconSend size={15} aria-hidden />} disabled={!done} onClick={() => setTesting(true)}>{t("test.button")}</Button>
        <Button size="xs" loading={saving} disabled={!draft.dirty} onClick={() => void save()}>{t("mail.save")}</Button>
        <Menu position="bottom-end"><Menu.Target><ActionIcon variant="subtle" color="gray" size={30} aria-label={t("nav.menu")}><IconDots size={17} aria-hidden /></ActionIcon></Menu.Target><Menu.Dropdown><Menu.Item onClick={() => void remove()}>{t("content.remove")}</Menu.Item></Menu.Dropdown></Menu>
      </Group>
    }>
      {error && <ProblemBox error={error} />}
      {draft.restored && draft.dirty && <Alert color="blue" p="sm"><Group justify="space-between"><Text size="sm">{t("mail.restored")}</Text><Button size="compact-sm" variant="default" onClick={draft.discard}>{t("mail.discard")}</Button></Group></Alert>}
      <Grid gap="lg" align="flex-start">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack gap="md" data-editor>
            <Group justify="space-between">
              <SegmentedControl size="xs" value={language} onChange={setLanguage} data={languages.map((l) => ({ value: l, label: t(`languageName.${l}`, { defaultValue: l }) }))} aria-label={t("nav.language")} />
              {(["ja", "en"] as const).filter((l) => !languages.includes(l)).map((l) => <Button key={l} size="compact-sm" variant="subtle" onClick={() => { draft.change({ ...d, variants: { ...d.variants, [l]: structuredClone(variant) } }); setLanguage(l); }}>{t("mail.addLanguage", { name: t(`languageName.${l}`) })}</Button>)}
            </Group>
            <PreviewOf value={of}>
              {d.channel === "email" ? <MailEditor variant={variant} set={set} chosen={chosen} choose={setChosen} wrong={new Set(wrong.map((f) => f.block))} language={language} html={done?.definition.variants[language]} troubles={done?.troubles ?? []} onVariant={setChoice} />
                : lines ? <LineEditor messages={lines} onChange={(messages) => set({ messages }, "messages")} wrong={new Set(wrong.flatMap((f) => /messages\[(\d+)\]/.exec(f.part)?.[1] ?? []).map(Number))} />
                  : d.channel !== "line" ? <ContentEditor channel={d.channel} variant={variant} set={set} wrong={wrong} marketing={d.purpose === "marketing"} />
                  : <TextInput label={t("line.json")} description={t("line.liquid")} value={typeof variant.messages === "string" ? variant.messages : ""} onChange={(e) => set({ messages: e.currentTarget.value }, "messages")} />}
            </PreviewOf>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }} className="beside">
          <Tabs value={side} onChange={(v) => setSide(v ?? "preview")}>
            <Tabs.List mb="md"><Tabs.Tab value="preview">{t("preview.title")}</Tabs.Tab><Tabs.Tab value="lint" rightSection={wrong.length > 0 ? <Badge size="sm" color="red" circle>{wrong.length}</Badge> : undefined}>{t("lint.title")}</Tabs.Tab><Tabs.Tab value="history">{t("journey.history")}</Tabs.Tab></Tabs.List>
            <Tabs.Panel value="preview"><Stack gap="md"><PersonBar person={person} /><Message rendered={rendered.data} error={rendered.error} channel={d.channel} /><Companion person={person} channel={d.channel} language={language} /></Stack></Tabs.Panel>
            <Tabs.Panel value="lint">{check.error ? <ProblemBox error={check.error} /> : check.data ? <Stack gap="md"><Findings items={findings} go={goTo} override={override} /><Links key={JSON.stringify(done?.definition)} name={page.name} definition={done?.definition} /></Stack> : <Loading lines={3} />}</Tabs.Panel>
            <Tabs.Panel value="history"><History page={page} restored={restored} /></Tabs.Panel>
          </Tabs>
        </Grid.Col>
      </Grid>
      {testing && done && <TestSend name={page.name} definition={done.definition} profile={person.id} language={language} choice={choice} close={() => setTesting(false)} />}
    </Page>
  );
}

function History({ page, restored }: { page: TemplatePage; restored: () => Promise<void> }) {
  const { t } = useTranslation();
  const restore = async (definition: unknown, reason: string) => {
    await request("put", "/templates/{name}", { path: { name: page.name }, body: { definition, expect: page.version, reason } });
    await restored();
  };
  return (
    <Stack gap="md">
      <Versions kind="template" name={page.name} history={page.history} version={page.version} now={page.definition} restore={restore} />
      <Text size="sm">{t("content.usedIn")}: {page.used_in.length === 0 ? t("segments.unused") : page.used_in.map((j, i) => <span key={j}>{i > 0 && t("sep")}<Link to={`/journeys/${j}`}>{j}</Link></span>)}</Text>
    </Stack>
  );
}
