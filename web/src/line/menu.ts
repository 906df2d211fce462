// Rich menus as the editor knows them: areas on a picture, in its pixels, and what a tap does.

export interface MenuAction { type: string; label?: string; uri?: string; text?: string; data?: string; displayText?: string }
export interface MenuArea { x: number; y: number; width: number; height: number; action: MenuAction }
export interface Menu { title: { ja?: string; en?: string }; segment?: string; account?: string; priority?: number; image: string; bar: string; open?: boolean; areas: MenuArea[]; off?: boolean }
export interface Size { width: number; height: number }

/** What LINE takes as the picture of a menu; the server says the same (channels/line/menu.go). */
export const takes = (x: Size & { type: string; size: number }): boolean =>
  (x.type === "png" || x.type === "jpg") && x.size <= 1 << 20 && x.width >= 800 && x.width <= 2500 && x.height >= 250 && x.width / x.height >= 1.45;

export const mostAreas = 20;
export const barMost = 14;

/** How many areas stand side by side in each row. */
export const layouts = [[3, 3], [2, 2], [1, 3], [1, 2], [3], [2], [1]] as const;

/** The areas of a layout over a whole picture, without gaps. What a tap did stays with the area of the same place in the order. */
export function laid(rows: readonly number[], { width, height }: Size, before: MenuArea[]): MenuArea[] {
  const out: MenuArea[] = [];
  rows.forEach((n, r) => {
    const top = Math.round((height * r) / rows.length);
    const bottom = Math.round((height * (r + 1)) / rows.length);
    for (let c = 0; c < n; c++) {
      const left = Math.round((width * c) / n);
      out.push({ x: left, y: top, width: Math.round((width * (c + 1)) / n) - left, height: bottom - top, action: before[out.length]?.action ?? { type: "uri", label: "", uri: "" } });
    }
  });
  return out;
}

const within = (n: number, least: number, most: number) => Math.max(least, Math.min(Math.round(n), most));
const least = 20; // px: less cannot be hit by a finger

/** An area moved, never out of the picture. */
export const moved = (a: MenuArea, dx: number, dy: number, s: Size): MenuArea => ({ ...a, x: within(a.x + dx, 0, s.width - a.width), y: within(a.y + dy, 0, s.height - a.height) });

/** An area made larger or smaller at its lower right corner, never beyond the picture. */
export const resized = (a: MenuArea, dw: number, dh: number, s: Size): MenuArea => ({ ...a, width: within(a.width + dw, least, s.width - a.x), height: within(a.height + dh, least, s.height - a.y) });

/** A further area in the middle of the picture. */
export const added = (s: Size): MenuArea => ({ x: Math.round(s.width / 3), y: Math.round(s.height / 3), width: Math.round(s.width / 3), height: Math.round(s.height / 3), action: { type: "uri", label: "", uri: "" } });

/** What is wrong with a tap's action: a key of the words menuWrong; empty: nothing. */
export function actionWrong(a: MenuAction): string {
  const long = (s: string | undefined, most: number) => [...(s ?? "")].length > most;
  if (long(a.label, 20)) return "label";
  switch (a.type) {
    case "uri": return /^(https?|line|tel):\S+$/.test(a.uri ?? "") && !long(a.uri, 1000) ? "" : "uri";
    case "message": return a.text?.trim() && !long(a.text, 300) ? "" : "text";
    case "postback": return a.data?.trim() && !long(a.data, 300) && !long(a.displayText, 300) ? "" : "data";
    default: return "";
  }
}

/** Whether two areas share a place: a tap there does what the first of them does. */
export const overlapping = (areas: MenuArea[], i: number): boolean =>
  areas.slice(0, i).some((a) => a.x < areas[i].x + areas[i].width && areas[i].x < a.x + a.width && a.y < areas[i].y + areas[i].height && areas[i].y < a.y + a.height);

/** Whether an area goes beyond the picture, as after a smaller one was chosen. */
export const beyond = (a: MenuArea, s: Size): boolean => a.x + a.width > s.width || a.y + a.height > s.height;

/** An action of another type, with the label it had. */
export const actionOf = (type: string, before: MenuAction): MenuAction => {
  const label = before.label ?? "";
  return type === "message" ? { type, label, text: before.text || label } : type === "postback" ? { type, label, data: "", displayText: label } : { type: "uri", label, uri: "" };
};

/** A definition as it is saved: what says nothing is left out, as LINE refuses empty texts. */
export function finished(m: Menu): Menu {
  const { segment, account, priority, open, off, ...rest } = m;
  return {
    ...rest, ...(segment && { segment }), ...(account && { account }), ...(priority && { priority }), ...(open && { open }), ...(off && { off }),
    areas: m.areas.map((a) => ({ ...a, action: Object.fromEntries(Object.entries(a.action).filter(([, v]) => v !== "")) as unknown as MenuAction })),
  };
}
