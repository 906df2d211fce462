// A mapping (docs/mapping.md) made by choosing a column for each field.

export const kinds = ["orders", "people", "receipts", "shipments", "points", "products"] as const;
export type Kind = (typeof kinds)[number];

/** A field of a kind of record: its path in the public JSON of events, what words head its column, what stands around the column. */
export interface Field { key: string; path: string; needed?: boolean; like: string[]; around?: (column: string) => string }
interface Shape { event: string; group?: string[]; fields: Field[]; fixed?: (fields: Fields) => Fields }
/** Expressions by path. */
export type Fields = Record<string, string>;
export interface Mapping { title: { ja: string; en: string }; format: "csv"; rules: { event: string; group?: string; fields: Fields }[] }

const at = (like: string[]): Field => ({ key: "at", path: "occurred_at", needed: true, like });
const who: Field[] = [
  { key: "customer", path: "person.customer_id", like: ["会員id", "会員番号", "顧客id", "顧客番号", "顧客コード", "customer id", "customer_id", "user_id"] },
  { key: "email", path: "person.email", like: ["メールアドレス", "メール", "email", "e-mail", "mail"] },
  { key: "phone", path: "person.phone", like: ["電話番号", "電話", "tel", "phone"] },
];
const names: Field[] = [
  { key: "familyName", path: "person.traits.family_name", like: ["姓", "苗字", "名字", "last name", "family name"] },
  { key: "givenName", path: "person.traits.given_name", like: ["名", "first name", "given name"] },
  { key: "prefecture", path: "person.traits.prefecture", like: ["都道府県", "住所", "prefecture"], around: (c) => `prefecture(${c})` },
];
const card: Field = { key: "card", path: "person.pos_card", like: ["カード番号", "ポイントカード", "会員コード", "会員番号", "card"] };
const order: Field = { key: "order", path: "order.order_id", needed: true, like: ["注文番号", "受注番号", "注文id", "order_id", "order id", "order number"] };
const lines: Field[] = [
  { key: "product", path: "order.lines[].product_id", like: ["商品番号", "商品コード", "商品id", "jan", "sku", "product_id", "product id"] },
  { key: "productName", path: "order.lines[].name", like: ["商品名", "品名", "product name"] },
  { key: "quantity", path: "order.lines[].quantity", like: ["数量", "個数", "quantity", "qty"] },
  { key: "price", path: "order.lines[].price", like: ["単価", "価格", "商品単価", "price"] },
];
const total: Field = { key: "total", path: "order.total", like: ["合計金額", "支払合計", "お支払い合計", "合計", "total", "amount"] };
const receipt = ["store.store_id", "store.register", "store.business_date", "store.receipt"];

export const shapes: Record<Kind, Shape> = {
  orders: {
    event: "order.placed", group: ["order.order_id"],
    fields: [order, at(["注文日時", "受注日時", "注文日", "受注日", "created_at", "order date", "date"]), ...who, ...names, total, { key: "payment", path: "order.payment_method", like: ["支払方法", "決済方法", "payment"], around: (c) => `payment(${c})` }, ...lines],
  },
  people: {
    event: "person.identified",
    fields: [at(["更新日時", "更新日", "登録日時", "登録日", "updated_at", "created_at", "date"]), ...who, ...names,
      { key: "postalCode", path: "person.traits.postal_code", like: ["郵便番号", "postal code", "zip"] },
      { key: "birthday", path: "person.traits.birthday", like: ["生年月日", "誕生日", "birthday"] },
      { key: "signedUp", path: "person.traits.signed_up_at", like: ["入会日", "登録日", "signed up"] }],
  },
  receipts: {
    event: "store.purchased", group: receipt,
    fields: [
      { key: "store", path: "store.store_id", needed: true, like: ["店舗コード", "店舗id", "店舗", "store"] },
      { key: "register", path: "store.register", like: ["レジ番号", "レジ", "端末", "register"] },
      { key: "businessDate", path: "store.business_date", needed: true, like: ["営業日", "締め日", "business date"] },
      { key: "receipt", path: "store.receipt", needed: true, like: ["レシート番号", "レシート", "伝票番号", "取引id", "receipt"] },
      at(["取引日時", "販売日時", "日時", "date"]), card, ...who, total, ...lines],
    // A till's receipt has no number of its own in the world; one that comes again with more lines is a newer version of itself.
    fixed: (f) => ({ "order.order_id": keyOf(receipt, f), "order.version": `date(${f.occurred_at || '""'}).UnixMilli() + len(rows)` }),
  },
  shipments: {
    event: "shipment.shipped",
    fields: [
      { key: "parcel", path: "shipment.shipment_id", needed: true, like: ["出荷番号", "出荷id", "伝票番号", "送り状番号", "shipment_id"] },
      { ...order, path: "shipment.order_id" }, at(["出荷日時", "出荷日", "発送日", "shipped_at", "date"]), ...who,
      { key: "carrier", path: "shipment.carrier", like: ["配送業者", "運送会社", "配送会社", "carrier"], around: (c) => `carrier(${c})` },
      { key: "tracking", path: "shipment.tracking", like: ["送り状番号", "伝票番号", "追跡番号", "tracking"], around: (c) => `slip(${c})` }],
  },
  points: {
    event: "points.earned",
    fields: [at(["付与日時", "付与日", "日時", "日付", "date"]), ...who, card, { key: "points", path: "points.amount", needed: true, like: ["付与ポイント", "ポイント数", "ポイント", "points"] },
      { ...order, path: "points.order_id", needed: false }, { key: "reason", path: "points.reason", like: ["理由", "内容", "reason"] }],
  },
  products: {
    event: "catalogue.update",
    fields: [
      { key: "product", path: "product_id", needed: true, like: ["商品番号", "商品コード", "商品id", "品番", "sku", "product_id", "product id"] },
      { key: "productName", path: "name", like: ["商品名", "品名", "product name", "title"] },
      { key: "salePrice", path: "price", like: ["販売価格", "売価", "価格", "税込価格", "price"] },
      { key: "listPrice", path: "compare_at_price", like: ["通常価格", "定価", "参考価格", "compare at price"] },
      { key: "stock", path: "stock", like: ["在庫数", "在庫", "フリー在庫数", "stock", "inventory"] },
      { key: "category", path: "category", like: ["カテゴリ", "カテゴリー", "分類", "category"] },
      { key: "brand", path: "brand", like: ["ブランド", "メーカー", "brand", "vendor"] },
      { key: "pageUrl", path: "url", like: ["商品url", "商品ページ", "url", "link"] },
      { key: "imageUrl", path: "image_url", like: ["画像url", "商品画像url", "image url", "image_url", "image_link"] }],
  },
};

const quoted = (column: string) => `row[${JSON.stringify(column)}]`;
/** The expression of a field that is the column. */
export const ofColumn = (f: Field, column: string): string => (f.around ? f.around(quoted(column)) : quoted(column));
/** The column that an expression is, when it is one alone. */
export const columnOf = (f: Field, expression: string, header: string[]): string | undefined => header.find((c) => ofColumn(f, c) === expression);
function keyOf(paths: string[], f: Fields): string {
  const parts = paths.filter((p) => f[p]).map((p) => (p === "store.business_date" ? `dateText(${f[p]}, "YYYY-MM-DD")` : f[p]));
  return parts.length > 1 ? `join([${parts.join(", ")}], ":")` : parts[0] ?? "";
}

const plain = (s: string) => s.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

/** A first choice: a column whose name is one of the field's words, else one that begins with it. A column serves one field. */
export function guess(kind: Kind, header: string[]): Fields {
  const out: Fields = {};
  const free = new Set(header);
  for (const fits of [(c: string, w: string) => c === w, (c: string, w: string) => w.length > 1 && c.startsWith(w)]) {
    for (const f of shapes[kind].fields) {
      if (out[f.path]) continue;
      for (const w of f.like) {
        const c = [...free].find((x) => fits(plain(x), w));
        if (!c) continue;
        out[f.path] = ofColumn(f, c);
        free.delete(c);
        break;
      }
    }
  }
  return out;
}

/** The kind whose needed fields the columns have most of. */
export function likely(header: string[]): Kind {
  const found = (k: Kind) => {
    const own = guess(k, header);
    const missed = shapes[k].fields.filter((f) => f.needed && !own[f.path]).length;
    return Object.keys(own).length - missed * 10;
  };
  return [...kinds].sort((a, b) => found(b) - found(a))[0];
}

/** What is still to be chosen: needed fields, and one that says who it is. */
export function lacking(kind: Kind, f: Fields): Field[] {
  const known = shapes[kind].fields.filter((x) => x.path.startsWith("person.") && !x.path.startsWith("person.traits."));
  return [...shapes[kind].fields.filter((x) => x.needed && !f[x.path]), ...(known.length === 0 || known.some((x) => f[x.path]) ? [] : known.slice(0, 1))];
}

export function mappingOf(kind: Kind, chosen: Fields, title: { ja: string; en: string }): Mapping {
  const { event, group, fixed } = shapes[kind];
  const fields = Object.fromEntries(Object.entries(chosen).filter(([, e]) => e.trim()));
  const key = group ? keyOf(group, fields) : "";
  return { title, format: "csv", rules: [{ event, ...(key && { group: key }), fields: { ...fields, ...fixed?.(fields) } }] };
}

/** The kind and the expressions of a mapping that was made so; undefined for any other. */
export function chosenIn(m: unknown): { kind: Kind; fields: Fields } | undefined {
  const rules = (m as Mapping | undefined)?.rules;
  const kind = rules?.length === 1 ? kinds.find((k) => shapes[k].event === rules[0].event) : undefined;
  if (!kind) return undefined;
  const paths = new Set(shapes[kind].fields.map((f) => f.path));
  return { kind, fields: Object.fromEntries(Object.entries(rules![0].fields).filter(([p]) => paths.has(p))) };
}
