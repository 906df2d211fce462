import "@xyflow/react/dist/style.css";
import { ActionIcon, Anchor, Badge, Card, Menu, Text, Title, useComputedColorScheme } from "@mantine/core";
import { IconAlertTriangle, IconClipboard, IconPlus } from "@tabler/icons-react";
import { Background, BaseEdge, Controls, EdgeLabelRenderer, Handle, MarkerType, MiniMap, Position, ReactFlow, useReactFlow, useStore, type Edge, type EdgeProps, type Node } from "@xyflow/react";
import { createContext, useContext, useEffect, useMemo, useRef, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { count } from "../format";
import { boxHeight, boxWidth, down, layout, neighbour, pathOf, type Drawn, type Layout } from "./layout";
import { wayKey, type Look, type Looks } from "./looks";
import { entryID, kinds, waysOf, type Definition, type Kind } from "./model";
import { useConditions } from "./useConditions";
import { detail, nameOf, wayWord, type Titles } from "./words";

/** How many people stand at a step and how many went by. */
export interface Counts { standing: number; passed: number; sent?: number }

/** What can be done to a journey on the canvas; without it the canvas is for looking. */
export interface Editing {
  insert: (from: string, field: string, kind: Kind) => void;
  connect: (from: string, field: string, to: string) => void;
  paste?: (from: string, field: string) => void;
}

interface Box extends Record<string, unknown> { id: string; kind: string; label: string; detail: string; counts?: Counts; wrong: boolean; chosen: boolean; look?: Look }
interface WayData extends Record<string, unknown> { way: Drawn; label: string; said: string; look?: Look }

const Edit = createContext<Editing | undefined>(undefined);
const accents: Record<string, string> = { entry: "teal", message: "enji", wait: "blue", branch: "violet", split: "violet", holdout: "orange", update: "cyan", points: "cyan", webhook: "cyan", start: "teal", leave: "teal", goal: "green" };

function NodeBox({ data }: { data: Box }) {
  const { t } = useTranslation();
  const colour = `var(--mantine-color-${accents[data.kind] ?? "gray"}-6)`;
  const look = data.look;
  const edge = data.wrong ? "var(--mantine-color-red-6)" : data.chosen ? "var(--mantine-color-enji-filled)" : look?.colour ? `var(--mantine-color-${look.colour}-6)` : "var(--mantine-color-default-border)";
  const outline = data.chosen ? "2px solid var(--mantine-color-enji-filled)" : look?.colour ? `2px ${look.dashed ? "dashed" : "solid"} var(--mantine-color-${look.colour}-6)` : undefined;
  const hidden = { opacity: 0 };
  return (
    <div data-step={data.id} data-look={look?.sign} style={{ width: boxWidth, height: boxHeight, padding: "6px 12px", borderRadius: 8, borderWidth: "1px 1px 1px 4px", borderStyle: look?.faint ? "dashed" : "solid", borderColor: `${edge} ${edge} ${edge} ${colour}`, outline, background: "var(--mantine-color-body)", overflow: "hidden" }}>
      {data.kind !== "entry" && <Handle type="target" position={Position.Top} style={hidden} />}
      <Text size="xs" c="dimmed" style={{ display: "flex", justifyContent: "space-between" }}>{t(`node.${data.kind}`, { defaultValue: data.kind })}{data.wrong && <IconAlertTriangle size={15} color="var(--mantine-color-red-6)" aria-label={t("build.wrong")} />}{look?.sign && <Text span size="xs" fw={700} c="var(--mantine-color-text)">{look.sign}</Text>}</Text>
      <Text size="sm" fw={look?.faint ? 400 : 600} c={look?.faint ? "dimmed" : undefined} lh={1.4} lineClamp={2}>{data.label}</Text>
      {look?.note ? <NoteLine look={look} /> : data.counts && data.counts.standing + data.counts.passed > 0 ? <Text size="xs" className="num" truncate>{t("journey.counts", { standing: count(data.counts.standing), passed: count(data.counts.passed) })}{data.kind === "message" && t("journey.andSent", { n: count(data.counts.sent) })}</Text> : data.detail && <Text size="xs" c="dimmed" truncate>{data.detail}</Text>}
      <Handle type="source" position={Position.Bottom} style={hidden} />
    </div>
  );
}

/** A line of a box that says a number or a reason; with a door a click opens what is behind it. */
function NoteLine({ look }: { look: Look }) {
  if (!look.door) return <Text size="xs" className="num" truncate>{look.note}</Text>;
  return <Anchor component="button" type="button" size="xs" className="num nodrag nopan" display="block" maw="100%" truncate onClick={(e) => { e.stopPropagation(); look.door!(); }}>{look.note}</Anchor>;
}

/** What a way says, as it stands on it. */
function said(label: string, look: Look | undefined): string {
  const word = (look?.dashed ? [look.sign, label] : [label, look?.sign]).filter(Boolean).join(" ");
  let cut = word;
  while (roomFor(cut, letter) > widest) cut = cut.slice(0, -1);
  return cut === word ? word : cut + "…";
}
// Of a way's word, in pixels.
const letter = 11.5;
const widest = 190;
/** About how wide a text is drawn, in pixels: for the room that it needs. */
const roomFor = (text: string, letter: number): number => [...text].reduce((n, c) => n + (c.charCodeAt(0) < 0x250 ? 0.62 : 1.05) * letter, 0);

/** A way with its word and, while drawing, the button that puts a step on it. */
function WayLine({ id, data, markerEnd }: EdgeProps<Edge<WayData>>) {
  const { t } = useTranslation();
  const edit = useContext(Edit);
  const { way, look, label } = data!;
  const word = said(label, look);
  return (
    <>
      <BaseEdge id={id} path={pathOf(way)} markerEnd={markerEnd} style={look?.colour ? { stroke: `var(--mantine-color-${look.colour}-6)`, strokeWidth: 2.5, strokeDasharray: look.dashed ? "6 5" : undefined } : look?.faint ? { strokeDasharray: "2 5" } : undefined} />
      <EdgeLabelRenderer>
        <div className="nodrag nopan" data-way={id} style={{ position: "absolute", transform: `translate(-50%, -50%) translate(${way.word.x}px, ${way.word.y}px)`, pointerEvents: "all", display: "flex", flexDirection: "column", alignItems: "center", gap: 2 }}>
          {(word || look?.note) && (
            <div style={{ display: "flex", alignItems: "center", gap: 4, whiteSpace: "nowrap" }}>
              {word && <Badge size="sm" variant="default" radius="sm" maw="none" title={label}>{word}</Badge>}
              {look?.note && (look.door ? <Anchor component="button" type="button" size="xs" className="num" bg="var(--mantine-color-body)" onClick={look.door}>{look.note}</Anchor> : <Text size="xs" className="num" bg="var(--mantine-color-body)">{look.note}</Text>)}
            </div>
          )}
          {edit && !way.extra && (
            <Menu position="right-start" withinPortal shadow="md">
              <Menu.Target><ActionIcon size={24} radius="xl" variant="default" aria-label={t("build.insertAfter", { name: data!.said })}><IconPlus size={14} aria-hidden /></ActionIcon></Menu.Target>
              <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
                <Menu.Label>{t("build.insert")}</Menu.Label>
                {kinds.map((k) => <Menu.Item key={k} onClick={() => edit.insert(way.from, way.field, k)}>{t(`node.${k}`)}</Menu.Item>)}
                {edit.paste && <><Menu.Divider /><Menu.Item leftSection={<IconClipboard size={15} aria-hidden />} onClick={() => edit.paste!(way.from, way.field)}>{t("build.paste")}</Menu.Item></>}
              </Menu.Dropdown>
            </Menu>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
  );
}

/** Where the picture stands in its window: the whole when it can be read so, else from the beginning; a window that gets wider or narrower begins anew. */
function Refit({ placed, least }: { placed: Layout; least: number }) {
  const { setViewport } = useReactFlow();
  const [width, height] = [useStore((s) => s.width), useStore((s) => s.height)];
  const now = useRef(placed);
  now.current = placed;
  useEffect(() => {
    if (width === 0 || height === 0) return;
    const { left, right, rows } = now.current;
    const [w, h] = [right - left, rows * down];
    const zoom = Math.min(1, Math.max(least, Math.min((width - 48) / w, (height - 48) / h)));
    const x = w * zoom > width - 24 ? width / 2 : width / 2 - ((left + right) / 2) * zoom; // too wide: the entry in the middle
    void setViewport({ x, y: h * zoom > height - 24 ? 16 : (height - h * zoom) / 2, zoom });
  }, [width, height, least, setViewport]);
  return null;
}

/** Brings the chosen step into sight: one that was put in, or that a list leads to. */
function Reveal({ chosen, placed }: { chosen?: string; placed: Layout }) {
  const { setCenter, getViewport } = useReactFlow();
  const [width, height] = [useStore((s) => s.width), useStore((s) => s.height)];
  useEffect(() => {
    const b = placed.boxes.find((x) => x.id === chosen);
    if (!b || width === 0) return;
    const v = getViewport();
    const [x, y] = [b.x * v.zoom + v.x, b.y * v.zoom + v.y];
    if (x >= 0 && y >= 0 && x + boxWidth * v.zoom <= width && y + boxHeight * v.zoom <= height) return;
    void setCenter(b.x + boxWidth / 2, b.y + boxHeight / 2, { zoom: v.zoom, duration: 200 });
    // Only a choice moves the picture: who looks elsewhere meanwhile is left there.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [chosen]);
  return null;
}

const nodeTypes = { box: NodeBox };
const edgeTypes = { way: WayLine };

/** The journey as a picture. Steps stand where the layout puts them; choosing one is by click or by Tab and Enter. */
export function Canvas({ definition, titles, counts, wrong, chosen, looks, onChoose, editing, height }: {
  definition: Definition; titles: Titles; counts?: Map<string, Counts>; wrong?: Set<string>; chosen?: string; looks?: Looks; onChoose: (id: string) => void; editing?: Editing; height?: number | string;
}) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const drawing = editing !== undefined;
  const conditions = useConditions(definition);
  const word = useMemo(() => (w: { from: string; field: string; extra?: boolean }) => (w.extra ? (looks?.extra?.find((x) => x.from === w.from && x.field === w.field)?.word ?? "") : wayWord(definition, w.from, w.field, t, conditions)), [definition, looks?.extra, t, conditions]);
  const placed = useMemo(() => layout(definition, looks?.extra, (w) => {
    const look = looks?.ways.get(wayKey(w.from, w.field, w.extra));
    const text = said(word(w), look);
    return (text ? roomFor(text, letter) + 18 : 0) + (look?.note ? Math.max(40, roomFor(look.note, 12) + 6) : 0);
  }), [definition, looks, word]);
  const nodes = useMemo((): Node<Box>[] => placed.boxes.map((b) => {
    const kind = b.id === entryID ? "entry" : definition.nodes![b.id].type;
    const label = nameOf(definition, b.id, t, titles);
    return { id: b.id, type: "box", position: { x: b.x, y: b.y }, width: boxWidth, height: boxHeight, measured: { width: boxWidth, height: boxHeight }, selected: b.id === chosen, ariaLabel: [`${t(`node.${kind}`, { defaultValue: kind })}: ${label}`, looks?.steps.get(b.id)?.sign, looks?.steps.get(b.id)?.note].filter(Boolean).join(" "),
      data: { id: b.id, kind, label, detail: detail(definition, b.id, t), counts: counts?.get(b.id), wrong: wrong?.has(b.id) ?? false, chosen: b.id === chosen, look: looks?.steps.get(b.id) } };
  }), [placed, definition, titles, counts, wrong, chosen, looks, t]);
  const edges = useMemo((): Edge<WayData>[] => placed.ways.map((w) => {
    const label = word(w);
    const key = wayKey(w.from, w.field, w.extra);
    const look = looks?.ways.get(key);
    return { id: key, source: w.from, target: w.to, type: "way", ariaLabel: label || t("build.way"), focusable: false, reconnectable: editing && !w.extra ? "target" : false,
      markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: look?.colour ? `var(--mantine-color-${look.colour}-6)` : "var(--way)" },
      data: { way: w, label, said: [nameOf(definition, w.from, t, titles), label].filter(Boolean).join(" "), look } };
  }), [placed, definition, titles, looks, word, editing !== undefined, t]); // eslint-disable-line react-hooks/exhaustive-deps
  const walk = (e: KeyboardEvent) => {
    const id = (e.target as HTMLElement).closest?.(".react-flow__node")?.getAttribute("data-id");
    const to = id && e.key.startsWith("Arrow") ? neighbour(placed, id, e.key) : undefined;
    if (e.key === "Escape" && id) onChoose("");
    if (!to) return;
    e.preventDefault();
    e.stopPropagation();
    onChoose(to);
    e.currentTarget.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(to)}"]`)?.focus();
  };
  return (
    <Edit.Provider value={editing}>
      <Card withBorder padding={0} h={height ?? Math.min(960, Math.max(420, placed.rows * 140))} aria-label={t("journey.flow")} onKeyDownCapture={walk}>
        <ReactFlow nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} fitViewOptions={{ maxZoom: 1, minZoom: 0.2, padding: 0.08 }} minZoom={0.2} nodesDraggable={false} nodesConnectable={!!editing} edgesReconnectable={!!editing} deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null} colorMode={dark ? "dark" : "light"} proOptions={{ hideAttribution: true }}
          onNodeClick={(_, n) => onChoose(n.id)} onPaneClick={() => onChoose("")}
          onNodesChange={(all) => { for (const c of all) if (c.type === "select" && c.selected) onChoose(c.id); }}
          onReconnect={(old, to) => { const w = (old as Edge<WayData>).data!.way; if (to.source === w.from && to.target) editing?.connect(w.from, w.field, to.target); }}
          onConnect={(c) => { const ways = waysOf(definition, c.source); if (ways.length === 1 && c.source !== c.target) editing?.connect(c.source, ways[0].field, c.target); }}
          ariaLabelConfig={{ "controls.zoomIn.ariaLabel": t("flow.zoomIn"), "controls.zoomOut.ariaLabel": t("flow.zoomOut"), "controls.fitView.ariaLabel": t("flow.fit"), "controls.ariaLabel": t("flow.controls"), "minimap.ariaLabel": t("build.map"), "node.a11yDescription.default": t("build.nodeHelp"), "node.a11yDescription.keyboardDisabled": t("build.nodeHelp") }}>
          <Refit placed={placed} least={drawing ? 0.65 : 0.2} />
          <Reveal chosen={chosen} placed={placed} />
          <Background gap={20} />
          <Controls showInteractive={false} />
          {editing && <MiniMap pannable zoomable style={{ width: 112, height: 96 }} />}
        </ReactFlow>
        <Title order={2} className="skip">{t("journey.flow")}</Title>
      </Card>
    </Edit.Provider>
  );
}
