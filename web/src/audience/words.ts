import type { TFunction } from "i18next";
import { joined } from "../i18n";
import type { Audience, AudienceBody } from "../types";

export const uses = ["include", "exclude", "seed", "value"] as const;
export const pauses = ["15m", "30m", "1h", "3h", "6h", "12h", "24h"];
/** What people are matched by unless somebody chooses, as the server has it. */
const usual = ["email", "phone", "line"];
/** Of those, what a platform takes; of a platform that takes none of them, all that it takes. */
export const usualKeys = (takes: string[]): string[] => (takes.some((k) => usual.includes(k)) ? takes.filter((k) => usual.includes(k)) : takes);

/** A permission in words: ads.marketing. */
export function permissionWords(t: TFunction, consent: string): string {
  const [channel, purpose = ""] = consent.split(".");
  return joined([t(`channel.${channel}`, { defaultValue: channel }), t(`purpose.${purpose}`, { defaultValue: purpose })]);
}

export const scheduleWords = (t: TFunction, b: AudienceBody): string => (b.daily ? t("audiences.dailyAt", { at: b.daily }) : everyWords(t, b.every || "1h"));
export const everyWords = (t: TFunction, every: string): string => (pauses.includes(every) ? t(`audiences.every_${every}`) : t("audiences.every_other", { every }));

export const stateColour = (a: Audience): string => (a.state === "problem" ? (a.problem?.class === "retry" || a.problem?.class === "rate" ? "orange" : "red") : { new: "blue", working: "blue", done: "teal", upload: "orange", paused: "gray" }[a.state]);

const ownFixes = ["too_small", "sensitive", "segment", "account", "budget", "destination"];
/** What can be done about a problem. */
export const fixWords = (t: TFunction, p: { class: string; code?: string }): string => t(`audiences.fix_${p.code && ownFixes.includes(p.code) ? p.code : p.class}`);
