import "@xyflow/react/dist/style.css";
import { ActionIcon, Anchor, Badge, Card, Menu, Text, Title, useComputedColorScheme } from "@mantine/core";
import { IconAlertTriangle, IconClipboard, IconPlus } from "@tabler/icons-react";
import { Background, BaseEdge, Controls, EdgeLabelRenderer, getSmoothStepPath, Handle, MiniMap, Position, ReactFlow, useReactFlow, useStore, type Edge, type EdgeProps, type FitViewOptions, type Node } from "@xyflow/react";
import { createContext, useContext, useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { count } from "../format";
import { boxHeight, boxWidth, layout } from "./layout";
import { wayKey, type Look, type Looks } from "./looks";
import { entryID, kinds, waysOf, type Definition, type Kind } from "./model";
import { detail, nameOf, wayWord, type Titles } from "./words";

/** How many people stand at a step and how many went by. */
export interface Counts { standing: number; passed: number }

/** What can be done to a journey on the canvas; without it the canvas is for looking. */
export interface Editing {
  insert: (from: string, field: string, kind: Kind) => void;
  connect: (from: string, field: string, to: string) => void;
  paste?: (from: string, field: string) => void;
}

interface Box extends Record<string, unknown> { id: string; kind: string; label: string; detail: string; counts?: Counts; wrong: boolean; chosen: boolean; look?: Look }
interface WayData extends Record<string, unknown> { from: string; field: string; label: string; beside?: number; shift: number; said: string; look?: Look; fixed: boolean }

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
      {data.kind !== "entry" && <><Handle type="target" position={Position.Top} style={hidden} /><Handle type="target" id="aside" position={Position.Right} style={hidden} /></>}
      <Text size="xs" c="dimmed" style={{ display: "flex", justifyContent: "space-between" }}>{t(`node.${data.kind}`, { defaultValue: data.kind })}{data.wrong && <IconAlertTriangle size={15} color="var(--mantine-color-red-6)" aria-label={t("build.wrong")} />}{look?.sign && <Text span size="xs" fw={700} c="var(--mantine-color-text)">{look.sign}</Text>}</Text>
      <Text size="sm" fw={look?.faint ? 400 : 600} c={look?.faint ? "dimmed" : undefined} lh={1.4} lineClamp={2}>{data.label}</Text>
      {look?.note ? <NoteLine look={look} /> : data.counts && data.counts.standing + data.counts.passed > 0 ? <Text size="xs" className="num">{t("journey.counts", { standing: count(data.counts.standing), passed: count(data.counts.passed) })}</Text> : data.detail && <Text size="xs" c="dimmed" truncate>{data.detail}</Text>}
      <Handle type="source" position={Position.Bottom} style={hidden} />
      <Handle type="source" id="aside" position={Position.Right} style={hidden} />
    </div>
  );
}

/** A line of a box that says a number or a reason; with a door a click opens what is behind it. */
function NoteLine({ look }: { look: Look }) {
  if (!look.door) return <Text size="xs" className="num" truncate>{look.note}</Text>;
  return <Anchor component="button" type="button" size="xs" className="num nodrag nopan" display="block" maw="100%" truncate onClick={(e) => { e.stopPropagation(); look.door!(); }}>{look.note}</Anchor>;
}

/** A way with its word and, while drawing, the button that puts a step on it. */
function WayLine({ id, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data, markerEnd }: EdgeProps<Edge<WayData>>) {
  const { t } = useTranslation();
  const edit = useContext(Edit);
  const w = data!;
  const look = w.look;
  const word = look?.dashed ? [look.sign, w.label].filter(Boolean).join(" ") : [w.label, look?.sign].filter(Boolean).join(" ");
  const [path, x, y] = getSmoothStepPath({ sourceX: sourceX + w.shift / 3, sourceY, targetX: targetX + w.shift / 3, targetY, sourcePosition, targetPosition, ...(w.beside ? { offset: w.beside } : {}) });
  const wordX = w.beside ? Math.max(sourceX, targetX) + w.beside : x + w.shift;
  return (
    <>
      <BaseEdge id={id} path={path} markerEnd={markerEnd} style={look?.colour ? { stroke: `var(--mantine-color-${look.colour}-6)`, strokeWidth: 2.5, strokeDasharray: look.dashed ? "6 5" : undefined } : look?.faint ? { strokeDasharray: "2 5" } : undefined} />
      <EdgeLabelRenderer>
        <div className="nodrag nopan" style={{ position: "absolute", transform: `translate(-50%, -50%) translate(${wordX}px, ${y}px)`, pointerEvents: "all", display: "flex", flexDirection: "column", alignItems: "center", gap: 2 }}>
          {word && <Badge size="sm" variant="default" radius="sm" maw={170}>{word.length > 20 ? word.slice(0, 19) + "…" : word}</Badge>}
          {look?.note && (look.door ? <Anchor component="button" type="button" size="xs" px={4} className="num" bg="var(--mantine-color-body)" onClick={look.door}>{look.note}</Anchor> : <Text size="xs" px={4} className="num" bg="var(--mantine-color-body)">{look.note}</Text>)}
          {edit && !w.fixed && (
            <Menu position="right-start" withinPortal shadow="md">
              <Menu.Target><ActionIcon size={24} radius="xl" variant="default" aria-label={t("build.insertAfter", { name: w.said })}><IconPlus size={14} aria-hidden /></ActionIcon></Menu.Target>
              <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
                <Menu.Label>{t("build.insert")}</Menu.Label>
                {kinds.map((k) => <Menu.Item key={k} onClick={() => edit.insert(w.from, w.field, k)}>{t(`node.${k}`)}</Menu.Item>)}
                {edit.paste && <><Menu.Divider /><Menu.Item leftSection={<IconClipboard size={15} aria-hidden />} onClick={() => edit.paste!(w.from, w.field)}>{t("build.paste")}</Menu.Item></>}
              </Menu.Dropdown>
            </Menu>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
  );
}

/** A window that gets wider or narrower shows the whole again. */
function Refit({ fit }: { fit: FitViewOptions }) {
  const { fitView } = useReactFlow();
  const width = useStore((s) => s.width);
  useEffect(() => { if (width > 0) void fitView(fit); }, [width, fit, fitView]);
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
  const fit = useMemo((): FitViewOptions => ({ maxZoom: 1, minZoom: drawing ? 0.65 : 0.2, padding: 0.12 }), [drawing]);
  const placed = useMemo(() => layout(definition, looks?.extra), [definition, looks?.extra]);
  const nodes = useMemo((): Node<Box>[] => placed.boxes.map((b) => {
    const kind = b.id === entryID ? "entry" : definition.nodes![b.id].type;
    const label = nameOf(definition, b.id, t, titles);
    return { id: b.id, type: "box", position: { x: b.x, y: b.y }, width: boxWidth, height: boxHeight, measured: { width: boxWidth, height: boxHeight }, selected: b.id === chosen, ariaLabel: [`${t(`node.${kind}`, { defaultValue: kind })}: ${label}`, looks?.steps.get(b.id)?.sign, looks?.steps.get(b.id)?.note].filter(Boolean).join(" "),
      data: { id: b.id, kind, label, detail: detail(definition, b.id, t), counts: counts?.get(b.id), wrong: wrong?.has(b.id) ?? false, chosen: b.id === chosen, look: looks?.steps.get(b.id) } };
  }), [placed, definition, titles, counts, wrong, chosen, looks, t]);
  const edges = useMemo((): Edge<WayData>[] => placed.ways.map((w) => {
    const same = placed.ways.filter((x) => x.from === w.from && x.to === w.to && x.beside === undefined);
    const shift = w.beside === undefined && same.length > 1 ? (same.indexOf(w) - (same.length - 1) / 2) * 96 : 0;
    const label = w.extra ? (looks?.extra?.find((x) => x.from === w.from && x.field === w.field)?.word ?? "") : wayWord(definition, w.from, w.field, t);
    const key = wayKey(w.from, w.field, w.extra);
    return { id: key, source: w.from, target: w.to, type: "way", ...(w.beside ? { sourceHandle: "aside", targetHandle: "aside" } : {}), ariaLabel: label || t("build.way"), focusable: false,
      data: { from: w.from, field: w.field, label, beside: w.beside, shift, said: [nameOf(definition, w.from, t, titles), label].filter(Boolean).join(" "), look: looks?.ways.get(key), fixed: w.extra ?? false } };
  }), [placed, definition, titles, looks, t]);
  return (
    <Edit.Provider value={editing}>
      <Card withBorder padding={0} h={height ?? Math.min(960, Math.max(420, placed.rows * 128))} aria-label={t("journey.flow")}>
        <ReactFlow nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} fitView fitViewOptions={fit} minZoom={0.2} nodesDraggable={false} nodesConnectable={!!editing} edgesReconnectable={!!editing} deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null} colorMode={dark ? "dark" : "light"} proOptions={{ hideAttribution: true }}
          onNodeClick={(_, n) => onChoose(n.id)} onPaneClick={() => onChoose("")}
          onNodesChange={(all) => { for (const c of all) if (c.type === "select" && c.selected) onChoose(c.id); }}
          onReconnect={(old, to) => { const w = (old as Edge<WayData>).data!; if (to.source === w.from && to.target) editing?.connect(w.from, w.field, to.target); }}
          onConnect={(c) => { const ways = waysOf(definition, c.source); if (ways.length === 1 && c.source !== c.target) editing?.connect(c.source, ways[0].field, c.target); }}
          ariaLabelConfig={{ "controls.zoomIn.ariaLabel": t("flow.zoomIn"), "controls.zoomOut.ariaLabel": t("flow.zoomOut"), "controls.fitView.ariaLabel": t("flow.fit"), "controls.ariaLabel": t("flow.controls"), "minimap.ariaLabel": t("build.map"), "node.a11yDescription.default": t("build.nodeHelp"), "node.a11yDescription.keyboardDisabled": t("build.nodeHelp") }}>
          <Refit fit={fit} />
          <Background gap={20} />
          <Controls showInteractive={false} />
          {editing && <MiniMap pannable zoomable style={{ width: 112, height: 96 }} />}
        </ReactFlow>
        <Title order={2} className="skip">{t("journey.flow")}</Title>
      </Card>
    </Edit.Provider>
  );
}
