import { ActionIcon, Box, Button, Group, NativeSelect, Stack, Text, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconCopy, IconPlus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Block } from "../types";
import { added, begunList, duplicated, isGroup, moved, nameOf, replaced, type Place } from "./blocks";
import { ListCondition, TextCondition, ValueCondition, type Words } from "./Condition";

interface Shared {
  list?: string;
  root: Block;
  words: Words;
  problems: Map<string, string>;
  onChange: (root: Block) => void;
}

/** Conditions as blocks: groups in groups, one input for each kind of value, everything by keyboard. */
export function Builder(shared: Shared) {
  return <GroupBlock {...shared} block={shared.root} place={[]} />;
}

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
    <Box className={place.length ? "block block-group" : undefined} role="group" aria-label={t(`groupKind.${block.kind}`)}>
      <Stack gap="sm">
        <Group gap="sm" justify="space-between" wrap="nowrap" align="flex-start">
          <NativeSelect size="sm" aria-label={t("builder.group")} value={block.kind} data={["all", "any", "none"].map((k) => ({ value: k, label: t(`groupKind.${k}`) }))}
            onChange={(e) => shared.onChange(replaced(shared.root, place, { ...block, kind: e.currentTarget.value as Block["kind"] }))} />
          {place.length > 0 && <Actions {...shared} place={place} />}
        </Group>
        {members.map((m, i) => (
          <Stack key={i} gap="sm">
            {i > 0 && <Text size="xs" c="dimmed" fw={700} className="between">{between}</Text>}
            <Member {...shared} block={m} place={[...place, i]} list={list} />
          </Stack>
        ))}
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
    <Box className="block">
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
            <Stack key={i} gap={4}>
              <Text size="xs" c="dimmed" fw={700}>{i ? t("builder.and") : t("builder.where")}</Text>
              <Member {...shared} block={m} place={[...place, i]} list={block.list} />
            </Stack>
          ))}
          <Adding {...shared} place={place} list={block.list} />
        </Stack>
      )}
    </Box>
  );
}

/** Move, double, remove. */
function Actions({ root, onChange, place }: Shared & { place: Place }) {
  const { t } = useTranslation();
  const icon = { size: 16, "aria-hidden": true };
  const all: [string, (r: Block) => Block, typeof IconX][] = [
    ["builder.up", (r) => moved(r, place, -1), IconArrowUp],
    ["builder.down", (r) => moved(r, place, 1), IconArrowDown],
    ["builder.copy", (r) => duplicated(r, place), IconCopy],
    ["builder.remove", (r) => replaced(r, place, null), IconX],
  ];
  return (
    <Group gap={2} wrap="nowrap">
      {all.map(([word, change, Icon]) => (
        <Tooltip key={word} label={t(word)} openDelay={400}>
          <ActionIcon variant="subtle" color="gray" c="dimmed" size={28} aria-label={t(word)} onClick={() => onChange(change(root))}><Icon {...icon} /></ActionIcon>
        </Tooltip>
      ))}
    </Group>
  );
}

function Adding({ root, onChange, place, list, words }: Shared & { place: Place; list?: string }) {
  const { t } = useTranslation();
  const add = (b: Block) => onChange(added(root, place, b));
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
