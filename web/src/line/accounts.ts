import type { Text } from "../i18n";

// Official accounts and sources of friends as the settings line and line_sources have them (channels/line/settings.go, sources.go).

export interface AccountSettings {
  name: string; title: Text; provider?: string; channel_id?: string; basic_id?: string; login?: string; liff?: string; login_url?: string;
  plan?: string; extra?: number; statistics?: boolean; reserve?: number;
}
export interface SourceSettings { id: string; title: Text; kind: string; store?: string; account?: string }

/** The environment variables of an account's channel access token and channel secret (docs/configuration.md). */
export const secretsOf = (name: string): string[] => {
  const prefix = name === "default" ? "ENISHI_LINE__" : `ENISHI_LINE__ACCOUNTS__${name.toUpperCase()}__`;
  return [prefix + "TOKEN", prefix + "SECRET"];
};
