// The demo shop speaks to Enishi as any shop would: by the browser SDK and a write key.
const config = await (await fetch("/demo/shop/config.json")).json();
const store = { get: (k, d) => JSON.parse(localStorage.getItem("enishi-demo-" + k) ?? JSON.stringify(d)), set: (k, v) => localStorage.setItem("enishi-demo-" + k, JSON.stringify(v)) };
const uuid = () => crypto.randomUUID();
await new Promise((loaded) => {
  const script = Object.assign(document.createElement("script"), { src: "/sdk.js", onload: loaded, onerror: () => toast("SDK がまだビルドされていません（make sdk）") });
  script.dataset.key = config.write_key;
  document.head.append(script);
});
const enishi = window.enishi;
enishi.on("rejected", (list) => toast("送信できませんでした: " + list[0].reason_ja));
// The shop's own id of this browser, for what it plays besides; the SDK has none while the visitor does not agree.
const visitor = enishi.anonymousId() || (store.get("visitor", null) ?? uuid());
store.set("visitor", visitor);
let user = store.get("user", null);
let cart = store.get("cart", { id: uuid(), lines: [] });

const yen = (n) => "¥" + n.toLocaleString("ja-JP");
function toast(text) {
  const t = document.getElementById("toast");
  t.textContent = text;
  t.classList.add("on");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => t.classList.remove("on"), 2500);
}
const properties = (p, quantity = 1) => ({ product_id: p.id, sku: p.id, name: p.name, category: p.category, brand: p.line, price: String(p.price), currency: "JPY", quantity, url: location.origin + "/demo/shop#" + p.id });
const lines = () => cart.lines.map((l) => ({ product_id: l.id, name: l.name, price: String(l.price), quantity: l.quantity, category: l.category, brand: l.line }));
const total = () => cart.lines.reduce((sum, l) => sum + l.price * l.quantity, 0);

function drawProducts() {
  const main = document.getElementById("products");
  for (const p of config.products) {
    const card = document.createElement("article");
    card.innerHTML = `<button type="button" class="picture"></button><div class="body"><h3></h3><p></p><span class="price"></span><button type="button" class="add">カートに入れる</button></div>`;
    const picture = card.querySelector(".picture");
    picture.style.background = p.colour;
    picture.textContent = "縁";
    picture.setAttribute("aria-label", p.name + "を見る");
    card.querySelector("h3").textContent = p.name;
    card.querySelector("p").textContent = p.text;
    card.querySelector(".price").textContent = yen(p.price) + "（税込）";
    picture.onclick = () => { enishi.productViewed(properties(p)); toast(p.name + " を見ました"); };
    card.querySelector(".add").onclick = () => add(p);
    main.append(card);
  }
}

function add(p) {
  const line = cart.lines.find((l) => l.id === p.id);
  if (line) line.quantity++;
  else cart.lines.push({ id: p.id, name: p.name, price: p.price, category: p.category, line: p.line, quantity: 1 });
  store.set("cart", cart);
  drawCart();
  enishi.productAdded({ ...properties(p), cart_id: cart.id, value: String(total()), cart_url: location.origin + "/demo/shop#cart", products: lines() });
  toast("カートに入れました");
}

function drawCart() {
  document.getElementById("cart-count").textContent = cart.lines.reduce((n, l) => n + l.quantity, 0);
  const list = document.getElementById("cart-lines");
  list.replaceChildren(...cart.lines.map((l) => Object.assign(document.createElement("li"), { textContent: `${l.name} × ${l.quantity}　${yen(l.price * l.quantity)}` })));
  document.getElementById("cart-total").textContent = cart.lines.length ? "合計 " + yen(total()) + "（税込）" : "カートは空です。";
  document.getElementById("buy").disabled = cart.lines.length === 0;
}

async function buy() {
  const id = "DEMO-" + Date.now();
  enishi.checkoutStarted({ cart_id: cart.id, value: String(total()), currency: "JPY" });
  enishi.orderCompleted({ order_id: id, cart_id: cart.id, currency: "JPY", subtotal: String(total()), total: String(total()), payment_method: "card", products: lines() });
  cart = { id: uuid(), lines: [] };
  store.set("cart", cart);
  drawCart();
  document.getElementById("cart").close();
  toast("ご注文ありがとうございます（" + id + "）");
  await enishi.flush();
  await fetch("/demo/shop/ordered", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ order_id: id, user_id: user?.id ?? "", anonymous_id: enishi.anonymousId() }) }).catch(() => {}); // without a connection no parcel comes
}

async function signUp(form) {
  const f = Object.fromEntries(new FormData(form));
  user = { id: "W-" + visitor.slice(0, 8), email: f.email, name: f.family_name + " " + f.given_name };
  store.set("user", user);
  let line = "";
  if (f.line) {
    const answer = await fetch("/demo/shop/follow", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: f.family_name + " " + f.given_name, user_id: user.id }) });
    if (answer.ok) line = (await answer.json()).line_user_id;
  }
  const traits = { email: f.email, family_name: f.family_name, given_name: f.given_name, family_name_kana: f.family_name_kana, given_name_kana: f.given_name_kana, language: "ja", consent: { email: { state: f.mail ? "in" : "out", method: "form:signup", text: "お得な情報をメールで受け取る" } } };
  if (line) traits.line_user_id = line; // the friendship itself comes by LINE's webhook
  enishi.identify(user.id, traits);
  enishi.signedUp({ method: "email" });
  toast("登録しました。ようこそ、" + f.family_name + " 様");
}

// The visitor acts on Instagram or Messenger: the simulator tells the shop by a webhook, as the platform would.
async function chat(mention) {
  const form = document.querySelector("#chat form");
  const f = Object.fromEntries(new FormData(form));
  const result = document.getElementById("chat-result");
  const answer = await fetch("/demo/shop/chat", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ platform: f.platform, name: f.name, text: f.text, mention, visitor_id: visitor, user_id: user?.id ?? "" }) });
  result.textContent = !answer.ok ? await answer.text() : mention ? "メンションしました。お礼の DM（30 日に一度まで）が送信箱に届きます。" : "送りました。";
}

const chatDialog = document.getElementById("chat");
const platform = chatDialog.querySelector("[name=platform]");
platform.onchange = () => { document.getElementById("mention").disabled = platform.value !== "instagram"; };
document.getElementById("open-chat").hidden = !config.chat;
document.getElementById("open-chat").onclick = () => {
  chatDialog.querySelector("[name=name]").value ||= store.get("user", null)?.name ?? "縁野 花";
  document.getElementById("chat-result").textContent = "";
  chatDialog.showModal();
};
document.getElementById("say").onclick = () => chat(false);
document.getElementById("mention").onclick = () => chat(true);
document.getElementById("open-signup").onclick = () => {
  const dialog = document.getElementById("signup");
  dialog.querySelector("[name=email]").value ||= "hana." + visitor.slice(0, 6) + "@mail.example";
  dialog.showModal();
};
document.getElementById("signup").addEventListener("close", (e) => { if (e.target.returnValue === "ok") signUp(e.target.querySelector("form")); });
document.getElementById("open-cart").onclick = () => { drawCart(); enishi.cartViewed({ cart_id: cart.id, value: String(total()) }); document.getElementById("cart").showModal(); };
document.getElementById("close-cart").onclick = () => document.getElementById("cart").close();
document.getElementById("buy").onclick = buy;
function drawConsent() {
  document.getElementById("consent").textContent = enishi.allowed() ? "この端末からの送信を止める" : "この端末からの送信を再開する";
}
document.getElementById("consent").onclick = () => {
  if (enishi.allowed()) enishi.optOut();
  else enishi.optIn();
  drawConsent();
  toast(enishi.allowed() ? "送信を再開しました" : "送信を止めました");
};
drawConsent();
drawProducts();
drawCart();
