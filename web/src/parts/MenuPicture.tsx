import { useRef, type KeyboardEvent, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";
import { beyond, moved, overlapping, resized, type MenuArea, type Size } from "../line/menu";

/** The picture of a menu with what can be tapped drawn on it: areas are moved and sized by the mouse or by the arrow keys. */
export function MenuPicture({ src, size, areas, chosen, choose, onChange, wrong }: { src: string; size: Size; areas: MenuArea[]; chosen: number; choose: (i: number) => void; onChange: (i: number, to: MenuArea) => void; wrong: Set<number> }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const held = useRef<{ i: number; corner: boolean; x: number; y: number; from: MenuArea } | null>(null);
  const scale = () => size.width / (box.current?.clientWidth || size.width);
  const down = (e: PointerEvent, i: number, corner: boolean) => {
    e.stopPropagation();
    e.currentTarget.setPointerCapture(e.pointerId);
    held.current = { i, corner, x: e.clientX, y: e.clientY, from: areas[i] };
    choose(i);
  };
  const move = (e: PointerEvent) => {
    const h = held.current;
    if (!h) return;
    onChange(h.i, (h.corner ? resized : moved)(h.from, (e.clientX - h.x) * scale(), (e.clientY - h.y) * scale(), size));
  };
  const up = () => { held.current = null; };
  const keys = (e: KeyboardEvent, i: number) => {
    const to = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[e.key];
    if (!to) return;
    e.preventDefault();
    onChange(i, (e.shiftKey ? resized : moved)(areas[i], to[0], to[1], size));
  };
  const percent = (n: number, of: number) => `${(n / of) * 100}%`;
  return (
    <div ref={box} className="menu-picture" style={{ aspectRatio: `${size.width} / ${size.height}` }}>
      <img src={src} alt={t("menus.picture")} draggable={false} />
      {areas.map((a, i) => (
        <div key={i} role="button" tabIndex={0} aria-pressed={i === chosen} aria-label={t("menus.areaAt", { n: i + 1 })} data-area={i} data-wrong={wrong.has(i) || beyond(a, size) || overlapping(areas, i) || undefined} className="menu-area"
          style={{ left: percent(a.x, size.width), top: percent(a.y, size.height), width: percent(a.width, size.width), height: percent(a.height, size.height) }}
          onFocus={() => choose(i)} onKeyDown={(e) => keys(e, i)} onPointerDown={(e) => down(e, i, false)} onPointerMove={move} onPointerUp={up} onPointerCancel={up}>
          <span className="menu-number">{i + 1}</span>
          {i === chosen && <span className="menu-corner" aria-hidden onPointerDown={(e) => down(e, i, true)} onPointerMove={move} onPointerUp={up} onPointerCancel={up} />}
        </div>
      ))}
    </div>
  );
}

/** A menu as it lies below the chat on a phone. */
export function MenuPhone({ src, size, bar, account, open }: { src?: string; size?: Size; bar: string; account: string; open: boolean }) {
  const { t } = useTranslation();
  return (
    <figure className="phone" aria-label={t("menus.preview")}>
      <div className="phone-head">{account}</div>
      <div className="phone-chat"><span className="phone-bubble">{t("menus.chat")}</span></div>
      {open && src && size && <img src={src} alt="" style={{ aspectRatio: `${size.width} / ${size.height}` }} />}
      <div className="phone-bar">{bar || "…"} <span aria-hidden>{open ? "▾" : "▴"}</span></div>
    </figure>
  );
}
