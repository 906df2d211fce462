import { useTranslation } from "react-i18next";
import { fonts } from "../theme";
import { boxHeight, boxWidth, pathOf } from "./layout";
import { entryID, type Definition } from "./model";
import { picture, wrapped } from "./picture";
import { useConditions } from "./useConditions";
import { detail, nameOf, wayWord, type Titles } from "./words";

// A picture is for paper and documents: it is light whatever the page is, and refers to nothing outside.
const ink = "#1f2328";
const grey = "#5c636a";
const accents: Record<string, string> = { entry: "#0b7285", message: "#9c3d44", wait: "#1864ab", branch: "#5f3dc4", split: "#5f3dc4", holdout: "#b35a00", update: "#0b7285", points: "#0b7285", webhook: "#0b7285", start: "#087f5b", leave: "#087f5b", goal: "#2b8a3e" };

/** How wide a text is in the picture, by the letters of this machine. */
function measured(size: number, weight: number): (text: string) => number {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return (text) => text.length * size;
  context.font = `${weight} ${size}px ${fonts}`;
  return (text) => context.measureText(text).width;
}

/** The journey as one SVG, with the numbers by which the list beside it names the steps. */
export function PictureOf({ d, titles, numbers, id }: { d: Definition; titles: Titles; numbers: Map<string, number>; id: string }) {
  const { t } = useTranslation();
  const conditions = useConditions(d);
  const small = measured(12, 400);
  const word = (w: { from: string; field: string }) => wrapped(wayWord(d, w.from, w.field, t, conditions), 240, 1, small)[0] ?? "";
  const p = picture(d, (w) => (word(w) ? small(word(w)) + 16 : 0));
  const name = measured(14, 600);
  return (
    <svg id={id} xmlns="http://www.w3.org/2000/svg" viewBox={`0 0 ${p.width} ${p.height}`} width={p.width} height={p.height} role="img" aria-label={t("print.picture")} fontFamily={fonts} style={{ maxWidth: "100%", height: "auto" }}>
      <rect width={p.width} height={p.height} fill="#ffffff" />
      <defs><marker id={`${id}-end`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill={grey} /></marker></defs>
      {p.ways.map((w) => <path key={`${w.from}.${w.field}`} d={pathOf(w)} fill="none" stroke={grey} strokeWidth={1.4} markerEnd={`url(#${id}-end)`} />)}
      {p.ways.map((w) => {
        const text = word(w);
        if (!text) return null;
        const width = small(text) + 12;
        return <g key={`${w.from}.${w.field}`}><rect x={w.word.x - width / 2} y={w.word.y - 11} width={width} height={22} rx={4} fill="#ffffff" stroke="#ced4da" /><text x={w.word.x} y={w.word.y + 4} fontSize={12} fill={ink} textAnchor="middle">{text}</text></g>;
      })}
      {p.boxes.map((b) => {
        const kind = b.id === entryID ? "entry" : d.nodes![b.id].type;
        const number = numbers.get(b.id);
        const second = wrapped(detail(d, b.id, t), boxWidth - 28, 1, small)[0];
        const lines = wrapped(nameOf(d, b.id, t, titles), boxWidth - 28, 2, name);
        return (
          <g key={b.id}>
            <rect x={b.x} y={b.y} width={boxWidth} height={boxHeight} rx={8} fill="#ffffff" stroke="#868e96" />
            <path d={`M${b.x + 4} ${b.y + 1} v${boxHeight - 2}`} stroke={accents[kind] ?? grey} strokeWidth={6} />
            <text x={b.x + 16} y={b.y + 21} fontSize={12} fill={grey}>{[number && `${number}.`, t(`node.${kind}`, { defaultValue: kind })].filter(Boolean).join(" ")}</text>
            {lines.map((x, i) => <text key={i} x={b.x + 16} y={b.y + 44 + 20 * i} fontSize={14} fontWeight={600} fill={ink}>{x}</text>)}
            {second && <text x={b.x + 16} y={b.y + boxHeight - 12} fontSize={12} fill={grey}>{second}</text>}
          </g>
        );
      })}
    </svg>
  );
}

/** The picture as a file: SVG as it is, or PNG at twice its size. */
export async function pictureFile(id: string, kind: "svg" | "png"): Promise<Blob> {
  const svg = document.getElementById(id) as unknown as SVGSVGElement;
  const text = new XMLSerializer().serializeToString(svg);
  const blob = new Blob([text], { type: "image/svg+xml" });
  if (kind === "svg") return blob;
  const image = new Image();
  const url = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await new Promise((done, failed) => { image.onload = done; image.onerror = () => failed(new Error("picture")); image.src = url; });
  const canvas = document.createElement("canvas");
  const box = svg.viewBox.baseVal;
  const scale = Math.min(2, 8_000 / Math.max(box.width, box.height)); // browsers draw no larger ones
  canvas.width = box.width * scale;
  canvas.height = box.height * scale;
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => canvas.toBlob((b) => (b ? done(b) : failed(new Error("picture"))), "image/png"));
}
