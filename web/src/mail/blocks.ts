// The mail editor's blocks: what a marketer puts together, kept in a template as source.blocks, and the MJML made of it.

export const kinds = ["heading", "text", "button", "image", "columns", "products", "coupon", "shared", "divider", "spacer", "footer"] as const;
export type Kind = (typeof kinds)[number];

/** A block. Texts may hold Liquid; those of text blocks and coupons also **bold** and [words](address). */
export interface MailBlock {
  id: string;
  kind: Kind;
  text?: string;
  href?: string;
  src?: string;
  alt?: string;
  code?: string;
  name?: string; // of a shared block
  list?: string; // of products: cart.lines, order.lines
  align?: "left" | "center" | "right";
  height?: number; // px, of a spacer
  columns?: MailBlock[][];
}

/** What the brand kit says of colours and letters. */
export interface Look { colour: string; text: string; background: string; font: string }
export const plain: Look = { colour: "#84333a", text: "#2f2a28", background: "#f5f3f1", font: "'Hiragino Sans','Noto Sans JP','Yu Gothic UI',Meiryo,sans-serif" };

const newID = () => crypto.randomUUID().slice(0, 8);

export function begun(kind: Kind, words: (key: string) => string): MailBlock {
  const block: MailBlock = { id: newID(), kind };
  if (kind === "heading" || kind === "text") block.text = words(`mail.begun_${kind}`);
  if (kind === "button") Object.assign(block, { text: words("mail.begun_button"), href: "{{ links.shop }}", align: "center" });
  if (kind === "image") Object.assign(block, { src: "", alt: "", href: "" });
  if (kind === "coupon") Object.assign(block, { text: words("mail.begun_coupon"), code: words("mail.begun_code") });
  if (kind === "products") block.list = "cart.lines";
  if (kind === "spacer") block.height = 24;
  if (kind === "columns") block.columns = [[begun("text", words)], [begun("text", words)]];
  return block;
}

/** Where a block stands: among the mail's own, or in a column of one of them. */
export interface Place { parent: string; column: number; index: number }

const listAt = (blocks: MailBlock[], p: Pick<Place, "parent" | "column">): MailBlock[] => (p.parent === "" ? blocks : (blocks.find((b) => b.id === p.parent)?.columns?.[p.column] ?? []));

export function placeOf(blocks: MailBlock[], id: string): Place | null {
  const index = blocks.findIndex((b) => b.id === id);
  if (index >= 0) return { parent: "", column: 0, index };
  for (const b of blocks) {
    for (const [column, list] of (b.columns ?? []).entries()) {
      const at = list.findIndex((x) => x.id === id);
      if (at >= 0) return { parent: b.id, column, index: at };
    }
  }
  return null;
}

export const find = (blocks: MailBlock[], id: string): MailBlock | undefined => {
  const p = placeOf(blocks, id);
  return p ? listAt(blocks, p)[p.index] : undefined;
};

function withList(blocks: MailBlock[], p: Pick<Place, "parent" | "column">, list: MailBlock[]): MailBlock[] {
  if (p.parent === "") return list;
  return blocks.map((b) => (b.id === p.parent ? { ...b, columns: b.columns!.map((c, i) => (i === p.column ? list : c)) } : b));
}

export function changed(blocks: MailBlock[], id: string, to: Partial<MailBlock>): MailBlock[] {
  return blocks.map((b) => (b.id === id ? { ...b, ...to } : b.columns ? { ...b, columns: b.columns.map((c) => changed(c, id, to)) } : b));
}

export function removed(blocks: MailBlock[], id: string): MailBlock[] {
  return blocks.filter((b) => b.id !== id).map((b) => (b.columns ? { ...b, columns: b.columns.map((c) => removed(c, id)) } : b));
}

/** Columns hold no columns. */
export const fits = (b: Pick<MailBlock, "kind">, p: Pick<Place, "parent">) => p.parent === "" || b.kind !== "columns";

export function inserted(blocks: MailBlock[], p: Place, b: MailBlock): MailBlock[] {
  if (!fits(b, p)) return blocks;
  const list = listAt(blocks, p);
  return withList(blocks, p, [...list.slice(0, p.index), b, ...list.slice(p.index)]);
}

/** Moves a block to a place, which is as it was before the move. */
export function moved(blocks: MailBlock[], id: string, to: Place): MailBlock[] {
  const from = placeOf(blocks, id);
  const b = find(blocks, id);
  if (!from || !b || !fits(b, to) || to.parent === id) return blocks;
  const same = from.parent === to.parent && from.column === to.column;
  return inserted(removed(blocks, id), { ...to, index: same && from.index < to.index ? to.index - 1 : to.index }, b);
}

/** One step up or down, into the next column and out of the columns too. */
export function stepped(blocks: MailBlock[], id: string, by: 1 | -1): MailBlock[] {
  const p = placeOf(blocks, id);
  const b = find(blocks, id);
  if (!p || !b) return blocks;
  const list = listAt(blocks, p);
  const next = p.index + by;
  const beside = p.parent === "" ? blocks[next] : undefined;
  if (beside?.columns && b.kind !== "columns") {
    const column = by > 0 ? 0 : beside.columns.length - 1;
    return moved(blocks, id, { parent: beside.id, column, index: by > 0 ? 0 : beside.columns[column].length });
  }
  if (next >= 0 && next < list.length) return moved(blocks, id, { ...p, index: by > 0 ? p.index + 2 : next });
  if (p.parent === "") return blocks;
  const parent = blocks.findIndex((x) => x.id === p.parent);
  const column = p.column + by;
  const columns = blocks[parent].columns!;
  if (columns[column]) return moved(blocks, id, { parent: p.parent, column, index: by > 0 ? 0 : columns[column].length });
  return moved(blocks, id, { parent: "", column: 0, index: by > 0 ? parent + 1 : parent });
}

export function copied(b: MailBlock): MailBlock {
  return { ...b, id: newID(), columns: b.columns?.map((c) => c.map(copied)) };
}

// Liquid stays as it is; around it, what would be markup becomes text.
const liquid = /(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})/;
const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (s: string) => s.replace(/[&<>"]/g, (c) => entities[c]);
const text = (s = "") => s.split(liquid).map((x, i) => (i % 2 ? x : escape(x))).join("");
const attribute = (s = "") => s.split(liquid).map((x, i) => (i % 2 ? x.replaceAll('"', "'") : escape(x))).join("");
const rich = (s: string | undefined, look: Look) => text(s).replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>")
  .replace(/\[([^\]\n]+)\]\(([^)\n]+)\)/g, (_, words: string, to: string) => `<a href="${to}" style="color:${look.colour}">${words}</a>`).replace(/\n/g, "<br>");

const shops = { ja: { each: " × ", more: "ほか", contact: "お問い合わせ", why: "このメールは、配信を希望された方にお送りしています。", stop: "配信を停止する" }, en: { each: " × ", more: "and more:", contact: "Contact", why: "You get this mail because you asked for it.", stop: "Unsubscribe" } };

function part(b: MailBlock, look: Look, language: string): string {
  const words = language.startsWith("ja") ? shops.ja : shops.en;
  const align = ` align="${b.align ?? "left"}"`;
  switch (b.kind) {
    case "heading": return `<mj-text${align} font-size="22px" font-weight="700" line-height="1.5"><h1 style="margin:0;font-size:22px;line-height:1.5">${rich(b.text, look)}</h1></mj-text>`;
    case "text": return `<mj-text${align}>${rich(b.text, look)}</mj-text>`;
    case "button": return `<mj-button href="${attribute(b.href)}" align="${b.align ?? "center"}">${text(b.text)}</mj-button>`;
    case "image": return b.src ? `<mj-image src="${attribute(b.src)}" alt="${attribute(b.alt)}"${b.href ? ` href="${attribute(b.href)}"` : ""} align="${b.align ?? "center"}" />` : "";
    case "divider": return "<mj-divider />";
    case "spacer": return `<mj-spacer height="${Math.max(4, Math.min(200, Math.round(b.height ?? 24)))}px" />`;
    case "shared": return b.name ? `<mj-text>{% block "${b.name.replace(/[^\w-]/g, "")}" %}</mj-text>` : "";
    case "coupon": return `<mj-text align="center" container-background-color="${look.background}"><div style="border:2px dashed ${look.colour};border-radius:8px;padding:16px">${rich(b.text, look)}<div style="font-size:24px;font-weight:700;letter-spacing:2px;color:${look.colour}">${text(b.code)}</div></div></mj-text>`;
    case "products": {
      const of = b.list === "order.lines" ? "order" : "cart";
      return `<mj-table>{% for line in ${of}.lines limit:10 %}<tr><td style="padding:10px 0;border-bottom:1px solid #e5e0dc">{{ line.name }}{% if line.variant %}<br><span style="color:#6b6460;font-size:13px">{{ line.variant }}</span>{% endif %}</td><td style="padding:10px 0;border-bottom:1px solid #e5e0dc;text-align:right;white-space:nowrap">{{ line.price }}${words.each}{{ line.quantity }}</td></tr>{% endfor %}</mj-table>`;
    }
    case "footer": return `<mj-text font-size="12px" color="#625b57">{{ brand.name }}<br>{{ brand.address }}<br>${words.contact}: {{ brand.contact }}<br><br>${words.why}<br><a href="{{ links.unsubscribe }}" style="color:#625b57">${words.stop}</a></mj-text>`;
    case "columns": return "";
  }
}

/** The MJML of a mail. Colours and letters are the brand kit's at the time of saving. */
export function toMJML(blocks: MailBlock[], look: Look, language: string): string {
  const font = attribute(look.font);
  const lines = [`<mjml lang="${attribute(language)}">`, "<mj-head><mj-attributes>", `<mj-all font-family="${font}" color="${look.text}" />`, '<mj-text font-size="15px" line-height="1.8" padding="8px 24px" />',
    `<mj-button background-color="${look.colour}" color="#ffffff" border-radius="8px" font-weight="700" font-size="15px" inner-padding="14px 32px" padding="12px 24px" />`, '<mj-image padding="8px 24px" />', '<mj-table padding="8px 24px" font-size="14px" line-height="1.6" />',
    '<mj-divider border-width="1px" border-color="#e0dad6" padding="8px 24px" />', '<mj-section padding="4px 0" background-color="#ffffff" />', "</mj-attributes></mj-head>", `<mj-body width="600px" background-color="${look.background}">`];
  let open = false;
  const end = () => { if (open) lines.push("</mj-column></mj-section>"); open = false; };
  for (const b of blocks) {
    if (b.kind === "columns") {
      end();
      lines.push("<mj-section>", ...(b.columns ?? []).map((c) => `<mj-column vertical-align="top">${c.map((x) => part(x, look, language)).join("\n")}</mj-column>`), "</mj-section>");
      continue;
    }
    if (!open) lines.push("<mj-section><mj-column>");
    open = true;
    lines.push(part(b, look, language));
  }
  end();
  return [...lines, "</mj-body></mjml>"].filter(Boolean).join("\n");
}
