import { Group, Text, Textarea, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Images } from "../parts/Images";
import { Variables } from "../parts/Variables";

/** Letters as they are written, without what is filled in later. */
export const written = (text: string): string => text.replace(/\{[{%].*?[}%]\}/gs, "");

/** A text with variables, or the address of a picture: it says when it is longer than the channel takes. */
export function Field({ name, label, value, most, onChange, rows = 1, picture = false, hint, placeholder, error }: { name?: string; label: string; value: string; most?: number; onChange: (v: string) => void; rows?: number; picture?: boolean; hint?: ReactNode; placeholder?: string; error?: string }) {
  const { t } = useTranslation();
  const length = [...written(value)].length;
  const over = most !== undefined && length > most;
  const shared = {
    label: <Group gap="xs">{label}{picture ? <Images onPick={onChange} /> : <Variables onPick={(v) => onChange(value + v)} />}</Group>, "aria-label": label, value, placeholder, "data-field": name, error: error ?? (over ? t("dm.over", { n: length, most }) : undefined),
    onChange: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value), inputWrapperOrder: ["label", "input", "description", "error"] as ("label" | "input" | "description" | "error")[],
    description: hint ?? (most !== undefined && length > most * 0.6 && !over ? <Text span size="xs" className="num">{length} / {most}</Text> : undefined),
  };
  return rows > 1 ? <Textarea {...shared} autosize minRows={rows} maxRows={14} /> : <TextInput {...shared} />;
}
