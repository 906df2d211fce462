import { ActionIcon, Box, Button, Group, NumberInput, SegmentedControl, Select, Stack, Text, Textarea, TextInput, Tooltip, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconColumns2, IconCopy, IconGripVertical, IconHeading, IconLayoutBottombar, IconLineDashed, IconPhoto, IconPuzzle, IconShoppingBag, IconSpacingVertical, IconSquareRoundedLetterB, IconTicket, IconTypography, IconX } from "@tabler/icons-react";
import { useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { pick } from "../i18n";
import { Images } from "../parts/Images";
import { Variables } from "../parts/Variables";
import { begun, changed, copied, find, inserted, kinds, moved, placeOf, removed, stepped, type Kind, type MailBlock, type Place } from "./blocks";

const icons: Record<Kind, typeof IconX> = { heading: IconHeading, text: IconTypography, button: IconSquareRoundedLetterB, image: IconPhoto, columns: IconColumns2, products: IconShoppingBag, coupon: IconTicket, shared: IconPuzzle, divider: IconLineDashed, spacer: IconSpacingVertical, footer: IconLayoutBottombar };

interface Shared {
  blocks: MailBlock[];
  onChange: (blocks: MailBlock[]) => void;
  chosen: string;
  choose: (id: string) => void;
  over: Place | null;
  drag: { begin: (what: string) => void; over: (p: Place, e: DragEvent) => void; drop: (e: DragEvent) => void; end: () => void };
  wrong: Set<string>;
}

/** A mail as blocks: dragged, or moved by the keyboard; the chosen one is edited where it stands. */
export function BlockEditor({ blocks, onChange, chosen, choose, wrong }: Pick<Shared, "blocks" | "onChange" | "chosen" | "choose" | "wrong">) {
  const { t } = useTranslation();
  const [over, setOver] = useState<Place | null>(null);
  const [held, setHeld] = useState("");
  const made = (kind: Kind) => begun(kind, t);
  const add = (kind: Kind) => {
    const at = placeOf(blocks, chosen) ?? { parent: "", column: 0, index: blocks.length - 1 };
    const place = kind === "columns" && at.parent ? { parent: "", column: 0, index: blocks.findIndex((b) => b.id === at.parent) } : at;
    const b = made(kind);
    onChange(inserted(blocks, { ...place, index: place.index + 1 }, b));
    choose(b.id);
  };
  const drag = {
    begin: setHeld,
    over: (p: Place, e: DragEvent) => { if (!held) return; e.preventDefault(); e.stopPropagation(); setOver(p); },
    drop: (e: DragEvent) => {
      e.preventDefault();
      e.stopPropagation();
      const kind = kinds.find((k) => held === "+" + k);
      if (over && kind) {
        const b = made(kind);
        onChange(inserted(blocks, over, b));
        choose(b.id);
      } else if (over && held) onChange(moved(blocks, held, over));
      drag.end();
    },
    end: () => { setHeld(""); setOver(null); },
  };
  const shared: Shared = { blocks, onChange, chosen, choose, over, drag, wrong };
  return (
    <Stack gap="md">
      <Group gap={4} role="toolbar" aria-label={t("mail.add")}>
        {kinds.map((kind) => {
          const Icon = icons[kind];
          return <Button key={kind} size="compact-sm" variant="default" leftSection={<Icon size={15} aria-hidden />} onClick={() => add(kind)} draggable onDragStart={(e) => { e.dataTransfer.setData("text/plain", kind); drag.begin("+" + kind); }} onDragEnd={drag.end}>{t(`mail.kind_${kind}`)}</Button>;
        })}
      </Group>
      {blocks.length === 0 && <Text size="sm" c="dimmed">{t("mail.none")}</Text>}
      <Blocks {...shared} list={blocks} parent="" column={0} />
    </Stack>
  );
}

function Blocks({ list, parent, column, ...shared }: Shared & { list: MailBlock[]; parent: string; column: number }) {
  const { t } = useTranslation();
  const { over, drag } = shared;
  const here = (i: number) => over && over.parent === parent && over.column === column && over.index === i;
  const half = (e: DragEvent, i: number) => { const r = e.currentTarget.getBoundingClientRect(); return { parent, column, index: e.clientY < r.top + r.height / 2 ? i : i + 1 }; };
  return (
    <Stack gap={6} onDragOver={(e) => drag.over({ parent, column, index: list.length }, e)} onDrop={drag.drop} mih={40}>
      {list.map((b, i) => (
        <div key={b.id} onDragOver={(e) => drag.over(half(e, i), e)} onDrop={drag.drop}>
          {here(i) && <div className="drop" />}
          <One {...shared} block={b} />
        </div>
      ))}
      {here(list.length) && <div className="drop" />}
      {parent !== "" && list.length === 0 && <Text size="xs" c="dimmed" ta="center" py="sm">{t("mail.emptyColumn")}</Text>}
    </Stack>
  );
}

function One({ block: b, ...shared }: Shared & { block: MailBlock }) {
  const { t } = useTranslation();
  const { blocks, onChange, chosen, choose, drag, wrong } = shared;
  const Icon = icons[b.kind];
  const open = chosen === b.id;
  const focus = (id: string, button: string) => requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-block="${id}"] [data-act="${button}"]`)?.focus());
  const acts: [string, () => void, typeof IconX][] = [
    ["up", () => { onChange(stepped(blocks, b.id, -1)); focus(b.id, "up"); }, IconArrowUp],
    ["down", () => { onChange(stepped(blocks, b.id, 1)); focus(b.id, "down"); }, IconArrowDown],
    ["copy", () => { const p = placeOf(blocks, b.id)!; const c = copied(b); onChange(inserted(blocks, { ...p, index: p.index + 1 }, c)); choose(c.id); }, IconCopy],
    ["remove", () => { onChange(removed(blocks, b.id)); choose(""); }, IconX],
  ];
  return (
    <Box className="block" data-block={b.id} style={{ borderColor: open ? "var(--mantine-color-enji-filled)" : wrong.has(b.id) ? "var(--mantine-color-red-filled)" : undefined }}>
      <Group gap="xs" wrap="nowrap" align="center">
        <Box component="span" className="grip" draggable aria-hidden title={t("builder.drag")} onDragStart={(e: DragEvent) => { e.dataTransfer.effectAllowed = "move"; e.dataTransfer.setData("text/plain", b.id); drag.begin(b.id); }} onDragEnd={drag.end}><IconGripVertical size={16} /></Box>
        <UnstyledButton flex={1} miw={0} onClick={() => choose(open ? "" : b.id)} aria-expanded={open} py={2}>
          <Group gap="sm" wrap="nowrap"><Icon size={16} aria-hidden style={{ flexShrink: 0 }} /><Text size="sm" fw={b.kind === "heading" ? 700 : 400} truncate>{summary(b, t(`mail.kind_${b.kind}`))}</Text></Group>
        </UnstyledButton>
        <Group gap={0} wrap="nowrap">
          {acts.map(([word, act, A]) => <Tooltip key={word} label={t(`builder.${word}`)} openDelay={400}><ActionIcon data-act={word} variant="subtle" color="gray" c="dimmed" size={26} aria-label={t(`builder.${word}`)} onClick={act}><A size={15} aria-hidden /></ActionIcon></Tooltip>)}
        </Group>
      </Group>
      {open && b.kind !== "divider" && <Box mt="sm"><Fields block={b} onChange={(to) => onChange(changed(blocks, b.id, to))} /></Box>}
      {b.columns && (
        <Stack gap="sm" mt="sm">
          <Group gap="sm" align="stretch" grow wrap="nowrap">{b.columns.map((c, i) => <Box key={i} className="inside" pl="sm" miw={0} style={{ flexBasis: 0 }}><Blocks {...shared} list={c} parent={b.id} column={i} /></Box>)}</Group>
          {open && <SegmentedControl size="xs" value={String(b.columns.length)} onChange={(n) => onChange(changed(blocks, b.id, { columns: columns(find(blocks, b.id)!.columns!, Number(n)) }))} data={["2", "3"].map((n) => ({ value: n, label: t("mail.columns", { n }) }))} aria-label={t("mail.kind_columns")} />}
        </Stack>
      )}
    </Box>
  );
}

/** As many columns as asked for: what stood in one that goes, goes into the last that stays. */
const columns = (now: MailBlock[][], n: number): MailBlock[][] => (n > now.length ? [...now, ...Array.from({ length: n - now.length }, () => [] as MailBlock[])] : [...now.slice(0, n - 1), now.slice(n - 1).flat()]);

const summary = (b: MailBlock, kind: string) => (b.text ?? b.alt ?? b.name ?? "").replace(/\s+/g, " ").trim() || kind;

function Fields({ block: b, onChange }: { block: MailBlock; onChange: (to: Partial<MailBlock>) => void }) {
  const { t } = useTranslation();
  const shared = useApi("/blocks", {}, { enabled: b.kind === "shared", staleTime: 30_000 });
  const input = (key: "text" | "href" | "src" | "alt" | "code", word: string, hint?: string) => <TextInput label={t(word)} description={hint && t(hint)} value={b[key] ?? ""} onChange={(e) => onChange({ [key]: e.currentTarget.value })} rightSection={key === "alt" ? undefined : key === "src" ? <Images onPick={(src) => onChange({ src })} /> : <Variables onPick={(v) => onChange({ [key]: (b[key] ?? "") + v })} />} />;
  const align = <SegmentedControl size="xs" w="max-content" value={b.align ?? (b.kind === "button" || b.kind === "image" ? "center" : "left")} onChange={(v) => onChange({ align: v as MailBlock["align"] })} data={["left", "center", "right"].map((a) => ({ value: a, label: t(`mail.align_${a}`) }))} aria-label={t("mail.align")} />;
  switch (b.kind) {
    case "heading": return <Stack gap="sm">{input("text", "mail.words")}{align}</Stack>;
    case "text":
      return (
        <Stack gap="sm">
          <Textarea label={<Group gap="sm">{t("mail.words")}<Variables onPick={(v) => onChange({ text: (b.text ?? "") + v })} /></Group>} description={t("mail.marks")} inputWrapperOrder={["label", "input", "description"]} autosize minRows={3} maxRows={14} value={b.text ?? ""} onChange={(e) => onChange({ text: e.currentTarget.value })} />
          {align}
        </Stack>
      );
    case "button": return <Stack gap="sm">{input("text", "mail.label")}{input("href", "mail.href")}{align}</Stack>;
    case "image": return <Stack gap="sm">{input("src", "mail.src", "mail.srcHint")}{input("alt", "mail.alt", "mail.altHint")}{input("href", "mail.href")}{align}</Stack>;
    case "coupon": return <Stack gap="sm">{input("text", "mail.words")}{input("code", "mail.code")}</Stack>;
    case "products": return <Select label={t("mail.list")} allowDeselect={false} value={b.list ?? "cart.lines"} onChange={(v) => onChange({ list: v ?? "cart.lines" })} data={[{ value: "cart.lines", label: t("mail.list_cart") }, { value: "order.lines", label: t("mail.list_order") }]} />;
    case "spacer": return <NumberInput label={t("mail.height")} min={4} max={200} step={4} w={160} value={b.height ?? 24} onChange={(v) => onChange({ height: Number(v) || 24 })} />;
    case "shared":
      return <Select label={t("mail.kind_shared")} placeholder={t("mail.chooseShared")} nothingFoundMessage={t("mail.noShared")} data={(shared.data?.items ?? []).map((s) => ({ value: s.name, label: pick(s.title) || s.name }))} value={b.name ?? null} onChange={(v) => onChange({ name: v ?? "" })} searchable />;
    case "footer": return <Text size="sm" c="dimmed">{t("mail.footerHint")}</Text>;
    default: return null;
  }
}

