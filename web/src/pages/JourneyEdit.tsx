import { ActionIcon, Alert, Anchor, Badge, Box, Button, Card, Group, JsonInput, ScrollArea, Stack, Tabs, Text, Tooltip } from "@mantine/core";
import { useHotkeys, useMediaQuery } from "@mantine/hooks";
import { IconAlertTriangle, IconArrowBackUp, IconArrowForwardUp, IconCopy, IconTrash } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { clock, short } from "../format";
import { language, pick } from "../i18n";
import { AtStep, ForeseenLine, useForeseen } from "../journey/Foreseen";
import { Canvas, type Editing } from "../journey/Canvas";
import { placed, Wrong } from "../journey/wrong";
import { EntryPanel } from "../journey/EntryPanel";
import { JourneyPanel } from "../journey/JourneyPanel";
import { aimed, begun, connected, emptyJourney, entryID, inserted, removable, removed, waysOf, type Definition, type Step } from "../journey/model";
import { fieldOf, missing, placeOf, plainText, type Trouble } from "../journey/problems";
import { Publish } from "../journey/Publish";
import { StepPanel } from "../journey/StepPanel";
import { useTitles } from "../journey/useTitles";
import { nameOf } from "../journey/words";
import { told } from "../parts/confirm";
import { useDraft } from "../parts/draft";
import { FindPerson } from "../parts/FindPerson";
import { Loading, Page, ProblemBox } from "../parts/Page";
import type { Journey } from "../types";
import { statusColour } from "./Journeys";

/** A journey being drawn. A new one has no version yet: ?new says so. */
export function JourneyEdit() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const [params] = useSearchParams();
  const fresh = params.has("new");
  const journey = useApi("/journeys/{name}", { path: { name } }, { enabled: !fresh, refetchOnWindowFocus: false });
  const begin = useMemo((): Journey => ({ name, version: 0, status: "draft", acting: 0, history: [], definition: emptyJourney({ ja: t("build.newTitle"), en: t("build.newTitle") }) as unknown as Journey["definition"] }), [name, t]);
  if (!fresh && journey.error && !journey.data) return <Page title={t("nav.journeys")}><ProblemBox error={journey.error} retry={() => void journey.refetch()} /></Page>;
  const page = fresh ? begin : journey.data;
  if (!page) return <Loading lines={8} />;
  return <Editor key={name} page={page} reload={async () => { if (!fresh) await journey.refetch(); }} />;
}

const clipboard = "enishi-step";

function Editor({ page, reload }: { page: Journey; reload: () => Promise<void> }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [params, setParams] = useSearchParams();
  const phone = useMediaQuery("(max-width: 639px)");
  const titles = useTitles();
  const saved = page.definition as unknown as Definition;
  const draft = useDraft<Definition>(`journey-${page.name}`, page.version, saved);
  const d = draft.now;
  const [chosen, setChosen] = useState("");
  const [said, setSaid] = useState<{ of: Definition; troubles: Trouble[] } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [at, setAt] = useState("");
  const [copied, setCopied] = useState(() => sessionStorage.getItem(clipboard) !== null);
  const at0 = chosen === entryID || d.nodes?.[chosen] ? chosen : "";
  const open = useMemo(() => missing(d), [d]);
  const troubles = said?.of === d ? said.troubles : open;
  const wrong = useMemo(() => new Set((tried ? troubles : []).map((x) => x.at)), [troubles, tried]);
  const here = tried ? troubles.filter((x) => x.at === at0) : [];
  const fields = useMemo(() => new Map(here.map((x) => [x.field ?? x.code ?? "", x.code ? t(`trouble.${x.code}`) : x.text!])), [tried, troubles, at0, t]); // eslint-disable-line react-hooks/exhaustive-deps
  const fresh = page.version === 0;
  const act = (to: Definition, what?: string) => { draft.change(to, what); setError(null); };

  const save = async (): Promise<boolean> => {
    setTried(true);
    if (open.length > 0) { setSaid(null); show(open); return false; }
    setBusy(true);
    try {
      const w = await request("put", "/journeys/{name}", { path: { name: page.name }, body: { definition: d as never, status: "draft", expect: draft.base, reason: "" } });
      draft.saved(w.version ?? draft.base);
      setAt(new Date().toISOString());
      setSaid(null);
      setError(null);
      setTried(false);
      if (fresh) void go(`/journeys/${page.name}/edit`, { replace: true });
      else await reload();
      return true;
    } catch (e) {
      take(e as ApiError);
      return false;
    } finally {
      setBusy(false);
    }
  };
  /** Opens the first step that something is wrong at, unless one of them is open. */
  const show = (all: Trouble[]) => { if (all.length > 0 && !all.some((x) => x.at === at0)) setChosen(all[0].at); };
  /** What the server finds goes to its steps; what is about none of them is said above. */
  const take = (e: ApiError) => {
    const found = (e.problem.errors ?? []).map((x): Trouble => ({ at: placeOf(x.location ?? "", d), field: fieldOf(x.location ?? ""), text: plainText((language() === "ja" && x.message_ja) || x.message) }));
    setSaid(found.length ? { of: d, troubles: found } : null);
    show(found);
    setTried(true);
    setError(found.length ? null : e);
  };
  const insert = (from: string, field: string, step: (to: string) => Step) => { const done = inserted(d, from, field, step); act(done.definition); setChosen(done.id); };
  const editing: Editing | undefined = phone ? undefined : {
    insert: (from, field, kind) => insert(from, field, (to) => begun(kind, to)),
    connect: (from, field, to) => act(connected(d, from, field, to)),
    paste: copied ? (from, field) => insert(from, field, (to) => aimed(JSON.parse(sessionStorage.getItem(clipboard)!) as Step, to)) : undefined,
  };
  const remove = () => { if (removable(d, at0)) { act(removed(d, at0)); setChosen(""); } };
  const copy = () => { if (d.nodes?.[at0] && !getSelection()?.toString()) { sessionStorage.setItem(clipboard, JSON.stringify(d.nodes[at0])); setCopied(true); told(t("build.copied", { name: t(`node.${d.nodes[at0].type}`) })); } };
  // A copy goes onto the first way of what is chosen; onto the way that leads there when it ends the journey.
  const paste = () => {
    const way = waysOf(d, at0)[0] ?? [entryID, ...Object.keys(d.nodes ?? {})].flatMap((from) => waysOf(d, from).map((w) => ({ ...w, from }))).find((w) => w.to === at0);
    if (copied && at0 && way) editing?.paste?.("from" in way ? (way.from as string) : at0, way.field);
  };
  // A window over the canvas has the keys for itself.
  const free = (act: () => void) => () => { if (!document.querySelector("[role=dialog], [role=menu]")) act(); };
  useHotkeys(phone ? [] : [["mod+Z", free(draft.undo)], ["mod+shift+Z", free(draft.redo)], ["mod+Y", free(draft.redo)], ["Delete", free(remove)], ["Backspace", free(remove)], ["mod+C", free(copy), { preventDefault: false }], ["mod+V", free(paste), { preventDefault: false }]]);
  useHotkeys(phone ? [] : [["mod+S", free(() => void save())]], []);

  const state = busy ? t("mail.saving") : draft.dirty || fresh ? t("mail.unsaved") : at ? t("mail.saved", { at: clock(at).slice(0, 5) }) : page.history[0] ? t("mail.version", { at: short(page.history[0].at) }) : "";
  const publishing = params.has("publish") && !fresh;
  const ask = async () => { if ((draft.dirty || fresh) && !(await save())) return; if (fresh) return void go(`/journeys/${page.name}/edit?publish=1`, { replace: true }); setParams({ publish: "1" }, { replace: true }); };
  // What is tried is a saved version: the result can be found again beside it.
  const tryIt = async () => { if ((draft.dirty || fresh) && !(await save())) return; void go(`/journeys/${page.name}/try`); };
  const person = params.get("person") ?? "";
  const seen = useForeseen(page.name, person, d);
  const choosePerson = (id: string) => setParams((p) => { if (id) p.set("person", id); else p.delete("person"); return p; }, { replace: true });
  const view = params.get("view") === "json" && !phone ? "json" : "canvas";
  return (
    <Page title={<Group gap="sm"><span>{pick(d.title) || t("build.newTitle")}</span><Badge variant="light" color={statusColour[page.status]}>{t(`journeyStatus.${page.status}`)}</Badge>{page.acting > 0 && page.acting !== page.version && <Badge variant="light" color={statusColour[page.acting_status ?? "live"]}>{t("build.besides", { status: t(`journeyStatus.${page.acting_status}`) })}</Badge>}</Group>} actions={
      <Group gap="sm">
        <Text size="xs" c="dimmed" role="status">{state}</Text>
        {!phone && (
          <>
            <ActionIcon.Group>
              <Tooltip label={t("builder.undo")}><ActionIcon variant="default" size={30} disabled={!draft.canUndo} aria-label={t("builder.undo")} onClick={draft.undo}><IconArrowBackUp size={17} aria-hidden /></ActionIcon></Tooltip>
              <Tooltip label={t("mail.redo")}><ActionIcon variant="default" size={30} disabled={!draft.canRedo} aria-label={t("mail.redo")} onClick={draft.redo}><IconArrowForwardUp size={17} aria-hidden /></ActionIcon></Tooltip>
            </ActionIcon.Group>
            <Button size="xs" variant="default" loading={busy} disabled={!draft.dirty && !fresh} onClick={() => void save()}>{t("build.save")}</Button>
            <Button size="xs" variant="default" disabled={busy} onClick={() => void tryIt()}>{t("tries.open")}</Button>
            <Button size="xs" disabled={busy || (page.status === "live" && !draft.dirty)} onClick={() => void ask()}>{t("publish.open")}</Button>
          </>
        )}
        {!fresh && <Anchor component={Link} to={`/journeys/${page.name}`} size="sm">{t("build.toResults")}</Anchor>}
      </Group>
    }>
      {phone && <Alert color="blue" p="sm">{t("build.phone")}</Alert>}
      {draft.restored && draft.dirty && !phone && <Alert color="blue" p="sm"><Group justify="space-between"><Text size="sm">{t("mail.restored")}</Text><Button size="compact-sm" variant="default" onClick={draft.discard}>{t("mail.discard")}</Button></Group></Alert>}
      {error && <ProblemBox error={error} />}
      {tried && troubles.length > 0 && <Troubles d={d} items={troubles} titles={titles} go={setChosen} />}
      {!phone && <Tabs value={view} onChange={(v) => setParams((p) => { if (v === "json") p.set("view", "json"); else p.delete("view"); return p; }, { replace: true })}><Tabs.List><Tabs.Tab value="canvas">{t("journey.flow")}</Tabs.Tab><Tabs.Tab value="json">{t("build.json")}</Tabs.Tab></Tabs.List></Tabs>}
      {view === "canvas" && <Group gap="sm" align="flex-end"><FindPerson label={t("asPerson.choose")} value={person} name={seen.data?.name} onChange={choosePerson} size="xs" width={280} /><Box flex={1} miw={240}><ForeseenLine seen={seen} /></Box></Group>}
      {view === "json" ? <Source key={JSON.stringify(d)} d={d} take={(x) => act(x)} /> : (
        <div className="drawing">
          <Canvas definition={d} titles={titles} wrong={wrong} chosen={at0} looks={seen.looks} onChoose={setChosen} editing={editing} height={phone ? 420 : "100%"} />
          <Card withBorder padding="md" component="section" aria-label={t("build.panel")} className="drawing-panel">
            <Group justify="space-between" mb="sm" wrap="nowrap">
              <Text fw={700}>{at0 === "" ? t("build.whole") : at0 === entryID ? t("node.entry") : t(`node.${d.nodes![at0].type}`)}</Text>
              {at0 !== "" && (
                <Group gap={2} wrap="nowrap">
                  {at0 !== entryID && !phone && <Tooltip label={t("build.copy")}><ActionIcon variant="subtle" color="gray" size={30} aria-label={t("build.copy")} onClick={copy}><IconCopy size={16} aria-hidden /></ActionIcon></Tooltip>}
                  {at0 !== entryID && !phone && <Tooltip label={t("build.removeStep")}><ActionIcon variant="subtle" color="gray" size={30} disabled={!removable(d, at0)} aria-label={t("build.removeStep")} onClick={remove}><IconTrash size={16} aria-hidden /></ActionIcon></Tooltip>}
                  <Button size="compact-xs" variant="subtle" onClick={() => setChosen("")}>{t("build.whole")}</Button>
                </Group>
              )}
            </Group>
            {here.filter((x) => !placed.has(x.field ?? x.code ?? "")).map((x, i) => <Alert key={i} color="red" p="xs" mb="sm">{x.code ? t(`trouble.${x.code}`) : x.text}</Alert>)}
            <ScrollArea.Autosize mah="100%" key={at0} type="auto" scrollbars="y" offsetScrollbars>
              {/* On a phone the settings are read; a window that is open stays open when the browser's gets narrow. */}
              <fieldset disabled={phone} className="plain">
                <Wrong.Provider value={fields}>
                  {at0 === "" ? <JourneyPanel d={d} change={act} /> : at0 === entryID ? <EntryPanel name={page.name} d={d} titles={titles} change={act} /> : <StepPanel key={at0} d={d} id={at0} titles={titles} change={act} />}
                </Wrong.Provider>
              </fieldset>
              {at0 !== "" && at0 !== entryID && <AtStep seen={seen} d={d} id={at0} />}
            </ScrollArea.Autosize>
          </Card>
        </div>
      )}
      {publishing && !draft.dirty && <Publish journey={page} titles={titles} close={() => setParams({}, { replace: true })} failed={take} done={(to) => { if (to !== "live") setParams({}, { replace: true }); void reload().then(() => { if (to === "live") void go(`/journeys/${page.name}`); }); }} />}
    </Page>
  );
}

/** What is wrong, each with the step it is at: a click goes there. */
function Troubles({ d, items, titles, go }: { d: Definition; items: Trouble[]; titles: Parameters<typeof nameOf>[3]; go: (id: string) => void }) {
  const { t } = useTranslation();
  const where = (at: string) => {
    const name = at === "" ? t("build.whole") : nameOf(d, at, t, titles);
    return name === t("flow.unset") ? t(`node.${at === entryID ? "entry" : d.nodes![at].type}`) : name;
  };
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("build.troubles", { n: items.length })} role="alert">
      <Stack gap={4}>
        {items.map((x, i) => (
          <Text key={i} size="sm"><Anchor component="button" type="button" size="sm" fw={600} onClick={() => go(x.at)}>{where(x.at)}</Anchor> {x.code ? t(`trouble.${x.code}`) : x.text}</Text>
        ))}
      </Stack>
    </Alert>
  );
}

/** The definition as JSON, for who writes it. */
function Source({ d, take }: { d: Definition; take: (d: Definition) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(() => JSON.stringify(d, null, 2));
  const [error, setError] = useState("");
  const apply = () => {
    try {
      const x = JSON.parse(text) as Definition;
      if (typeof x !== "object" || x === null || typeof x.entry !== "object" || typeof x.title !== "object") throw new SyntaxError("");
      setError("");
      take({ ...x, entry: { ...x.entry, reentry: x.entry.reentry ?? "" } });
    } catch (e) {
      const at = /line (\d+) column (\d+)/.exec((e as Error).message);
      setError((at ? t("at", { line: at[1], col: at[2] }) + " " : "") + t("journey.noJSON"));
    }
  };
  return (
    <Stack>
      <JsonInput value={text} onChange={setText} autosize minRows={12} maxRows={30} aria-label={t("journey.definition")} error={error} styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 12.5 } }} />
      <Group><Button size="xs" variant="default" disabled={text === JSON.stringify(d, null, 2)} onClick={apply}>{t("build.apply")}</Button></Group>
    </Stack>
  );
}
