// Service worker of Enishi's web push: shows what comes in, opens its address on a click, and tells what became of it.
// A page's own worker takes it in by importScripts("https://ENISHI/sdk/push-sw.js").
"use strict";

// tell reports shown, clicked or closed; a report that is lost loses a number, not a notification.
function enishiTell(report, what) {
  if (!report) return Promise.resolve();
  return fetch(report + "?e=" + what, { method: "POST", mode: "cors", credentials: "omit", keepalive: true }).catch(function () {});
}

self.addEventListener("push", function (event) {
  var m = {};
  try {
    m = event.data ? event.data.json() : {};
  } catch (e) {
    m = {};
  }
  if (!m.title) return;
  var options = { body: m.body || "", tag: m.tag || "", data: { url: m.url || "", report: m.report || "", data: m.data || {} } };
  ["icon", "badge", "image"].forEach(function (k) {
    if (m[k]) options[k] = m[k];
  });
  event.waitUntil(
    self.registration.showNotification(m.title, options).then(function () {
      return enishiTell(m.report, "shown");
    })
  );
});

self.addEventListener("notificationclick", function (event) {
  var d = event.notification.data || {};
  event.notification.close();
  // The address is tracked: following it tells the click. Without one the report does.
  var work = d.url ? self.clients.openWindow(d.url) : enishiTell(d.report, "clicked");
  event.waitUntil(work);
});

self.addEventListener("notificationclose", function (event) {
  event.waitUntil(enishiTell((event.notification.data || {}).report, "closed"));
});
