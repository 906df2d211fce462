import { Alert, Badge, Card, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { day, instant } from "../format";
import i18next, { actor, joined } from "../i18n";
import type { Permission } from "../types";
import { Empty, Loading, ProblemBox } from "./Page";
import { methodOf, permissionColour } from "./permission";

/** メール（販促・新商品): what a permission is for. */
export function permitted(channel: string, purpose: string): string {
  const [kind, topic] = purpose.split(":");
  return i18next.t(`channel.${channel}`, { defaultValue: channel }) + i18next.t("paren", { text: joined([i18next.t(`purpose.${kind}`, { defaultValue: kind }), topic]) });
}

/** Every word on a permission, with the evidence for it: when, how, by which words. What the law asks for when somebody complains. */
export function Permissions({ id }: { id: string }) {
  const { t } = useTranslation();
  const list = useApi("/people/{id}/consents", { path: { id } }, { refetchInterval: 10_000 });
  const items = list.data?.items;
  if (list.error && !items) return <ProblemBox error={list.error} retry={() => void list.refetch()} />;
  if (!items) return <Loading />;
  if (items.length === 0) return <Empty title={t("person.noConsents")}>{t("permission.noneText")}</Empty>;
  const erased = items.find((x) => x.erased_at)?.erased_at;
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">{t("permission.about")}</Text>
      {erased && <Alert color="gray" p="sm">{t("permission.erased", { at: day(erased) })}</Alert>}
      {items.map((x) => <Word key={x.event_id + x.channel + x.purpose} x={x} />)}
    </Stack>
  );
}

function Word({ x }: { x: Permission }) {
  const { t } = useTranslation();
  const { kind, name, version } = methodOf(x.method);
  const how = kind === "" ? t("permission.how_unknown") : t(`permission.how_${kind}`, { defaultValue: x.method });
  return (
    <Card withBorder padding="md" component="article" data-permission={x.state}>
      <Group justify="space-between" gap="sm" mb={4}>
        <Group gap="sm"><Badge variant="light" color={permissionColour(x.state)}>{t(`permission.${x.state}`)}</Badge><Text size="sm" fw={600}>{joined([permitted(x.channel, x.purpose), x.account])}</Text></Group>
        <Text size="xs" c="dimmed" className="num">{instant(x.at)}</Text>
      </Group>
      <Text size="sm">{how}{name && t("paren", { text: joined([name, version && t("permission.version", { v: version })]) })}</Text>
      {x.text && <Text size="sm" mt={4} pl="sm" style={{ borderLeft: "3px solid var(--mantine-color-default-border)", overflowWrap: "anywhere" }}>{x.text}</Text>}
      <Text size="xs" c="dimmed" mt={4} style={{ overflowWrap: "anywhere" }}>{joined([x.actor && t("permission.by", { who: actor(x.actor) }), x.ip && t("permission.ip", { ip: x.ip }), x.source && t("permission.source", { source: x.source })])}</Text>
    </Card>
  );
}
