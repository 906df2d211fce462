import { expect, test, vi } from "vitest";
import { copied, moved, plain, stepped, toMJML, type MailBlock } from "./blocks";
import { compile } from "./compile";

const look = { ...plain, colour: "#123456", background: "#fedcba", text: "#010203" };
const made = (blocks: Omit<MailBlock, "id">[], language = "ja") => toMJML(blocks.map((b, i) => ({ ...b, id: `b${i}` })), look, language);
const body = (...blocks: Omit<MailBlock, "id">[]) => made(blocks).split("\n").slice(11, -1).join("\n");

test("the head has the look and the language", () => {
  const mjml = made([{ kind: "text", text: "a" }], "en");
  expect(mjml).toMatch(/^<mjml lang="en">/);
  expect(mjml).toContain('<mj-body width="600px" background-color="#fedcba">');
  expect(mjml).toContain('background-color="#123456" color="#ffffff"');
  expect(mjml).toContain('color="#010203"');
});
test("text is text: markup is not taken in, Liquid stays", () => {
  expect(body({ kind: "text", text: '<script>alert("x")</script> & {{ customer.full_name | default: "お客様" }}\n{% if a < b %}c{% endif %}' }))
    .toBe('<mj-section><mj-column>\n<mj-text align="left">&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; {{ customer.full_name | default: "お客様" }}<br>{% if a < b %}c{% endif %}</mj-text>\n</mj-column></mj-section>');
});
test("bold and links of a text", () => {
  expect(body({ kind: "text", text: "**太字**と[こちら](https://shop.example/?a=1&b=2)" })).toContain('<strong>太字</strong>と<a href="https://shop.example/?a=1&amp;b=2" style="color:#123456">こちら</a>');
});
test("an attribute cannot be left", () => {
  const got = body({ kind: "button", text: "買う", href: '{{ links.shop | append: "/x" }}" onclick="alert(1)' }, { kind: "image", src: "https://img.example/a.png", alt: '"><b>', href: "" });
  expect(got).toContain(`href="{{ links.shop | append: '/x' }}&quot; onclick=&quot;alert(1)"`);
  expect(got).toContain('alt="&quot;&gt;&lt;b&gt;" align="center" />');
  expect(got.match(/href=/g)).toHaveLength(1);
});
test("what has nothing to show is left out", () => {
  expect(body({ kind: "image" }, { kind: "shared" })).toBe("<mj-section><mj-column>\n</mj-column></mj-section>");
  expect(body()).toBe("");
});
test("measures are bounded, names are names", () => {
  expect(body({ kind: "spacer", height: 9999 })).toContain('height="200px"');
  expect(body({ kind: "spacer", height: -1 })).toContain('height="4px"');
  expect(body({ kind: "spacer" })).toContain('height="24px"');
  expect(body({ kind: "shared", name: 'foot" %}{{ secrets' })).toContain('{% block "footsecrets" %}');
});
test("columns are a section of their own between the others", () => {
  const columns = [[{ id: "x", kind: "text" as const, text: "左" }], [{ id: "y", kind: "text" as const, text: "右" }]];
  expect(body({ kind: "heading", text: "上" }, { kind: "columns", columns }, { kind: "divider" }).replace(/<h1[^>]*>/, "<h1>").split("\n")).toEqual([
    "<mj-section><mj-column>", '<mj-text align="left" font-size="22px" font-weight="700" line-height="1.5"><h1>上</h1></mj-text>', "</mj-column></mj-section>",
    "<mj-section>", '<mj-column vertical-align="top"><mj-text align="left">左</mj-text></mj-column>', '<mj-column vertical-align="top"><mj-text align="left">右</mj-text></mj-column>', "</mj-section>",
    "<mj-section><mj-column>", "<mj-divider />", "</mj-column></mj-section>"]);
});
test("products of the cart or of the order, the words in the mail's language", () => {
  expect(body({ kind: "products" })).toContain("{% for line in cart.lines limit:10 %}");
  expect(body({ kind: "products", list: "order.lines" })).toContain("{% for line in order.lines limit:10 %}");
  expect(made([{ kind: "footer" }], "ja")).toContain("配信を停止する</a>");
  const english = made([{ kind: "footer" }], "en-GB");
  expect(english).toContain("Unsubscribe</a>");
  expect(english).not.toMatch(/[ぁ-ん一-龠]/);
  for (const owed of ["brand.name", "brand.address", "brand.contact", "links.unsubscribe"]) expect(english).toContain(`{{ ${owed} }}`);
});
test("every kind compiles without a complaint, and Liquid comes through", async () => {
  vi.stubGlobal("window", globalThis); // the compiler is made for browsers
  const columns = [[{ id: "x", kind: "coupon" as const, text: "冬の特典", code: "WINTER" }], [{ id: "y", kind: "products" as const }]];
  const { html, troubles } = await compile(made([{ kind: "heading", text: "見出し" }, { kind: "text", text: "{{ customer.full_name }} 様" }, { kind: "button", text: "買う", href: "{{ links.shop }}" },
    { kind: "image", src: "https://img.example/a.png", alt: "絵", href: "https://shop.example/" }, { kind: "columns", columns }, { kind: "shared", name: "foot" }, { kind: "divider" }, { kind: "spacer", height: 10 }, { kind: "footer" }]));
  expect(troubles).toEqual([]);
  for (const want of ["{{ customer.full_name }} 様", 'href="{{ links.shop }}"', "WINTER", "{% for line in cart.lines limit:10 %}", '{% block "foot" %}', "{{ links.unsubscribe }}", 'lang="ja"']) expect(html).toContain(want);
}, 30_000);
test("a move keeps every block, a copy has an identity of its own", () => {
  const blocks: MailBlock[] = [{ id: "a", kind: "text" }, { id: "c", kind: "columns", columns: [[{ id: "l", kind: "text" }], []] }, { id: "z", kind: "text" }];
  expect(stepped(blocks, "a", 1)[0].columns![0].map((b) => b.id)).toEqual(["a", "l"]);
  expect(moved(blocks, "c", { parent: "c", column: 1, index: 0 })).toBe(blocks);
  expect(moved(blocks, "z", { parent: "", column: 0, index: 0 }).map((b) => b.id)).toEqual(["z", "a", "c"]);
  const copy = copied(blocks[1]);
  expect(copy.id).not.toBe("c");
  expect(copy.columns![0][0].id).not.toBe("l");
});
