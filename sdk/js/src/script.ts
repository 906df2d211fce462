// What /sdk.js is: reads its options from its own element and makes the calls that the page made before.
//
//   <script>window.enishi = window.enishi || []</script>
//   <script async src="https://ENISHI/sdk.js" data-key="WRITE_KEY"></script>
import "./ecommerce";
import { Client } from "./client";
import type { Options } from "./types";

declare global {
  interface Window {
    enishi?: Client | [string, ...unknown[]][];
  }
}

const element = document.currentScript as HTMLScriptElement | null;
const said = element?.dataset ?? {};
const loaded = window.enishi && "allowed" in window.enishi; // by the same element twice
if (element && !loaded) {
  const waiting = (window.enishi ?? []) as [string, ...unknown[]][];
  const client = new Client({
    writeKey: said.key ?? "",
    host: said.host ?? element.src.replace(/\/sdk(\.js|\/js\/).*$/, ""),
    consent: said.consent as Options["consent"],
    pages: said.pages === "none" ? false : (said.pages as Options["pages"]),
    cookieDomain: said.cookieDomain,
    serverCookie: said.serverCookie !== undefined,
  });
  window.enishi = client;
  client.push(...waiting.slice());
  client.start();
}
