import type { TFunction } from "i18next";
import { codes } from "../builder/blocks";
import { language, pick } from "../i18n";
import type { Block, LanguageField } from "../types";

/** A condition in words, as short as a button's: what the blocks of the builder say. */
export function phrase(b: Block, fields: LanguageField[], t: TFunction, list = ""): string {
  const members = (inside = list) => (b.blocks ?? []).map((m) => phrase(m, fields, t, inside)).filter(Boolean);
  switch (b.kind) {
    case "all":
      return members().join(t("build.andShort"));
    case "any":
      return members().join(t("build.orShort"));
    case "none":
      return members().length ? t("build.notAny", { text: members().join(t("build.orShort")) }) : "";
    case "list": {
      const name = pick(fields.find((f) => f.name === b.list)?.label) || (b.list ?? "");
      const where = members(b.list);
      return [name + (where.length ? t("paren", { text: where.join(t("build.andShort")) }) : ""), t(`quantity.${b.quantity}`), b.value].filter(Boolean).join(" ");
    }
    case "text":
      return t("build.written");
  }
  const asked = { in_segment: "segment", in_list: "onlist", top: "top", birthday_within: "birthday" }[b.field ?? ""];
  if (asked) return `${t(`question.${asked}`)} ${t(`question.${asked}_${b.operator}`)}`;
  const field = fields.find((f) => f.name === (list ? `${list}.` : "") + b.field);
  const label = pick(field?.label) || (b.field ?? "").replace(/^[a-z]+\./, "");
  const operator = b.as && ["ago", "date", "calendar", "now"].includes(b.as) && b.operator !== "between" ? t(`timeOperator.${codes[b.operator ?? ""]}_${b.as}`) : t(`operator.${codes[b.operator ?? ""]}`);
  const unit = /^(\d+)([dhm])$/.exec(b.value ?? "");
  const value = b.values?.length ? b.values.join(t("comma")) : b.as === "ago" && unit ? t(`unit.${unit[2]}`, { n: unit[1] }) : b.as === "calendar" ? t(`period.${b.value}`) : (b.value ?? "");
  const parts = language() === "ja" && b.as === "number" ? [label, value, operator] : [label, operator, value];
  return parts.filter(Boolean).join(" ");
}
