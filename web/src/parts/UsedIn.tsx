import { Badge, Group, Text } from "@mantine/core";
import { IconMail, IconRoute, IconTargetArrow, IconUsersGroup } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { pick } from "../i18n";
import type { SegmentUse } from "../types";

const places = {
  journey: { icon: IconRoute, at: "/journeys/" },
  campaign: { icon: IconMail, at: "/broadcasts/" },
  segment: { icon: IconUsersGroup, at: "/segments/" },
  audience: { icon: IconTargetArrow, at: "/audiences/" },
};

/** What uses a segment, as doors; the mark says what it is. */
export function Uses({ of }: { of: SegmentUse[] }) {
  const { t } = useTranslation();
  if (of.length === 0) return <Text size="xs" c="dimmed">{t("segments.unused")}</Text>;
  return (
    <Group gap={4}>
      {of.map((u) => {
        const { icon: Icon, at } = places[u.kind];
        return <Badge key={u.kind + u.name} component={Link} to={at + u.name} variant="light" color={u.status === "archived" ? "gray" : undefined} style={{ cursor: "pointer" }} tt="none" leftSection={<Icon size={12} role="img" aria-label={t(`segments.use_${u.kind}`)} />} title={t(`segments.use_${u.kind}`)}>{pick(u.title)}</Badge>;
      })}
    </Group>
  );
}

/** The segments that name something, as doors. */
export function UsedIn({ names }: { names: string[] }) {
  const { t } = useTranslation();
  const segments = useApi("/segments", {}, { enabled: names.length > 0, staleTime: 60_000 });
  const titles = new Map((segments.data?.items ?? []).map((s) => [s.name, pick(s.title)]));
  if (names.length === 0) return <Text size="xs" c="dimmed">{t("segments.unused")}</Text>;
  return <Group gap={4}>{names.map((n) => <Badge key={n} component={Link} to={`/segments/${n}`} variant="light" style={{ cursor: "pointer" }}>{titles.get(n) || n}</Badge>)}</Group>;
}
