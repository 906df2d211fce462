import { Anchor, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { count } from "../format";
import { ProblemBox } from "./Page";

/** Mail domains that are a slip of the finger away from one that many have. Without any, nothing is shown. */
export function Mistyped() {
  const { t } = useTranslation();
  const list = useApi("/identity/mistyped", {}, { staleTime: 30_000 });
  const items = list.data?.items;
  if (!list.error && !items?.length) return null;
  return (
    <Stack gap="sm" id="mistyped">
      <Title order={2}>{t("mistyped.title")}</Title>
      <Text size="sm" c="dimmed">{t("mistyped.text")}</Text>
      {list.error && !items && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {items?.map((x) => (
        <Card key={x.domain} withBorder padding="md" component="article">
          <Text fw={600} style={{ overflowWrap: "anywhere" }}>{t("mistyped.row", { domain: x.domain, meant: x.meant, n: count(x.count) })}</Text>
          <Group gap="sm" mt={4}>
            {x.people.map((p) => <Anchor key={p.id} component={Link} to={`/people/${p.id}`} size="sm">{p.name || t("person.unnamed")}</Anchor>)}
            {x.others > 0 && <Text size="sm" c="dimmed">{t("identity.others", { n: count(x.others) })}</Text>}
          </Group>
        </Card>
      ))}
      {(list.data?.total ?? 0) > (items?.length ?? 0) && <Text size="sm" c="dimmed">{t("identity.moreFindings")}</Text>}
    </Stack>
  );
}
