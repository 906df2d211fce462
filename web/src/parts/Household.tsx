import { Anchor, Card, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { joined, pick } from "../i18n";
import { ProblemBox } from "./Page";

/** Who shares a postal address or a phone with the person: relations and flatmates, not the same person. Nothing is shown for who lives alone. */
export function Household({ id }: { id: string }) {
  const { t } = useTranslation();
  const list = useApi("/people/{id}/household", { path: { id } }, { staleTime: 30_000 });
  if (!list.error && !list.data?.items.length) return null;
  return (
    <Card withBorder padding="lg" id="household">
      <Title order={2} mb="sm">{t("household.title")}</Title>
      {list.error && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      <Stack gap={4}>
        {list.data?.items.map((x) => (
          <div key={x.id}>
            <Anchor component={Link} size="sm" to={`/people/${x.id}`}>{x.name || x.kana || t("person.unnamed")}</Anchor>
            <Text size="xs" c="dimmed">{joined(x.via.map(pick))}</Text>
          </div>
        ))}
      </Stack>
      <Text size="xs" c="dimmed" mt="sm">{t("household.text")}</Text>
    </Card>
  );
}
