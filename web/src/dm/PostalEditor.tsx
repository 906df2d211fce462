import { Accordion, ActionIcon, Alert, Button, Group, Menu, NativeSelect, NumberInput, SegmentedControl, SimpleGrid, Stack, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPlus, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { modals } from "../parts/confirm";
import { begunBlock, faceSize, facesOf, kinds, sheets, type Block, type PostalContent } from "../postal/layout";
import type { PostalAccount, Sender } from "../postal/settings";
import { withField } from "./content";
import { Field } from "./Field";

type Props = { content: PostalContent; set: (c: PostalContent, what?: string) => void };
const senderFields = ["name", "postal_code", "address", "phone", "return_to"] as const;

/** A printed piece: what it says; the sheet makes its faces by itself, or they are laid out block by block. */
export function PostalEditor({ content: c, set }: Props) {
  const { t } = useTranslation();
  const put = <K extends keyof PostalContent>(field: K, value: PostalContent[K] | undefined, what = "") => set(withField(c, field, value), what);
  const own = (c.faces?.length ?? 0) > 0;
  const choice = (field: "size" | "direction" | "font" | "mark", values: string[], usual: string) => (
    <NativeSelect label={t(`piece.${field}`)} value={c[field] ?? usual} data={values.map((v) => ({ value: v, label: t(`piece.${field}_${v}`) }))} onChange={(e) => put(field, e.currentTarget.value)} />
  );
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
        {choice("size", Object.keys(sheets), "hagaki")}
        {choice("direction", ["vertical", "horizontal"], "vertical")}
      </SimpleGrid>
      {!own && (
        <>
          <Field name="headline" label={t("piece.headline")} value={c.headline ?? ""} onChange={(v) => put("headline", v, "headline")} />
          <Field name="text" label={t("piece.text")} rows={5} value={c.text ?? ""} onChange={(v) => put("text", v, "text")} />
          <Field name="image" picture label={t("piece.image")} hint={t("piece.imageHint")} value={c.image ?? ""} onChange={(v) => put("image", v)} />
        </>
      )}
      <Field name="url" label={t("piece.url")} hint={t("piece.urlHint")} value={c.url ?? ""} onChange={(v) => put("url", v, "url")} />
      <CouponForm c={c} put={put} />
      <SenderForm c={c} put={put} />
      <Accordion variant="contained" multiple defaultValue={own ? ["blocks"] : []}>
        <Accordion.Item value="look">
          <Accordion.Control><Text size="sm" fw={600}>{t("piece.look")}</Text></Accordion.Control>
          <Accordion.Panel>
            <Stack gap="md">
              <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
                {choice("font", ["gothic", "mincho"], "gothic")}
                <TextInput label={t("piece.colour")} placeholder="#84333a" value={c.colour ?? ""} leftSection={<span aria-hidden style={{ width: 16, height: 16, borderRadius: 4, border: "1px solid var(--mantine-color-default-border)", background: /^#[0-9a-f]{6}$/i.test(c.colour ?? "") ? c.colour : "#000" }} />} onChange={(e) => put("colour", e.currentTarget.value, "colour")} />
                {choice("mark", ["konou", "betsuno", "stamp", "none"], "konou")}
                <TextInput label={t("piece.office")} placeholder={t("piece.officeExample")} value={c.office ?? ""} onChange={(e) => put("office", e.currentTarget.value, "office")} />
                <NumberInput label={t("piece.grams")} min={0} max={1000} allowDecimal={false} value={c.grams ?? ""} onChange={(v) => put("grams", Number(v) || undefined)} />
              </SimpleGrid>
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
        <Accordion.Item value="letter">
          <Accordion.Control><Text size="sm" fw={600}>{t("piece.letterTitle")}</Text></Accordion.Control>
          <Accordion.Panel>
            <Stack gap="sm">
              <Text size="xs" c="dimmed">{t("piece.letterAbout")}</Text>
              <SegmentedControl value={c.letter === undefined ? "found" : c.letter ? "yes" : "no"} onChange={(v) => put("letter", v === "found" ? undefined : v === "yes")} data={["found", "yes", "no"].map((v) => ({ value: v, label: t(`piece.letter_${v}`) }))} aria-label={t("piece.letterTitle")} w="max-content" maw="100%" style={{ overflowX: "auto" }} />
              {c.letter === false && <Alert color="orange" p="sm">{t("piece.letterOwn")}</Alert>}
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
        <Accordion.Item value="blocks">
          <Accordion.Control><Text size="sm" fw={600}>{t("piece.blocks")}</Text></Accordion.Control>
          <Accordion.Panel><Blocks content={c} set={set} /></Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}

type Put = <K extends keyof PostalContent>(field: K, value: PostalContent[K] | undefined, what?: string) => void;

function CouponForm({ c, put }: { c: PostalContent; put: Put }) {
  const { t } = useTranslation();
  const of = c.coupon;
  return (
    <Stack gap="sm" className="block" role="group" aria-label={t("mail.kind_coupon")}>
      <Switch label={t("piece.couponOn")} checked={!!of} onChange={(e) => put("coupon", e.currentTarget.checked ? { title: t("piece.couponBegun") } : undefined)} />
      {of && (
        <>
          <Field name="coupon.title" label={t("piece.couponTitle")} value={of.title ?? ""} onChange={(title) => put("coupon", { ...of, title }, "coupon.title")} />
          <Field name="coupon.terms" label={t("piece.couponTerms")} rows={2} value={of.terms ?? ""} onChange={(v) => put("coupon", withField(of, "terms", v), "coupon.terms")} />
          <Field name="coupon.code" label={t("piece.couponCode")} hint={t("piece.couponCodeHint")} value={of.code ?? ""} onChange={(v) => put("coupon", withField(of, "code", v), "coupon.code")} />
        </>
      )}
    </Stack>
  );
}

/** Who sends it: taken over from the settings of post, or written here. */
function SenderForm({ c, put }: { c: PostalContent; put: Put }) {
  const { t } = useTranslation();
  const setting = useApi("/settings/{name}", { path: { name: "postal" } }, { staleTime: 60_000, retry: false });
  const accounts = Object.values((setting.data?.body as { accounts?: Record<string, PostalAccount> } | undefined)?.accounts ?? {});
  const known = accounts.find((a) => a.sender?.name)?.sender;
  const of = c.sender ?? {};
  const own = senderFields.some((f) => of[f]);
  const change = (field: keyof Sender, v: string) => put("sender", withField(of, field, v), `sender.${field}`);
  return (
    <Stack gap="sm" className="block" role="group" aria-label={t("postalForm.part_sender")}>
      <Group justify="space-between"><Text size="sm" fw={600}>{t("postalForm.part_sender")}</Text>{known && <Button size="compact-xs" variant="subtle" onClick={() => put("sender", Object.fromEntries(senderFields.flatMap((f) => (known[f] ? [[f, known[f]]] : []))))}>{t("piece.senderTake")}</Button>}</Group>
      {known && !own && <Text size="xs" c="dimmed">{t("piece.senderHint")}</Text>}
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">{senderFields.map((f) => <TextInput key={f} data-field={`sender.${f}`} label={t(`postalForm.sender_${f}`)} required={(f === "name" || f === "address") && (own || !known)} placeholder={own ? undefined : known?.[f]} value={of[f] ?? ""} onChange={(e) => change(f, e.currentTarget.value)} />)}</SimpleGrid>
    </Stack>
  );
}

/** Faces that are laid out by hand. */
function Blocks({ content: c, set }: Props) {
  const { t } = useTranslation();
  const names = facesOf(c.size);
  const [shown, setShown] = useState("address");
  const face = names.includes(shown) ? shown : names[0];
  const own = (c.faces?.length ?? 0) > 0;
  const blocks = c.faces?.find((f) => f.name === face)?.blocks ?? [];
  const sheet = faceSize(c.size, face);
  const put = (list: Block[], what = "") => {
    const faces = names.map((n) => c.faces?.find((f) => f.name === n) ?? { name: n, blocks: [] }).map((f) => (f.name === face ? { ...f, blocks: list } : f));
    set({ ...c, faces: faces.filter((f) => f.blocks.length > 0 || f.background) }, what);
  };
  const background = (v: string) => set({ ...c, faces: names.map((n) => c.faces?.find((f) => f.name === n) ?? { name: n, blocks: [] }).map((f) => (f.name === face ? withField(f, "background", v) : f)).filter((f) => f.blocks.length > 0 || f.background) });
  const begin = () => set({ ...c, faces: [{ name: "address", blocks: ["address", "barcode", "sender", "mark"].map((k) => begun(k, c.size)) }, { name: "back", blocks: [{ ...begunBlock("text", faceSize(c.size, "back"), c.text || t("dm.begun_text")) }] }] });
  const back = async () => { if (await modals.confirm(t("piece.autoTitle"), t("piece.autoText"), t("piece.auto"))) { const { faces: _, ...rest } = c; set(rest); } };
  if (!own) return <Stack gap="sm"><Text size="sm" c="dimmed">{t("piece.blocksAbout")}</Text><Button size="xs" variant="default" w="max-content" onClick={begin}>{t("piece.blocksBegin")}</Button></Stack>;
  return (
    <Stack gap="md">
      <Group justify="space-between"><SegmentedControl size="xs" value={face} onChange={setShown} data={names.map((n) => ({ value: n, label: t(`piece.face_${n}`) }))} aria-label={t("piece.face")} /><Button size="compact-sm" variant="subtle" onClick={() => void back()}>{t("piece.auto")}</Button></Group>
      <Text size="xs" c="dimmed">{t("piece.sheetIs", { w: sheet.w, h: sheet.h })}</Text>
      <Field picture label={t("piece.background")} value={c.faces?.find((f) => f.name === face)?.background ?? ""} onChange={background} />
      {blocks.map((b, i) => <BlockForm key={i} b={b} n={i} of={blocks.length} change={(by, what) => put(blocks.map((x, k) => (k === i ? { ...x, ...by } : x)), what && `${face}${i}.${what}`)} remove={() => put(blocks.filter((_, k) => k !== i))} move={(to) => put(blocks.map((x, k) => (k === i ? blocks[to] : k === to ? blocks[i] : x)))} />)}
      <Menu position="bottom-start"><Menu.Target><Button size="compact-sm" variant="subtle" w="max-content" leftSection={<IconPlus size={14} aria-hidden />}>{t("mail.add")}</Button></Menu.Target><Menu.Dropdown>{kinds.map((k) => <Menu.Item key={k} onClick={() => put([...blocks, begunBlock(k, sheet, t("dm.begun_text"))])}>{t(`piece.kind_${k}`)}</Menu.Item>)}</Menu.Dropdown></Menu>
    </Stack>
  );
}

/** Where the parts of an address face begin: the address where the post looks for it, the sender below, the mark in its corner. */
function begun(kind: string, size: string | undefined): Block {
  const s = faceSize(size, "address");
  const b = begunBlock(kind, s, "");
  switch (kind) {
    case "address": return { ...b, x: s.w * 0.12, y: s.h * 0.16, w: s.w * 0.76, h: s.h * 0.5 };
    case "sender": return { ...b, x: 8, y: s.h * 0.72, w: s.w * 0.5, h: s.h * 0.16 };
    case "mark": return { ...b, x: 6, y: 6, w: 20, h: 20 };
  }
  return b;
}

function BlockForm({ b, n, of, change, remove, move }: { b: Block; n: number; of: number; change: (by: Partial<Block>, what?: string) => void; remove: () => void; move: (to: number) => void }) {
  const { t } = useTranslation();
  const name = t(`piece.kind_${b.kind}`);
  const acts = [["up", n === 0, () => move(n - 1), IconArrowUp], ["down", n === of - 1, () => move(n + 1), IconArrowDown], ["remove", false, remove, IconX]] as const;
  const number = (field: "x" | "y" | "w" | "h" | "size", suffix: string) => <NumberInput key={field} size="xs" w={92} label={t(`piece.${field === "size" ? "type" : field}`)} suffix={suffix} decimalScale={1} value={b[field] ?? ""} onChange={(v) => change({ [field]: v === "" ? undefined : Number(v) }, field)} />;
  const words = ["text", "address", "sender", "code"].includes(b.kind);
  return (
    <Stack gap="sm" className="block" role="group" aria-label={`${n + 1}. ${name}`}>
      <Group justify="space-between" wrap="nowrap"><Text size="sm" fw={700}>{n + 1}. {name}</Text><Group gap={0} wrap="nowrap">{acts.map(([word, off, act, Icon]) => <Tooltip key={word} label={t(`builder.${word}`)} openDelay={400}><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} disabled={off} aria-label={t(`builder.${word}`)} onClick={act}><Icon size={15} aria-hidden /></ActionIcon></Tooltip>)}</Group></Group>
      {b.kind === "text" && <Field label={t("piece.text")} rows={2} value={b.text ?? ""} onChange={(text) => change({ text }, "text")} />}
      {b.kind === "image" && <Field picture label={t("mail.src")} value={b.image ?? ""} onChange={(image) => change({ image })} />}
      <Group gap="sm">{(["x", "y", "w", "h"] as const).map((f) => number(f, " mm"))}{(words || b.kind === "barcode") && number("size", " pt")}</Group>
      {words && (
        <Group gap="sm">
          {([["font", ["", "gothic", "mincho"]], ["direction", ["", "vertical", "horizontal"]], ["align", ["", "start", "centre", "end"]]] as const).map(([f, values]) => <NativeSelect key={f} size="xs" w={120} label={t(`piece.${f}`)} value={b[f] ?? ""} data={values.map((v) => ({ value: v, label: v ? t(`piece.${f}_${v}`) : t("piece.asSheet") }))} onChange={(e) => change({ [f]: e.currentTarget.value || undefined })} />)}
          <TextInput size="xs" w={110} label={t("piece.colour")} placeholder="#000000" value={b.colour ?? ""} onChange={(e) => change({ colour: e.currentTarget.value || undefined }, "colour")} />
        </Group>
      )}
    </Stack>
  );
}
