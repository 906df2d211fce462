// LINE messages as the editor knows them: what the Messaging API takes, and the simple bubble that has a form.

export const lineKinds = ["text", "image", "buttons", "carousel", "flex", "coupon"] as const;
type LineKind = (typeof lineKinds)[number];

export interface LineAction { type: string; label: string; uri?: string; text?: string }
export interface LineColumn { thumbnailImageUrl?: string; title?: string; text: string; actions: LineAction[] }
export interface LineDraft { type: string; text?: string; altText?: string; originalContentUrl?: string; previewImageUrl?: string; template?: LineColumn & { type: string; columns?: LineColumn[] }; contents?: Record<string, unknown>; quickReply?: { items: { type: string; action: LineAction }[] } }

/** The form of a message; "other" has none but JSON. */
export function kindOf(m: LineDraft): LineKind | "other" {
  if (m.type === "text" || m.type === "image") return m.type;
  if (m.type === "template" && m.template?.type === "buttons") return "buttons";
  if (m.type === "template" && m.template?.type === "carousel") return "carousel";
  if (m.type === "flex") return bubbleOf(m.contents)?.code ? "coupon" : "flex";
  return "other";
}

export interface Bubble { image: string; title: string; text: string; code: string; label: string; uri: string }
type Node = { type?: string; text?: string; url?: string; contents?: Node[]; action?: { label?: string; uri?: string }; hero?: Node; body?: Node; footer?: Node };

/** The simple bubble as LINE takes it. What is empty is left out: LINE refuses empty texts. */
export function bubble(b: Bubble): Record<string, unknown> {
  const body = [b.title && { type: "text", text: b.title, weight: "bold", size: "lg", wrap: true }, b.text && { type: "text", text: b.text, wrap: true, margin: "md" },
    b.code && { type: "box", layout: "vertical", margin: "lg", paddingAll: "12px", borderWidth: "2px", borderColor: "#84333a", cornerRadius: "8px", contents: [{ type: "text", text: b.code, weight: "bold", size: "xl", align: "center", color: "#84333a" }] }].filter(Boolean);
  return { type: "bubble", ...(b.image && { hero: { type: "image", url: b.image, size: "full", aspectRatio: "20:13", aspectMode: "cover" } }), body: { type: "box", layout: "vertical", contents: body },
    ...(b.label && { footer: { type: "box", layout: "vertical", contents: [{ type: "button", style: "primary", color: "#84333a", action: { type: "uri", label: b.label, uri: b.uri } }] } }) };
}

/** The form's values of a bubble that the form made; undefined for any other: a form would lose something of it. */
export function bubbleOf(contents: Record<string, unknown> | undefined): Bubble | undefined {
  const n = contents as Node | undefined;
  const parts = n?.body?.contents ?? [];
  const button = n?.footer?.contents?.[0]?.action;
  const texts = parts.filter((x) => x.type === "text");
  const bold = texts.find((x) => (x as { weight?: string }).weight === "bold");
  const b = { image: n?.hero?.url ?? "", title: bold?.text ?? "", text: texts.find((x) => x !== bold)?.text ?? "", code: parts.find((x) => x.type === "box")?.contents?.[0]?.text ?? "", label: button?.label ?? "", uri: button?.uri ?? "" };
  return contents && canonical(bubble(b)) === canonical(contents) ? b : undefined;
}

const canonical = (v: unknown): string => JSON.stringify(v, (_, x: unknown) => (x && typeof x === "object" && !Array.isArray(x) ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1))) : x));

export function line(kind: LineKind, words: (key: string) => string): LineDraft {
  const actions = (): LineAction[] => [{ type: "uri", label: words("line.begun_label"), uri: "{{ links.shop }}" }];
  const empty: Bubble = { image: "", title: words("line.begun_title"), text: words("line.begun_text"), code: "", label: words("line.begun_label"), uri: "{{ links.shop }}" };
  switch (kind) {
    case "text": return { type: "text", text: words("line.begun_text") };
    case "image": return { type: "image", originalContentUrl: "", previewImageUrl: "" };
    case "buttons": return { type: "template", altText: words("line.begun_text"), template: { type: "buttons", text: words("line.begun_text"), actions: actions() } };
    case "carousel": return { type: "template", altText: words("line.begun_text"), template: { type: "carousel", columns: [1, 2].map(() => ({ title: words("line.begun_title"), text: words("line.begun_text"), actions: actions() })) } as LineDraft["template"] };
    case "flex": return { type: "flex", altText: words("line.begun_text"), contents: bubble(empty) };
    case "coupon": return { type: "flex", altText: words("mail.begun_coupon"), contents: bubble({ ...empty, title: words("mail.begun_coupon"), code: words("mail.begun_code") }) };
  }
}
