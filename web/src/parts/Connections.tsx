import { Anchor, Card, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { ago } from "../format";

/** The systems of the configuration that call us; nothing where there are none. */
export function Connections() {
  const { t } = useTranslation();
  const all = useApi("/connections", {}, { refetchInterval: 10_000 });
  const items = all.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Card withBorder padding="md">
      <Text fw={600} size="sm" mb="xs">{t("connection.list")}</Text>
      {items.map((c) => (
        <Group key={c.name} gap="sm">
          <Anchor component={Link} size="sm" to={`/sources/${c.name}`}>{c.name}</Anchor>
          <Text size="sm" c="dimmed">{t(`connection.kind_${c.kind}`)} · {t("connection.last")}: {c.state.last_at ? ago(c.state.last_at) : t("connection.never")}</Text>
        </Group>
      ))}
    </Card>
  );
}
