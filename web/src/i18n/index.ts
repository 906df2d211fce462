import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./en.json";
import ja from "./ja.json";

export const languages = ["ja", "en"] as const;
export type Language = (typeof languages)[number];

const remembered = () => {
  try {
    return localStorage.getItem("enishi-language");
  } catch {
    return null;
  }
};

// Japanese first: English only for those who chose it or whose browser asks for it and not for Japanese.
function first(): Language {
  const asked = new URLSearchParams(location.search).get("lang") ?? remembered();
  if (asked === "en" || asked === "ja") return asked;
  return navigator.languages.some((l) => l.startsWith("ja")) || !navigator.language.startsWith("en") ? "ja" : "en";
}

void i18next.use(initReactI18next).init({
  lng: first(),
  fallbackLng: false,
  resources: { ja: { translation: ja }, en: { translation: en } },
  interpolation: { escapeValue: false },
  returnNull: false,
});
document.documentElement.lang = i18next.language;

export function setLanguage(l: Language) {
  try {
    localStorage.setItem("enishi-language", l);
  } catch {
    // private windows: the choice lasts as long as the page
  }
  document.documentElement.lang = l;
  void i18next.changeLanguage(l);
}

export const language = (): Language => (i18next.language === "en" ? "en" : "ja");

/** A text that the server sends in both languages. */
export interface Text {
  ja: string;
  en: string;
}
export const pick = (t: Text | undefined | null): string => (t ? t[language()] || t.ja || t.en : "");
/** A text with what was typed in the language of the page; the other language keeps what it had, or takes the same. */
export const both = (typed: string, before?: Text): Text => ({ ja: before?.ja || typed, en: before?.en || typed, [language()]: typed });
/** Who did something: a token's name, or the one who sits at the machine. */
export const actor = (name: string): string => (name === "local" ? i18next.t("local") : name);
/** Parts of a line, as the language puts them together: 甲・乙 and a · b. */
export const joined = (parts: (string | undefined | null | false)[]): string => parts.filter(Boolean).join(i18next.t("sep"));
/** Sentences one after another: Japanese ones without a space. */
export const sentences = (...parts: string[]): string => parts.filter(Boolean).join(language() === "ja" ? "" : " ");
export default i18next;
