// Enishi web push for a shop's pages.
//
//   <script src="https://ENISHI/sdk/push.js" data-key="WRITE_KEY"></script>
//   EnishiPush.subscribe({ customer_id: "..." }, "新着のお知らせを受け取る").then(...)   // from a click
//   EnishiPush.unsubscribe()
//
// data-worker is the path of the page's own worker, which takes in /sdk/push-sw.js; default /push-sw.js.
(function () {
  "use strict";
  var script = document.currentScript;
  var base = script.src.replace(/\/sdk\/push\.js.*$/, "");
  var key = script.dataset.key || "";
  var worker = script.dataset.worker || "/push-sw.js";

  function bytes(text) {
    var raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    var out = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  }

  function call(path, body) {
    return fetch(base + path, {
      method: "POST",
      mode: "cors",
      credentials: "omit",
      headers: { "Content-Type": "application/json", Authorization: "Bearer " + key },
      body: JSON.stringify(body),
    }).then(function (r) {
      if (!r.ok) throw new Error("Enishi answered " + r.status);
      return r.json();
    });
  }

  function supported() {
    return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  }

  // subscribe asks for the permission, so it has to be called from a click. person names who it is (customer_id, anonymous_id,
  // ...); text is what the person was shown, kept as evidence.
  function subscribe(person, text) {
    if (!supported()) return Promise.reject(new Error("this browser has no push"));
    return Notification.requestPermission()
      .then(function (p) {
        if (p !== "granted") throw new Error("the permission is " + p);
        return navigator.serviceWorker.register(worker);
      })
      .then(function () {
        return Promise.all([navigator.serviceWorker.ready, fetch(base + "/push/key").then(function (r) { return r.json(); })]);
      })
      .then(function (x) {
        return x[0].pushManager.getSubscription().then(function (old) {
          return old || x[0].pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(x[1].public_key) });
        });
      })
      .then(function (s) {
        return call("/push/subscribe", { subscription: s.toJSON(), person: person || {}, text: text || "", page: location.href });
      });
  }

  function unsubscribe() {
    if (!supported()) return Promise.resolve();
    return navigator.serviceWorker.getRegistration(worker).then(function (r) {
      return r && r.pushManager.getSubscription().then(function (s) {
        return s && call("/push/unsubscribe", { subscription: s.toJSON() }).then(function () { return s.unsubscribe(); });
      });
    });
  }

  window.EnishiPush = { supported: supported, subscribe: subscribe, unsubscribe: unsubscribe };
})();
