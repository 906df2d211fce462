import { ActionIcon, Alert, Button, Card, Grid, Group, NumberInput, Select, Stack, Switch, Text, TextInput, Title, UnstyledButton } from "@mantine/core";
import { IconPhotoPlus, IconPlus, IconX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count } from "../format";
import { both, pick } from "../i18n";
import { actionOf, actionWrong, added, barMost, beyond, finished, laid, layouts, mostAreas, overlapping, type Menu, type MenuAction, type MenuArea, type Size } from "../line/menu";
import { modals } from "../parts/confirm";
import { fieldProblem } from "../parts/FormModal";
import { ImageDialog } from "../parts/Images";
import { nameOfToday } from "../parts/ListForm";
import { MenuPhone, MenuPicture } from "../parts/MenuPicture";
import { Loading, Page, ProblemBox } from "../parts/Page";
import type { Picture, RichMenu } from "../types";
import { pictureOf } from "./LineMenus";

/** One rich menu: its picture, what a tap does, who sees it. */
export function LineMenu() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const menus = useApi("/rich-menus", {}, { refetchOnWindowFocus: false });
  const images = useApi("/images", {}, { refetchOnWindowFocus: false });
  const menu = menus.data?.items.find((m) => m.name === name);
  const error = menus.error ?? images.error;
  if (error && (!menus.data || !images.data)) return <Page title={t("menus.title")}><ProblemBox error={error} retry={() => { void menus.refetch(); void images.refetch(); }} /></Page>;
  if (!menus.data || !images.data) return <Loading lines={8} />;
  if (name !== "new" && !menu) return <Page title={t("notFound.title")}>{t("notFound.text")}</Page>;
  return <Editor key={`${name} ${menu?.version ?? 0}`} menu={menu} taken={menus.data.items.map((m) => m.name)} pictures={images.data.items} changed={() => void menus.refetch()} />;
}

const empty: Menu = { title: {}, image: "", bar: "", areas: [] };

function Editor({ menu: r, taken, pictures, changed }: { menu?: RichMenu; taken: string[]; pictures: Picture[]; changed: () => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [d, setD] = useState<Menu>(() => (r ? (r.definition as Menu) : { ...empty, bar: t("menus.usualBar") }));
  const [title, setTitle] = useState(pick(r?.title));
  const [picture, setPicture] = useState<Picture | undefined>(pictures.find((x) => x.id === d.image));
  const [size, setSize] = useState<Size | undefined>(picture);
  const [chosen, setChosen] = useState(0);
  const [choosing, setChoosing] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const accounts = useApi("/line/accounts", {}, { staleTime: 60_000 });
  const segments = useApi("/segments", {}, { staleTime: 60_000 });
  const src = d.image ? pictureOf(d.image, picture ? [picture] : pictures) : "";
  const set = (to: Partial<Menu>) => setD((was) => ({ ...was, ...to }));
  const area = (i: number, to: MenuArea) => setD((was) => ({ ...was, areas: was.areas.map((a, k) => (k === i ? to : a)) }));
  useEffect(() => { // of a picture that the list has no more, the file itself tells
    if (!src || size) return;
    const file = new window.Image();
    file.onload = () => setSize({ width: file.naturalWidth, height: file.naturalHeight });
    file.src = src;
  }, [src, size]);
  const take = (x: Picture) => {
    setChoosing(false);
    setPicture(x);
    setSize(x);
    const same = size && size.width === x.width && size.height === x.height;
    set({ image: x.id, areas: d.areas.length > 0 && same ? d.areas : d.areas.length > 0 && size ? d.areas.map((a) => stretched(a, size, x)) : laid(x.width / x.height > 2 ? [3] : [3, 3], x, []) });
  };
  const wrong = new Set(d.areas.flatMap((a, i) => (actionWrong(a.action) ? [i] : [])));
  const out = size ? d.areas.filter((a) => beyond(a, size)).length : 0;
  const barLong = [...d.bar].length > barMost;
  const missing = [!title.trim() && t("menus.needTitle"), !d.image && t("menus.needImage"), (!d.bar.trim() || barLong) && t("menus.needBar"), d.areas.length === 0 && d.image && t("menus.needArea"), wrong.size > 0 && t("menus.needAction", { n: [...wrong].map((i) => i + 1).join(t("comma")) }), out > 0 && t("menus.needInside")].filter(Boolean) as string[];
  const attempt = async (what: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await what();
      changed();
      void go("/line-accounts/menus");
    } catch (e) {
      setError(e as ApiError);
      setBusy(false);
    }
  };
  const save = () => attempt(() => request("put", "/rich-menus/{name}", { path: { name: r?.name ?? nameOfToday("menu", taken) }, body: { definition: finished({ ...d, title: both(title.trim(), r?.title) }), expect: r?.version ?? 0 } }));
  const remove = async () => {
    if (await modals.confirm(t("menus.removeTitle"), t("menus.removeText"), t("menus.remove"))) await attempt(() => request("delete", "/rich-menus/{name}", { path: { name: r!.name }, query: { expect: r!.version } }));
  };
  const who = segments.data?.items.find((s) => s.name === d.segment);
  const consequence = d.off ? t("menus.thenOff") : d.segment ? t("menus.thenSegment", { segment: pick(who?.title) || d.segment, n: count(who?.members) }) : t("menus.thenEverybody");
  const known = accounts.data?.items ?? [];
  const account = known.find((a) => a.name === (d.account || "default"));
  return (
    <Page title={r ? pick(r.title) || r.name : t("menus.new")} about={<Link to="/line-accounts/menus">{t("menus.back")}</Link>}>
      <Grid gap="lg" align="flex-start">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="md">
            {r?.problem && <Alert color="red">{t("menus.refusedText", { said: r.problem })}</Alert>}
            <Card withBorder padding="lg" component="section" aria-label={t("menus.picture")}>
              <Group justify="space-between" mb={4}><Title order={2}>{t("menus.picture")}</Title><Button size="xs" variant={d.image ? "default" : "filled"} leftSection={<IconPhotoPlus size={15} aria-hidden />} onClick={() => setChoosing(true)}>{t(d.image ? "menus.otherPicture" : "images.choose")}</Button></Group>
              <Text size="sm" c="dimmed" mb="md">{t("images.aboutMenu")}</Text>
              {fieldProblem(error, "image") && <Text size="sm" className="problem" mb="sm">{fieldProblem(error, "image")}</Text>}
              {src && size && (
                <Stack gap="sm">
                  <Group gap={6} role="toolbar" aria-label={t("menus.layout")}>
                    {layouts.map((rows) => <Layout key={rows.join("-")} rows={rows} onClick={() => { set({ areas: laid(rows, size, d.areas) }); setChosen(0); }} />)}
                    <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />} disabled={d.areas.length >= mostAreas} onClick={() => { set({ areas: [...d.areas, added(size)] }); setChosen(d.areas.length); }}>{t("menus.addArea")}</Button>
                  </Group>
                  <MenuPicture src={src} size={size} areas={d.areas} chosen={chosen} choose={setChosen} onChange={area} wrong={wrong} />
                  <Text size="xs" c="dimmed">{t("menus.drag")}</Text>
                </Stack>
              )}
            </Card>
            {d.areas.length > 0 && (
              <Card withBorder padding="lg" component="section" aria-label={t("menus.taps")}>
                <Title order={2} mb="sm">{t("menus.taps")}</Title>
                <Stack gap="md">
                  {d.areas.map((a, i) => <Tap key={i} n={i} area={a} size={size} chosen={i === chosen} choose={() => setChosen(i)} covered={overlapping(d.areas, i)} onChange={(to) => area(i, to)} onRemove={() => { set({ areas: d.areas.filter((_, k) => k !== i) }); setChosen(0); }} />)}
                </Stack>
              </Card>
            )}
            <Card withBorder padding="lg" component="section" aria-label={t("menus.who")}>
              <Title order={2} mb="sm">{t("menus.who")}</Title>
              <Stack gap="md">
                <TextInput label={t("content.name")} description={t("menus.titleHint")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} error={fieldProblem(error, "title")} required maxLength={100} />
                <Group grow align="flex-start" preventGrowOverflow={false}>
                  <TextInput miw={200} label={t("menus.bar")} description={`${[...d.bar].length} / ${barMost}`} value={d.bar} onChange={(e) => set({ bar: e.currentTarget.value })} error={barLong ? t("menus.needBar") : fieldProblem(error, "bar")} required />
                  <Switch mt={30} miw={200} label={t("menus.open")} checked={!!d.open} onChange={(e) => set({ open: e.currentTarget.checked })} />
                </Group>
                <Group grow align="flex-start" preventGrowOverflow={false}>
                  <Select miw={200} label={t("menus.segment")} description={t(d.segment ? "menus.segmentHint" : "menus.everybodyHint")} inputWrapperOrder={["label", "input", "description", "error"]} searchable allowDeselect={false} value={d.segment ?? ""} onChange={(v) => set({ segment: v ?? "" })} error={fieldProblem(error, "segment")}
                    data={[{ value: "", label: t("menus.everybody") }, ...(segments.data?.items ?? []).map((s) => ({ value: s.name, label: pick(s.title) || s.name }))]} />
                  <NumberInput miw={160} label={t("menus.priority")} description={t("menus.priorityHint")} inputWrapperOrder={["label", "input", "description", "error"]} value={d.priority ?? 0} onChange={(v) => set({ priority: Number(v) || 0 })} allowDecimal={false} min={-1000} max={1000} />
                  {known.length > 1 && <Select miw={200} label={t("replies.account")} allowDeselect={false} value={d.account || "default"} onChange={(v) => set({ account: v && v !== "default" ? v : "" })} data={known.map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} />}
                </Group>
                <Switch label={t("menus.on")} checked={!d.off} onChange={(e) => set({ off: !e.currentTarget.checked })} />
              </Stack>
            </Card>
            {error && <ProblemBox error={error} />}
            <Card withBorder padding="lg">
              {missing.length > 0 ? <Text size="sm" mb="md" role="status">{t("menus.missing")} {missing.join(t("comma"))}</Text> : <Text size="sm" mb="md" role="status">{consequence}</Text>}
              <Group justify="space-between" gap="sm">{r ? <Button variant="subtle" color="red" disabled={busy} onClick={() => void remove()}>{t("menus.remove")}</Button> : <span />}<Button loading={busy} disabled={missing.length > 0} onClick={() => void save()}>{t(r ? "menus.saveVersion" : "menus.save")}</Button></Group>
            </Card>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }} className="beside">
          <Stack gap="sm"><MenuPhone src={src} size={size} bar={d.bar} account={pick(account?.title) || t("menus.someAccount")} open={!!d.open || d.areas.length > 0} /><Text size="xs" c="dimmed" ta="center">{t(d.open ? "menus.opensItself" : "menus.opensByTap")}</Text></Stack>
        </Grid.Col>
      </Grid>
      {choosing && <ImageDialog use="menu" close={() => setChoosing(false)} onPick={take} />}
    </Page>
  );
}

/** An area at the same place of a picture of another size. */
const stretched = (a: MenuArea, from: Size, to: Size): MenuArea => {
  const x = Math.round((a.x / from.width) * to.width);
  const y = Math.round((a.y / from.height) * to.height);
  return { ...a, x, y, width: Math.round(((a.x + a.width) / from.width) * to.width) - x, height: Math.round(((a.y + a.height) / from.height) * to.height) - y };
};

function Layout({ rows, onClick }: { rows: readonly number[]; onClick: () => void }) {
  const { t } = useTranslation();
  return (
    <UnstyledButton onClick={onClick} aria-label={t("menus.layoutOf", { rows: rows.join(" + ") })} title={t("menus.layoutOf", { rows: rows.join(" + ") })} className="menu-layout">
      <svg width="42" height="28" aria-hidden>{rows.flatMap((n, r) => Array.from({ length: n }, (_, c) => <rect key={`${r} ${c}`} x={1 + (40 * c) / n} y={1 + (26 * r) / rows.length} width={40 / n} height={26 / rows.length} fill="none" stroke="currentColor" />))}</svg>
    </UnstyledButton>
  );
}

const does = ["uri", "message", "postback"];

/** What a tap on one area does. */
function Tap({ n, area: a, size, chosen, choose, covered, onChange, onRemove }: { n: number; area: MenuArea; size?: Size; chosen: boolean; choose: () => void; covered: boolean; onChange: (a: MenuArea) => void; onRemove: () => void }) {
  const { t } = useTranslation();
  const [left, setLeft] = useState(false); // what is wrong is said once a field was left
  const x = a.action;
  const wrong = left ? actionWrong(x) : "";
  const set = (to: Partial<MenuAction>) => onChange({ ...a, action: { ...x, ...to } });
  const error = (field: string) => (wrong === field ? t(`menuWrong.${field}`) : undefined);
  const shared = { flex: 3, miw: 170, onBlur: () => setLeft(true) };
  return (
    <div className="block" data-tap={n} onFocus={choose} style={chosen ? { borderColor: "var(--mantine-color-enji-filled)" } : undefined}>
      <Group gap="sm" align="flex-start" wrap="nowrap">
        <span className="menu-number" style={{ position: "static", marginTop: 30 }}>{n + 1}</span>
        <Group gap="sm" align="flex-start" flex={1} miw={0}>
          <Select w={170} label={t("line.does")} allowDeselect={false} value={x.type} data={[...does, ...(does.includes(x.type) ? [] : [x.type])].map((v) => ({ value: v, label: does.includes(v) ? t(`menuDoes.${v}`) : v }))} onChange={(v) => v && v !== x.type && onChange({ ...a, action: actionOf(v, x) })} />
          {x.type === "uri" && <TextInput {...shared} label={t("mail.href")} placeholder="https://" value={x.uri ?? ""} error={error("uri")} onChange={(e) => set({ uri: e.currentTarget.value })} />}
          {x.type === "message" && <TextInput {...shared} label={t("line.says")} value={x.text ?? ""} error={error("text")} onChange={(e) => set({ text: e.currentTarget.value })} />}
          {x.type === "postback" && <><TextInput {...shared} label={t("menus.data")} description={t("menus.dataHint")} value={x.data ?? ""} error={error("data")} onChange={(e) => set({ data: e.currentTarget.value })} /><TextInput {...shared} label={t("menus.displayText")} value={x.displayText ?? ""} onChange={(e) => set({ displayText: e.currentTarget.value })} /></>}
          <TextInput w={150} label={t("menus.label")} description={t("menus.labelHint")} value={x.label ?? ""} error={error("label")} onBlur={() => setLeft(true)} onChange={(e) => set({ label: e.currentTarget.value })} />
        </Group>
        <ActionIcon mt={27} variant="subtle" color="gray" c="dimmed" size={34} aria-label={t("menus.removeArea", { n: n + 1 })} onClick={onRemove}><IconX size={16} aria-hidden /></ActionIcon>
      </Group>
      {chosen && (
        <Group gap="sm" mt="sm" wrap="nowrap" maw={460}>
          {(["x", "y", "width", "height"] as const).map((k) => <NumberInput key={k} size="xs" label={t(`menus.${k}`)} value={a[k]} min={k === "x" || k === "y" ? 0 : 1} allowDecimal={false} hideControls onChange={(v) => onChange({ ...a, [k]: Number(v) || 0 })} />)}
        </Group>
      )}
      {size && beyond(a, size) && <Text size="xs" className="problem" mt={4}>{t("menus.beyond")}</Text>}
      {covered && <Text size="xs" className="problem" mt={4}>{t("menus.covered")}</Text>}
    </div>
  );
}
