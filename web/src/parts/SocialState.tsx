import { Badge, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { short } from "../format";
import { joined } from "../i18n";
import type { SocialChat } from "../types";
import { Loading, ProblemBox } from "./Page";

/** The person's conversations by Messenger and Instagram: until when a message may leave, what they opted in to, what came and went last. */
export function SocialState({ id }: { id: string }) {
  const { t } = useTranslation();
  const state = useApi("/people/{id}/social", { path: { id } }, { refetchInterval: 10_000 });
  const s = state.data;
  return (
    <Card withBorder padding="lg" component="section" aria-labelledby="social-state">
      <Title order={2} mb="sm" id="social-state">{t("socialState.title")}</Title>
      {!s && (state.error ? <ProblemBox error={state.error} /> : <Loading lines={2} />)}
      {s?.chats.length === 0 && <Text size="sm" c="dimmed">{t("socialState.none")}</Text>}
      {s && s.chats.length > 0 && (
        <Stack gap="md">
          {s.chats.map((c) => <Chat key={c.account} chat={c} />)}
          <div>
            <Line label={t("socialState.sent")} value={short(s.last_sent_at)} />
            <Line label={t("socialState.read")} value={short(s.last_read_at)} />
          </div>
        </Stack>
      )}
    </Card>
  );
}

function Chat({ chat: c }: { chat: SocialChat }) {
  const { t } = useTranslation();
  const name = t(`socialState.${c.platform}`, { defaultValue: c.platform });
  const window = c.open ? t("socialState.until", { at: short(c.window_until) }) : c.window_until ? t("socialState.closed", { at: short(c.window_until) }) : t("socialState.never");
  return (
    <div>
      <Group justify="space-between" gap="sm">
        <Text size="sm" fw={600}>{c.account === "default" ? name : joined([name, c.account])}</Text>
        <Badge variant="light" color={c.unreachable ? "red" : c.open ? "teal" : "gray"}>{c.unreachable ? t("socialState.gone") : c.open ? t("socialState.open") : t("socialState.shut")}</Badge>
      </Group>
      <Text size="sm">{window}</Text>
      <Line label={t("socialState.acted")} value={short(c.last_action_at)} />
      {c.permits.map((m) => (
        <Group key={m.topic + m.since} justify="space-between" gap="sm" mt={4} align="flex-start">
          <Text size="xs" c="dimmed">{t("socialState.permit")}{m.topic && t("paren", { text: m.topic })}</Text>
          <Text size="sm">{m.valid ? (m.expires_at ? t("socialState.ends", { at: short(m.expires_at) }) : t("socialState.endless")) : m.stopped_at ? t("socialState.stopped", { at: short(m.stopped_at) }) : t("socialState.expired", { at: short(m.expires_at) })}</Text>
        </Group>
      ))}
    </div>
  );
}

function Line({ label, value }: { label: string; value: string }) {
  return (
    <Group justify="space-between" gap="sm">
      <Text size="xs" c="dimmed">{label}</Text>
      <Text size="sm" className="num">{value}</Text>
    </Group>
  );
}
