import { ActionIcon, Combobox, Group, ScrollArea, Text, useCombobox } from "@mantine/core";
import { IconBraces } from "@tabler/icons-react";
import { createContext, useContext, useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { pick } from "../i18n";
import type { TemplateVariable } from "../types";
import { Loading, ProblemBox } from "./Page";
import { codeOf, grouped } from "./insertable";

/** Whose values are shown beside the variables: the one that the preview is of. */
export const PreviewOf = createContext<{ profile: string; language: "ja" | "en" | "" }>({ profile: "", language: "" });

const emoji = ["✨", "🎁", "🌸", "🛒", "💐", "☀️", "🍁", "❄️", "📦", "💌", "🔔", "✅"];

/** What a text can hold besides words: variables by their meaning, with what the person of the preview has there, and emoji. */
export function Variables({ onPick }: { onPick: (text: string) => void }) {
  const { t } = useTranslation();
  const [query, setQuery] = useState("");
  const box = useCombobox({ onDropdownOpen: () => box.focusSearchInput(), onDropdownClose: () => { box.resetSelectedOption(); setQuery(""); } });
  const submit = (text: string) => { onPick(text); box.closeDropdown(); };
  return (
    <Combobox store={box} position="bottom-end" width={360} withinPortal onOptionSubmit={submit}>
      <Combobox.Target withAriaAttributes={false}><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} aria-label={t("mail.insert")} aria-haspopup="listbox" aria-expanded={box.dropdownOpened} onClick={() => box.toggleDropdown()}><IconBraces size={16} aria-hidden /></ActionIcon></Combobox.Target>
      <Combobox.Dropdown>{box.dropdownOpened && <Choices query={query} search={(q) => { setQuery(q); box.updateSelectedOptionIndex(); }} />}</Combobox.Dropdown>
    </Combobox>
  );
}

function Choices({ query, search }: { query: string; search: (q: string) => void }) {
  const { t } = useTranslation();
  const variables = useApi("/templates/variables", { query: useContext(PreviewOf) }, { staleTime: 30_000 });
  const groups = grouped(variables.data?.items ?? [], query);
  const value = (v: TemplateVariable) => {
    if (v.value === "") return t(v.from === "sender" && v.kind === "url" && v.name.startsWith("links.") ? "variables.later" : "variables.none");
    const shown = v.kind === "list" ? t("variables.rows", { n: v.value }) : v.kind === "truth" ? t(v.value === "true" ? "yes" : "no") : v.value;
    return v.made_up ? t("variables.example", { value: shown }) : shown;
  };
  return (
    <>
      <Combobox.Search value={query} onChange={(e) => search(e.currentTarget.value)} placeholder={t("variables.search")} aria-label={t("variables.search")} />
      {variables.error && !variables.data && <ProblemBox error={variables.error} />}
      {!variables.data && !variables.error && <Loading lines={4} />}
      {variables.data && (
        <ScrollArea.Autosize mah={360} type="auto" viewportProps={{ tabIndex: 0 }}>
          <Combobox.Options aria-label={t("mail.insert")}>
            {groups.map(([group, list]) => (
              <Combobox.Group key={group} label={t(`variable.${group}`)}>
                {list.map((v) => (
                  <Combobox.Option key={v.name} value={codeOf(v)} title={codeOf(v)}>
                    <Group gap="sm" wrap="nowrap" justify="space-between"><Text size="sm" style={{ flexShrink: 0 }} maw={190} truncate>{pick(v.label)}</Text><Text size="xs" c="dimmed" truncate>{value(v)}</Text></Group>
                    <Text size="xs" c="dimmed" className="mono" truncate>{v.name}</Text>
                  </Combobox.Option>
                ))}
              </Combobox.Group>
            ))}
            {query.trim() === "" && <Combobox.Group label={t("mail.emoji")}><div style={{ display: "flex", flexWrap: "wrap" }}>{emoji.map((e) => <Combobox.Option key={e} value={e} px={8}>{e}</Combobox.Option>)}</div></Combobox.Group>}
            {groups.length === 0 && <Combobox.Empty>{t("nav.nothing")}</Combobox.Empty>}
          </Combobox.Options>
        </ScrollArea.Autosize>
      )}
    </>
  );
}
