import { Badge, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { pick } from "../i18n";

/** The segments that name something, as doors. */
export function UsedIn({ names }: { names: string[] }) {
  const { t } = useTranslation();
  const segments = useApi("/segments", {}, { enabled: names.length > 0, staleTime: 60_000 });
  const titles = new Map((segments.data?.items ?? []).map((s) => [s.name, pick(s.title)]));
  if (names.length === 0) return <Text size="xs" c="dimmed">{t("segments.unused")}</Text>;
  return <Group gap={4}>{names.map((n) => <Badge key={n} component={Link} to={`/segments/${n}`} variant="light" style={{ cursor: "pointer" }}>{titles.get(n) || n}</Badge>)}</Group>;
}
