// Browsers may refuse storage (private windows, settings, sandboxes): then values live as long as the page.

const memory = new Map<string, string>();

function storage(kind: "localStorage" | "sessionStorage"): Storage | undefined {
  try {
    return globalThis[kind];
  } catch {
    return undefined;
  }
}

/** Reads a value of localStorage. */
export function read(key: string): string | null {
  try {
    return storage("localStorage")?.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** Writes a value to localStorage, or to memory where that is refused or full. */
export function write(key: string, value: string): void {
  try {
    storage("localStorage")!.setItem(key, value);
    memory.delete(key);
  } catch {
    memory.set(key, value);
  }
}

/** Removes a value. */
export function remove(key: string): void {
  memory.delete(key);
  try {
    storage("localStorage")?.removeItem(key);
  } catch {
    // nothing is there
  }
}

/** The keys of localStorage that begin with prefix. */
export function keys(prefix: string): string[] {
  try {
    return Object.keys(storage("localStorage") ?? {}).filter((k) => k.startsWith(prefix));
  } catch {
    return [];
  }
}

/** A value of this tab. */
export function ofTab(key: string, value?: string): string | null {
  try {
    const s = storage("sessionStorage")!;
    if (value) s.setItem(key, value);
    return s.getItem(key);
  } catch {
    return value ?? null;
  }
}

/** Parses JSON that this script wrote; undefined for anything else. */
export function parse<T>(text: string | null): T | undefined {
  try {
    return text ? (JSON.parse(text) as T) : undefined;
  } catch {
    return undefined;
  }
}

export function readCookie(name: string): string | null {
  try {
    const found = document.cookie.split("; ").find((c) => c.startsWith(name + "="));
    return found ? decodeURIComponent(found.slice(name.length + 1)) : null;
  } catch {
    return null;
  }
}

// 400 days is the most that browsers allow (RFC 6265bis 5.6.1); Safari cuts what a script sets to 7.
const cookieAge = 400 * 24 * 3600;

/** Sets a cookie; an empty value removes it. */
export function writeCookie(name: string, value: string, domain: string): void {
  try {
    document.cookie = `${name}=${encodeURIComponent(value)}; path=/; ${value ? "max-age=" + cookieAge : "expires=Thu, 01 Jan 1970 00:00:00 GMT"}; samesite=lax${domain ? "; domain=" + domain : ""}${location.protocol === "https:" ? "; secure" : ""}`;
  } catch {
    // a document without cookies
  }
}

/** The widest domain for which this page may set cookies: browsers refuse public suffixes such as co.jp, so it is tried. */
export function widestDomain(): string {
  const labels = location.hostname.split(".");
  if (/^[\d.]+$|:/.test(location.hostname)) return "";
  for (let n = 2; n <= labels.length; n++) {
    const domain = labels.slice(-n).join(".");
    writeCookie("enishi_try", "1", domain);
    if (readCookie("enishi_try")) {
      writeCookie("enishi_try", "", domain);
      return domain;
    }
  }
  return "";
}
