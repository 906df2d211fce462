import { Anchor, Badge, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { stateColour } from "./words";

/** The audiences that are made of a segment, and the way to another. */
export function OfSegment({ name }: { name: string }) {
  const { t } = useTranslation();
  const all = useApi("/audiences", {}, { staleTime: 10_000 });
  if (!all.data) return null;
  const items = all.data.items.filter((a) => a.body.segment === name);
  return (
    <Group gap="sm">
      <Text size="sm" fw={600}>{t("audiences.ofSegmentPage")}</Text>
      {items.map((a) => <Badge key={a.name} component={Link} to={`/audiences/${a.name}`} variant="light" color={stateColour(a)} style={{ cursor: "pointer" }}>{a.body.title}</Badge>)}
      {items.length === 0 && <Text size="sm" c="dimmed">{t("audiences.ofSegmentNone")}</Text>}
      <Anchor component={Link} to={`/audiences/new?segment=${name}`} size="sm">{t("audiences.ofSegmentMake")}</Anchor>
    </Group>
  );
}
