import { ActionIcon, Menu, ScrollArea, Text } from "@mantine/core";
import { IconBraces } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

const variables = { customer: ["salutation", "family_name", "given_name", "points", "member_rank"], links: ["shop", "cart", "tracking", "review", "unsubscribe"], order: ["order_id", "total"], cart: ["value", "items"], brand: ["name", "url"] } as const;
const emoji = ["✨", "🎁", "🌸", "🛒", "💐", "☀️", "🍁", "❄️", "📦", "💌", "🔔", "✅"];

/** What a text can hold besides words: variables by their meaning, and emoji. */
export function Variables({ onPick, plain = false }: { onPick: (text: string) => void; plain?: boolean }) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} aria-label={t("mail.insert")}><IconBraces size={16} aria-hidden /></ActionIcon></Menu.Target>
      <Menu.Dropdown>
        <ScrollArea.Autosize mah={320}>
          {!plain && <Menu.Label>{t("mail.emoji")}</Menu.Label>}
          {!plain && <div style={{ display: "flex", flexWrap: "wrap", maxWidth: 230 }}>{emoji.map((e) => <Menu.Item key={e} w={38} px={8} onClick={() => onPick(e)}>{e}</Menu.Item>)}</div>}
          {Object.entries(variables).map(([group, names]) => (
            <div key={group}>
              <Menu.Label>{t(`variable.${group}`)}</Menu.Label>
              {names.map((n) => <Menu.Item key={n} onClick={() => onPick(`{{ ${group}.${n} }}`)}><Text size="sm">{t(`variable.${group}_${n}`)}</Text><Text size="xs" c="dimmed" className="mono">{`{{ ${group}.${n} }}`}</Text></Menu.Item>)}
            </div>
          ))}
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  );
}
