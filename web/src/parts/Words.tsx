import { Anchor, Badge, Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { count } from "../format";
import { pick } from "../i18n";
import { Loading, ProblemBox } from "./Page";

/** The lists of words that the check before sending looks for. */
export function Words() {
  const { t } = useTranslation();
  const words = useApi("/templates/words", {});
  if (words.error && !words.data) return <ProblemBox error={words.error} retry={() => void words.refetch()} />;
  if (!words.data) return <Loading />;
  return (
    <Stack gap="md">
      <Group justify="space-between"><Text size="sm" c="dimmed" maw={720}>{t("content.wordsAbout")}</Text><Button size="xs" variant="default" component={Link} to="/content/words/new">{t("words.new")}</Button></Group>
      {words.data.items.map((l) => (
        <Card key={l.name} withBorder padding="lg">
          <Group gap="sm"><Title order={2}><Anchor component={Link} to={`/content/words/${l.name}`} inherit>{pick(l.title) || l.name}</Anchor></Title><Badge variant="light" color="gray">{t("content.nWords", { n: count(l.words.length) })}</Badge><Badge variant="light" color={l.version ? "enji" : "gray"}>{t(l.version ? "words.own" : "words.shipped")}</Badge></Group>
          <Text size="sm">{t(`wordsUse.${l.use}`)}</Text>
          <Text size="sm" c="dimmed" lineClamp={1}>{l.words.slice(0, 8).map((w) => w.word).filter(Boolean).join(t("sep"))}</Text>
          <Group gap="sm" mt="sm"><Text size="xs" c="dimmed">{t("words.usedIn")}</Text><UsedInTemplates names={l.used_in} /></Group>
        </Card>
      ))}
    </Stack>
  );
}

/** Templates by their titles, as doors. */
export function UsedInTemplates({ names }: { names: string[] }) {
  const { t } = useTranslation();
  const templates = useApi("/templates", {}, { enabled: names.length > 0, staleTime: 60_000 });
  const titles = new Map((templates.data?.items ?? []).map((x) => [x.name, pick(x.title)]));
  if (names.length === 0) return <Text size="xs" c="dimmed">{t("words.unused")}</Text>;
  return <Group gap={4}>{names.slice(0, 20).map((n) => <Badge key={n} component={Link} to={`/content/${n}`} variant="light" color="gray" style={{ cursor: "pointer" }}>{titles.get(n) || n}</Badge>)}{names.length > 20 && <Text size="xs">{t("words.moreTemplates", { n: count(names.length - 20) })}</Text>}</Group>;
}
