import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";

/** One person by name, mail address, telephone or card; nobody until somebody is chosen. */
export function FindPerson({ label, value, name, onChange, size = "sm", width }: { label: string; value: string; name?: string; onChange: (id: string) => void; size?: string; width?: number | string }) {
  const { t } = useTranslation();
  const [query, setQuery] = useState("");
  const [asked] = useDebouncedValue(query, 200);
  const found = useApi("/people", { query: { limit: 20, q: asked.trim() } }, { placeholderData: keepPreviousData, staleTime: 10_000 });
  const people = new Map((found.data?.items ?? []).map((p) => [p.id, p.name || p.identifiers[0]?.value || t("person.unnamed")]));
  if (value && !people.has(value)) people.set(value, name || t("person.unnamed"));
  return (
    <Select size={size} w={width} label={label} placeholder={t("place.search")} searchable clearable value={value || null} onSearchChange={setQuery} onChange={(v) => onChange(v ?? "")} filter={({ options }) => options} comboboxProps={{ shadow: "md" }} clearButtonProps={{ "aria-label": t("place.clear") }}
      data={[...people].map(([id, label]) => ({ value: id, label }))} nothingFoundMessage={t("nav.nothing")} />
  );
}
