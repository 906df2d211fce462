import { ActionIcon, Anchor, Badge, Button, Card, Group, NativeSelect, Pagination, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconPlus, IconSearch, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { request, useApi, type ApiError, type Got } from "../api";
import { pick, type Text as Both } from "../i18n";
import { modals, tell } from "../parts/confirm";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { Versions } from "../parts/Versions";
import { UsedInTemplates } from "../parts/Words";

type Row = Got<"/templates/words">["items"][number];
type Word = Row["words"][number];
interface Body { title: Both; use: Row["use"]; severity: Row["severity"]; words: Word[] }

const uses = ["claim", "offer", "subject", "paid", "unwritten"] as const;
const page = 10; // entries at once: a list may have 2000

const fresh: Row = { name: "", title: { ja: "", en: "" }, use: "claim", severity: "warning", words: [{ word: "" }], version: 0, shipped: false, used_in: [] };
const bodyOf = ({ title, use, severity, words }: Body): Body => ({ title, use, severity, words });
// A text in one language alone is the text of both: no finding is without words.
const whole = (x: Both): Both => ({ ja: x.ja || x.en, en: x.en || x.ja });
const entry = (w: Word): Word => ({ ...w, why: w.why && whole(w.why), instead: w.instead && whole(w.instead) });
const blank = (w: Word) => !w.word?.trim() && !w.pattern?.trim();

/** One list of words: what is looked for, why, and what to say instead; its templates and its versions. */
export function WordList() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const lists = useApi("/templates/words", {}, { refetchOnWindowFocus: false });
  if (lists.error && !lists.data) return <Page title={t("content.tab_words")}><ProblemBox error={lists.error} retry={() => void lists.refetch()} /></Page>;
  if (!lists.data) return <Loading lines={6} />;
  const making = name === "new";
  const row = making ? fresh : lists.data.items.find((x) => x.name === name);
  if (!row) return <Page title={t("content.tab_words")}><Empty title={t("words.none")} action={<Button component={Link} to="/content?tab=words">{t("words.all")}</Button>} /></Page>;
  return <Editor key={`${name}.${row.version}`} row={row} making={making} taken={lists.data.items.map((x) => x.name)} reload={async () => void (await lists.refetch())} />;
}

function Editor({ row, making, taken, reload }: { row: Row; making: boolean; taken: string[]; reload: () => Promise<void> }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [now, setNow] = useState<Body>(bodyOf(row));
  const [name, setName] = useState("");
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [saving, setSaving] = useState(false);
  const history = useApi("/definitions", { query: { kind: "words", name: row.name } }, { enabled: !making });
  const id = making ? name : row.name;
  const put = async (body: unknown, why: string) => {
    await request("put", "/definitions/{kind}/{name}", { path: { kind: "words", name: id }, body: { body, expect: row.version, reason: why } });
    await history.refetch(); // first: with the new version the page begins anew, and what it still asks for is dropped
    await reload();
    if (making) void go(`/content/words/${id}`);
  };
  const save = async () => {
    setSaving(true);
    try {
      await put({ ...now, title: whole(now.title), words: now.words.filter((w) => !blank(w)).map(entry) }, reason);
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setSaving(false);
    }
  };
  const remove = async () => {
    if (!(await modals.confirm(t(row.shipped ? "words.resetTitle" : "words.removeTitle"), t(row.shipped ? "words.resetText" : "words.removeText"), t(row.shipped ? "words.reset" : "words.remove")))) return;
    try {
      await request("delete", "/templates/words/{name}", { path: { name: row.name }, query: { expect: row.version } });
      if (!row.shipped) return void go("/content?tab=words");
      await history.refetch(); // first: with the new version the page begins anew, and what it still asks for is dropped
      await reload();
    } catch (e) {
      tell(e);
    }
  };
  const dirty = JSON.stringify(now) !== JSON.stringify(bodyOf(row));
  const ready = dirty && !!now.title.ja.trim() && now.words.some((w) => !blank(w)) && (!making || (!!name && !taken.includes(name)));
  return (
    <Page title={<Group gap="sm"><span>{making ? t("words.new") : pick(row.title) || row.name}</span>{!making && <Badge variant="light" color={row.version ? "enji" : "gray"}>{t(row.version ? "words.own" : "words.shipped")}</Badge>}</Group>}
      about={t("words.about")} actions={<Group gap="sm">
        <Anchor component={Link} to="/content?tab=words" size="sm">{t("words.all")}</Anchor>
        {row.version > 0 && <Button size="xs" variant="default" onClick={() => void remove()}>{t(row.shipped ? "words.reset" : "words.remove")}</Button>}
        <Button size="xs" loading={saving} disabled={!ready} onClick={() => void save()}>{t("mail.save")}</Button>
      </Group>}>
      {error && <ProblemBox error={error} />}
      <Card withBorder padding="lg"><Stack gap="md">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
          <TextInput label={t("words.titleJA")} required value={now.title.ja} onChange={(e) => setNow({ ...now, title: { ...now.title, ja: e.currentTarget.value } })} />
          <TextInput label={t("words.titleEN")} value={now.title.en} onChange={(e) => setNow({ ...now, title: { ...now.title, en: e.currentTarget.value } })} />
          {making && <TextInput label={t("shared.id")} description={t("shared.idHint")} required value={name} error={taken.includes(name) ? t("shared.taken") : undefined} onChange={(e) => setName(e.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, ""))} />}
          <NativeSelect label={t("words.use")} value={now.use} onChange={(e) => setNow({ ...now, use: e.currentTarget.value as Row["use"] })} data={uses.map((x) => ({ value: x, label: t(`wordsUse.${x}`) }))} />
          {(now.use === "claim" || now.use === "subject") && <NativeSelect label={t("words.severity")} value={now.severity} onChange={(e) => setNow({ ...now, severity: e.currentTarget.value as Row["severity"] })} data={(["error", "warning"] as const).map((x) => ({ value: x, label: t(`words.${x}`) }))} />}
          <TextInput label={t("reason")} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
        </SimpleGrid>
        {!making && <Group gap="sm"><Text size="sm">{t("words.usedIn")}</Text><UsedInTemplates names={row.used_in} /></Group>}
      </Stack></Card>
      <Entries words={now.words} change={(words) => setNow({ ...now, words })} />
      {history.error && <ProblemBox error={history.error} retry={() => void history.refetch()} />}
      {!!history.data?.items.length && <Versions kind="words" name={row.name} history={history.data.items} version={row.version} now={bodyOf(row)} restore={put} />}
      {!making && history.data?.items.length === 0 && <Text size="sm" c="dimmed">{t("words.noHistory")}</Text>}
    </Page>
  );
}

function Entries({ words, change }: { words: Word[]; change: (words: Word[]) => void }) {
  const { t } = useTranslation();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(1);
  const fold = (s: string) => s.normalize("NFKC").toLowerCase();
  const asked = fold(query.trim());
  const found = words.map((w, i) => ({ w, i })).filter(({ w }) => !asked || fold([w.word, w.pattern, w.instead?.ja, w.instead?.en].join(" ")).includes(asked));
  const pages = Math.max(1, Math.ceil(found.length / page));
  const shown = Math.min(at, pages);
  const set = (i: number, to: Partial<Word>) => change(words.map((w, k) => (k === i ? { ...w, ...to } : w)));
  const text = (before: Both | null | undefined, key: "ja" | "en", value: string): Both | undefined => {
    const next = { ja: before?.ja ?? "", en: before?.en ?? "", [key]: value };
    return next.ja || next.en ? next : undefined;
  };
  return (
    <Card withBorder padding="lg">
      <Group justify="space-between" mb="md">
        <Title order={2}>{t("content.nWords", { n: words.length })}</Title>
        <Group gap="sm"><TextInput value={query} onChange={(e) => { setQuery(e.currentTarget.value); setAt(1); }} placeholder={t("words.search")} aria-label={t("words.search")} leftSection={<IconSearch size={16} aria-hidden />} />
          <Button size="xs" variant="default" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => { setQuery(""); setAt(1); change([{ word: "" }, ...words]); }}>{t("words.add")}</Button></Group>
      </Group>
      <Stack gap="sm">
        {found.length === 0 && <Text size="sm" c="dimmed">{t("words.noneFound")}</Text>}
        {found.slice((shown - 1) * page, shown * page).map(({ w, i }) => {
          const pattern = w.pattern != null;
          const value = (pattern ? w.pattern : w.word) ?? "";
          return (
            <div key={i} className="block" role="group" aria-label={value || t("words.entry")}>
              <Group gap="sm" wrap="nowrap" align="flex-start">
                <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="sm" flex={1}>
                  <NativeSelect label={t("words.kind")} value={pattern ? "pattern" : "word"} onChange={(e) => set(i, e.currentTarget.value === "pattern" ? { word: undefined, pattern: value } : { word: value, pattern: undefined })} data={[{ value: "word", label: t("words.word") }, { value: "pattern", label: t("words.pattern") }]} />
                  <TextInput label={t("words.text")} required classNames={pattern ? { input: "mono" } : undefined} value={value} onChange={(e) => set(i, { [pattern ? "pattern" : "word"]: e.currentTarget.value })} />
                  <TextInput label={t("words.unless")} classNames={{ input: "mono" }} value={w.unless ?? ""} onChange={(e) => set(i, { unless: e.currentTarget.value || undefined })} />
                  {(["ja", "en"] as const).map((l) => <TextInput key={`i${l}`} label={t("words.instead", { language: t(`languageName.${l}`) })} value={w.instead?.[l] ?? ""} onChange={(e) => set(i, { instead: text(w.instead, l, e.currentTarget.value) })} />)}
                  {(["ja", "en"] as const).map((l) => <TextInput key={`w${l}`} label={t("words.why", { language: t(`languageName.${l}`) })} value={w.why?.[l] ?? ""} onChange={(e) => set(i, { why: text(w.why, l, e.currentTarget.value) })} />)}
                </SimpleGrid>
                <ActionIcon variant="subtle" color="gray" size={30} aria-label={t("words.removeEntry", { word: value || t("words.entry") })} onClick={() => change(words.filter((_, k) => k !== i))}><IconTrash size={17} aria-hidden /></ActionIcon>
              </Group>
            </div>
          );
        })}
        {pages > 1 && <Pagination total={pages} value={shown} onChange={setAt} size="sm" getControlProps={(c) => ({ "aria-label": t(`pager.${c}`) })} getItemProps={(n) => ({ "aria-label": t("pager.page", { n }) })} />}
      </Stack>
    </Card>
  );
}
