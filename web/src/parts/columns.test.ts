import { expect, test } from "vitest";
import { chosenIn, columnOf, guess, lacking, likely, mappingOf, ofColumn, shapes } from "./columns";

const title = { ja: "受注", en: "Orders" };

test("columns of a shop are recognised and become a mapping", () => {
  const header = ["注文番号", "注文日時", "メールアドレス", "姓", "名", "合計", "支払方法", "商品コード", "数量", "単価", "備考"];
  expect(likely(header)).toBe("orders");
  const f = guess("orders", header);
  expect(f).toMatchObject({ "order.order_id": 'row["注文番号"]', occurred_at: 'row["注文日時"]', "person.traits.given_name": 'row["名"]', "order.payment_method": 'payment(row["支払方法"])' });
  expect(lacking("orders", f)).toEqual([]);
  expect(mappingOf("orders", f, title).rules[0]).toMatchObject({ event: "order.placed", group: 'row["注文番号"]' });
  expect(chosenIn(mappingOf("orders", f, title))).toEqual({ kind: "orders", fields: f });
});
test("a receipt is known by its till, and a longer one is newer", () => {
  const f = guess("receipts", ["店舗", "レジ", "営業日", "レシート番号", "日時", "会員番号", "金額"]);
  const [rule] = mappingOf("receipts", f, title).rules;
  expect(rule.group).toBe('join([row["店舗"], row["レジ"], dateText(row["営業日"], "YYYY-MM-DD"), row["レシート番号"]], ":")');
  expect(rule.fields["order.order_id"]).toBe(rule.group);
  expect(rule.fields["order.version"]).toBe('date(row["日時"]).UnixMilli() + len(rows)');
});
test("what is missing is named, who it is once", () => {
  expect(lacking("orders", {}).map((f) => f.key)).toEqual(["order", "at", "customer"]);
  expect(lacking("points", { occurred_at: "x", "points.amount": "1", "person.pos_card": "x" })).toEqual([]);
});
test("a column whose name has quotes is still that column", () => {
  const [f] = shapes.orders.fields;
  const c = 'the "number"';
  expect(columnOf(f, ofColumn(f, c), ["a", c])).toBe(c);
  expect(columnOf(f, `${ofColumn(f, c)} + "-1"`, ["a", c])).toBeUndefined();
});
test("a file of products needs the product and nobody", () => {
  const header = ["商品コード", "商品名", "販売価格", "通常価格", "在庫数", "カテゴリ"];
  expect(likely(header)).toBe("products");
  const f = guess("products", header);
  expect(f).toMatchObject({ product_id: 'row["商品コード"]', price: 'row["販売価格"]', compare_at_price: 'row["通常価格"]', stock: 'row["在庫数"]' });
  expect(lacking("products", f)).toEqual([]);
  expect(lacking("products", {}).map((x) => x.key)).toEqual(["product"]);
  expect(mappingOf("products", f, title).rules[0]).toMatchObject({ event: "catalogue.update" });
  expect(likely(["id", "name", "email"])).toBe("people");
});
