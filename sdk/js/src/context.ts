import { ofTab, parse, read, write } from "./storage";
import type { Json } from "./types";

/** Parameters by which advertising systems tell a click, as they stand in the address. */
const clickIds = ["gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "yclid", "yj_r", "ldtag_cl", "li_fat_id", "ScCid", "epik", "rdt_cid", "kkclid"];

const sessionKey = "enishi_session";
const sessionIdle = 30 * 60_000;

interface Session {
  id: string;
  at: number;
  campaign?: Json;
  clickIds?: Json;
}

export const uuid = (): string =>
  globalThis.crypto?.randomUUID?.() ??
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) => (+c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (+c / 4)))).toString(16)); // pages without https have no randomUUID

/** The session: over after 30 minutes without an event. A campaign or click id in the address stays with it until the next. */
export function session(search: string, now: number): Session {
  let s = parse<Session>(read(sessionKey));
  if (!s || !(now - s.at < sessionIdle)) s = { id: uuid(), at: now };
  s.at = now;
  const params = new URLSearchParams(search);
  const campaign: Json = {};
  params.forEach((v, k) => {
    if (k.startsWith("utm_") && v) campaign[k === "utm_campaign" ? "name" : k.slice(4)] = v;
  });
  const clicks: Json = {};
  for (const k of clickIds) {
    const v = params.get(k);
    if (v) clicks[k] = v;
  }
  if (Object.keys(campaign).length || Object.keys(clicks).length) {
    s.campaign = campaign;
    s.clickIds = clicks;
  }
  write(sessionKey, JSON.stringify(s));
  return s;
}

/** What marks an automatic browser: it says so itself, or its name does. */
export function isBot(): boolean {
  return navigator.webdriver === true || /bot\b|crawl|spider|slurp|headless|lighthouse|pagespeed|phantomjs|puppeteer|playwright/i.test(navigator.userAgent.replace(/cubot/i, "")); // Cubot makes telephones
}

/** The code of the live view "my browser now", which an address with ?enishi_debug=CODE turns on for this tab. */
export function debugCode(): string | null {
  return ofTab("enishi_debug", new URLSearchParams(location.search).get("enishi_debug") ?? undefined);
}

/** The context of an event on this page. */
export function contextOf(referrer: string, now: number): Json {
  const s = session(location.search, now);
  const context: Json = {
    library: { name: "@enishi/sdk" },
    page: { url: location.href, path: location.pathname, search: location.search, title: document.title, referrer },
    userAgent: navigator.userAgent,
    locale: navigator.language,
    sessionId: s.id,
  };
  if (zone()) context.timezone = zone();
  if (s.campaign && Object.keys(s.campaign).length) context.campaign = s.campaign;
  if (s.clickIds && Object.keys(s.clickIds).length) context.clickIds = s.clickIds;
  if (isBot()) context.bot = true;
  const code = debugCode();
  if (code) context.debug = code;
  return context;
}

export function zone(): string {
  try {
    return Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  } catch {
    return "";
  }
}

// Zones outside of Europe/ whose people the GDPR protects, and zones of Europe/ whose people neither it nor the laws of the United
// Kingdom and Switzerland do.
const inside = /^(Atlantic\/(Azores|Canary|Faroe|Madeira|Reykjavik)|Asia\/(Famagusta|Nicosia)|Arctic\/Longyearbyen|Africa\/Ceuta|America\/(Cayenne|Guadeloupe|Marigot|Martinique|St_Barthelemy)|Indian\/(Mayotte|Reunion))$/;
const outside = /^Europe\/(Astrakhan|Chisinau|Istanbul|Kaliningrad|Kiev|Kirov|Kyiv|Minsk|Moscow|Samara|Saratov|Simferopol|Tirane|Tiraspol|Ulyanovsk|Uzhgorod|Volgograd|Zaporozhye|Belgrade|Sarajevo|Skopje|Podgorica)$/;

/** Whether visitors of a time zone have to be asked before anything is stored: EEA, United Kingdom, Switzerland. */
export function asksFirst(timeZone: string): boolean {
  return inside.test(timeZone) || (timeZone.startsWith("Europe/") && !outside.test(timeZone));
}
