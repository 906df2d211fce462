import { useRef, useState, type DragEvent } from "react";
import { ActionIcon, Box, Button, Group, NativeSelect, Stack, Text, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconCopy, IconGripVertical, IconPlus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Block } from "../types";
import { added, at, begunList, besides, duplicated, isGroup, nameOf, relocated, replaced, stepped, type Place } from "./blocks";
import { ListCondition, TextCondition, ValueCondition, type Words } from "./Condition";

interface Shared {
  list?: string;
  root: Block;
  words: Words;
  problems: Map<string, string>;
  drag: Drag;
  onChange: (root: Block) => void;
}

/** A block on its way by the mouse: where it is from, and before which place it would come down. */
interface Drag {
  over: string;
  begin: (place: Place) => void;
  move: (e: DragEvent, before: Place) => void;
  drop: (e: DragEvent) => void;
  end: () => void;
}

/** Puts the focus where the work goes on, once the page shows it. */
const focus = (place: Place, label?: string) => requestAnimationFrame(() => {
  const host = document.querySelector(`[data-place="${nameOf(place)}"]`);
  const named = label && host?.querySelector<HTMLElement>(`:scope > .row [aria-label="${CSS.escape(label)}"]`);
  (named || host?.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea, button"))?.focus();
});

/** Conditions as blocks: groups in groups, one input for each kind of value, everything by keyboard. */
export function Builder(given: Omit<Shared, "drag">) {
  const from = useRef<Place | null>(null);
  const [over, setOver] = useState<Place | null>(null);
  const target = (to: Place | null) => from.current && to && relocated(given.root, from.current, to);
  const drag: Drag = {
    over: over ? nameOf(over) : "",
    begin: (place) => { from.current = place; },
    move: (e, before) => {
      if (!target(before)) return;
      e.preventDefault();
      e.stopPropagation();
      if (!over || nameOf(over) !== nameOf(before)) setOver(before);
    },
    drop: (e) => {
      const result = target(over);
      if (!result) return;
      e.preventDefault();
      e.stopPropagation();
      given.onChange(result.root);
      focus(result.place);
      drag.end();
    },
    end: () => { from.current = null; setOver(null); },
  };
  return <GroupBlock {...given} drag={drag} block={given.root} place={[]} />;
}

/** The line that shows where a block would come down. */
const Gap = ({ drag, place }: { drag: Drag; place: Place }) => (drag.over === nameOf(place) ? <Box className="drop" aria-hidden /> : null);

/** Where a block over a member would go: before it or after it. */
const half = (e: DragEvent, place: Place): Place => {
  const box = e.currentTarget.getBoundingClientRect();
  return e.clientY < box.top + box.height / 2 ? place : [...place.slice(0, -1), place[place.length - 1] + 1];
};

function Problem({ shared, place }: { shared: Shared; place: Place }) {
  const text = shared.problems.get(nameOf(place));
  return text ? <Text size="xs" className="problem" role="status">{text}</Text> : null;
}

/** A group: how its members are joined, the members, what can be added. */
function GroupBlock({ block, place, ...shared }: Shared & { block: Block; place: Place; list?: string }) {
  const { t } = useTranslation();
  const list = shared.list;
  const members = block.blocks ?? [];
  const between = block.kind === "all" ? t("builder.and") : t("builder.or");
  return (
    <Box className={place.length ? "block block-group" : undefined} role="group" aria-label={t(`groupKind.${block.kind}`)} data-place={nameOf(place)}
      onDragOver={(e) => shared.drag.move(e, [...place, members.length])} onDrop={shared.drag.drop}>
      <Stack gap="sm" className="row">
        <Group gap="sm" justify="space-between" wrap="nowrap" align="flex-start">
          <NativeSelect size="sm" aria-label={t("builder.group")} value={block.kind} data={["all", "any", "none"].map((k) => ({ value: k, label: t(`groupKind.${k}`) }))}
            onChange={(e) => shared.onChange(replaced(shared.root, place, { ...block, kind: e.currentTarget.value as Block["kind"] }))} />
          {place.length > 0 && <Actions {...shared} place={place} />}
        </Group>
        {members.map((m, i) => (
          <Stack key={i} gap="sm" onDragOver={(e) => shared.drag.move(e, half(e, [...place, i]))}>
            {i > 0 && <Text size="xs" c="dimmed" fw={700} className="between">{between}</Text>}
            <Gap drag={shared.drag} place={[...place, i]} />
            <Member {...shared} block={m} place={[...place, i]} list={list} />
          </Stack>
        ))}
        <Gap drag={shared.drag} place={[...place, members.length]} />
        <Problem shared={shared} place={place} />
        <Adding {...shared} place={place} list={list} />
      </Stack>
    </Box>
  );
}

function Member({ block, place, list, ...shared }: Shared & { block: Block; place: Place; list?: string }) {
  const { t } = useTranslation();
  if (isGroup(block)) return <GroupBlock {...shared} block={block} place={place} list={list} />;
  const change = (b: Block) => shared.onChange(replaced(shared.root, place, b));
  const conditions = block.blocks ?? [];
  return (
    <Box className="block" data-place={nameOf(place)}>
      <Group gap="sm" align="flex-start" justify="space-between" wrap="nowrap" className="row">
        {block.kind === "value" && <ValueCondition block={block} words={shared.words} list={list} onChange={change} />}
        {block.kind === "list" && <ListCondition block={block} words={shared.words} onChange={change} />}
        {block.kind === "text" && <TextCondition block={block} onChange={change} />}
        <Actions {...shared} place={place} />
      </Group>
      <Problem shared={shared} place={place} />
      {block.kind === "list" && (
        <Stack gap="sm" mt="sm" pl="md" className="inside" role="group" aria-label={t("builder.where")}>
          {conditions.map((m, i) => (
            <Stack key={i} gap={4} onDragOver={(e) => shared.drag.move(e, half(e, [...place, i]))}>
              <Text size="xs" c="dimmed" fw={700}>{i ? t("builder.and") : t("builder.where")}</Text>
              <Gap drag={shared.drag} place={[...place, i]} />
              <Member {...shared} block={m} place={[...place, i]} list={block.list} />
            </Stack>
          ))}
          <Gap drag={shared.drag} place={[...place, conditions.length]} />
          <Adding {...shared} place={place} list={block.list} />
        </Stack>
      )}
    </Box>
  );
}

/** Move (by the mouse, or by the arrows into and out of groups too), double, remove. */
function Actions({ root, onChange, place, drag }: Shared & { place: Place }) {
  const { t } = useTranslation();
  const icon = { size: 16, "aria-hidden": true };
  const step = (by: 1 | -1, word: string) => () => {
    const result = stepped(root, place, by);
    if (!result) return;
    onChange(result.root);
    focus(result.place, t(word));
  };
  const all: [string, () => void, typeof IconX][] = [
    ["builder.up", step(-1, "builder.up"), IconArrowUp],
    ["builder.down", step(1, "builder.down"), IconArrowDown],
    ["builder.copy", () => { onChange(duplicated(root, place)); focus([...place.slice(0, -1), place[place.length - 1] + 1]); }, IconCopy],
    ["builder.remove", () => { onChange(replaced(root, place, null)); focus(besides(root, place)); }, IconX],
  ];
  return (
    <Group gap={2} wrap="nowrap">
      <Box component="span" className="grip" draggable title={t("builder.drag")} aria-hidden
        onDragStart={(e: DragEvent<HTMLElement>) => { e.dataTransfer.effectAllowed = "move"; e.dataTransfer.setData("text/plain", nameOf(place)); const block = e.currentTarget.closest(".block"); if (block) e.dataTransfer.setDragImage(block, 16, 16); drag.begin(place); }} onDragEnd={drag.end}><IconGripVertical {...icon} /></Box>
      {all.map(([word, change, Icon]) => (
        <Tooltip key={word} label={t(word)} openDelay={400}>
          <ActionIcon variant="subtle" color="gray" c="dimmed" size={28} aria-label={t(word)} onClick={change}><Icon {...icon} /></ActionIcon>
        </Tooltip>
      ))}
    </Group>
  );
}

function Adding({ root, onChange, place, list, words }: Shared & { place: Place; list?: string }) {
  const { t } = useTranslation();
  const add = (b: Block) => {
    onChange(added(root, place, b));
    focus([...place, (at(root, place).blocks ?? []).length]);
  };
  const button = (word: string, b: () => Block) => <Button key={word} size="compact-sm" variant="subtle" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => add(b())}>{t(word)}</Button>;
  const group = (): Block => ({ kind: "any", blocks: [{ kind: "value" }, { kind: "value" }] });
  return (
    <Group gap="xs">
      {list
        ? [button("builder.addWhere", () => ({ kind: "value" })), button("builder.addGroup", group), button("builder.addText", () => ({ kind: "text" }))]
        : [button("builder.addValue", () => ({ kind: "value" })), button("builder.addList", () => begunList("orders", words.fields)), button("builder.addGroup", group), button("builder.addText", () => ({ kind: "text" }))]}
    </Group>
  );
}
