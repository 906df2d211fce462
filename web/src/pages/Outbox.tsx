import { Anchor, Badge, Card, Grid, Group, SegmentedControl, Stack, Table, Tabs, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { useApi } from "../api";
import { Shown } from "../dm/Shown";
import { instant, short } from "../format";
import { pick } from "../i18n";
import { channelColour, channels } from "../parts/channels";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { LineBubbles } from "../parts/LineBubbles";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { Parked } from "../parts/Parked";
import type { LineMessage } from "../types";

export function Outbox() {
  const { t } = useTranslation();
  const { id } = useParams();
  const [params, setParams] = useSearchParams();
  const channel = channels.find((c) => c === params.get("channel"));
  const [text, setText] = useState(params.get("q") ?? "");
  const [query] = useDebouncedValue(text, 200);
  const list = useApi("/outbox", { query: { channel, q: query, limit: 100 } }, { refetchInterval: 3_000, placeholderData: (old) => old });
  const items = list.data?.items ?? [];
  const chosen = id ?? items[0]?.id;
  return (
    <Page title={t("nav.outbox")} about={t("outbox.about")}>
      <DeliveryTabs at="outbox" />
      <Parked />
      {list.error && !list.data && <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      <Group gap="md">
        <SegmentedControl value={channel ?? "all"} onChange={(v) => setParams(v === "all" ? {} : { channel: v })} data={["all", ...channels].map((c) => ({ value: c, label: c === "all" ? t("all") : t(`channel.${c}`) }))} aria-label={t("outbox.channel")} style={{ maxWidth: "100%", overflowX: "auto" }} />
        <TextInput flex={1} miw={200} value={text} onChange={(e) => setText(e.currentTarget.value)} placeholder={t("outbox.search")} aria-label={t("outbox.search")} leftSection={<IconSearch size={16} />} />
      </Group>
      {!list.data && !list.error && <Loading />}
      {list.data && items.length === 0 && <Empty title={t("outbox.none")}>{t("outbox.noneText")}</Empty>}
      {items.length > 0 && (
        <Grid gap="md">
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Card withBorder padding={0}>
              <div style={{ maxHeight: 680, overflowY: "auto" }}>
                {items.map((m) => (
                  <UnstyledButton key={m.id} component={Link} to={`/outbox/${m.id}?${params.toString()}`} display="block" p="md" aria-current={m.id === chosen ? "true" : undefined}
                    style={{ borderBottom: "1px solid var(--mantine-color-default-border)", background: m.id === chosen ? "var(--mantine-color-default-hover)" : undefined }}>
                    <Group justify="space-between" wrap="nowrap" gap="sm">
                      <Group gap="sm" wrap="nowrap" miw={0}><Badge size="sm" variant="light" color={channelColour(m.channel)} style={{ flexShrink: 0 }}>{t(`channel.${m.channel}`)}</Badge><Text size="sm" fw={600} truncate>{m.name || m.to}</Text></Group>
                      <Text size="xs" c="dimmed" className="num">{short(m.at)}</Text>
                    </Group>
                    <Text size="sm" truncate>{m.subject || m.preview}</Text>
                    <Text size="xs" c="dimmed" truncate>{m.subject ? m.preview : pick(m.title)}</Text>
                  </UnstyledButton>
                ))}
              </div>
            </Card>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 7 }}>{chosen && <Message id={chosen} />}</Grid.Col>
        </Grid>
      )}
    </Page>
  );
}

function Message({ id }: { id: string }) {
  const { t } = useTranslation();
  const message = useApi("/outbox/{id}", { path: { id } }, { staleTime: Infinity });
  if (message.error && !message.data) return <ProblemBox error={message.error} />;
  if (!message.data) return <Loading />;
  const m = message.data;
  return (
    <Card withBorder padding="lg">
      <Stack gap={2} mb="md">
        {m.subject && <Text fw={700}>{m.subject}</Text>}
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>{m.profile ? <Anchor component={Link} to={`/people/${m.profile}`} underline="always">{m.name || m.to}</Anchor> : m.name || m.to}{m.channel === "email" ? `　${m.to}` : ""}</Text>
        <Text size="xs" c="dimmed">{instant(m.at)}{m.journey ? <>{t("sep")}<Anchor component={Link} to={`/journeys/${m.journey}`} size="xs" underline="always">{pick(m.title) || m.journey}</Anchor></> : null}</Text>
      </Stack>
      {m.channel === "line" ? (
        <LineBubbles messages={(m.messages ?? []) as LineMessage[]} />
      ) : m.channel !== "email" ? (
        <Shown channel={m.channel} content={m.content} />
      ) : (
        <Tabs defaultValue="html" keepMounted={false}>
          <Tabs.List mb="sm"><Tabs.Tab value="html">{t("outbox.html")}</Tabs.Tab><Tabs.Tab value="text">{t("outbox.text")}</Tabs.Tab><Tabs.Tab value="headers">{t("outbox.headers")}</Tabs.Tab></Tabs.List>
          <Tabs.Panel value="html">
            {m.html ? <iframe title={m.subject || t("outbox.html")} srcDoc={m.html} sandbox="allow-popups allow-popups-to-escape-sandbox" style={{ width: "100%", height: 520, border: "1px solid var(--mantine-color-default-border)", borderRadius: 8, background: "#fff" }} /> : <Text size="sm" c="dimmed">{t("outbox.noHTML")}</Text>}
          </Tabs.Panel>
          <Tabs.Panel value="text"><Text component="pre" size="sm" style={{ whiteSpace: "pre-wrap", fontFamily: "inherit" }}>{m.text}</Text></Tabs.Panel>
          <Tabs.Panel value="headers"><div className="scroll"><Table><Table.Tbody>{(m.headers ?? []).map((h, i) => <Table.Tr key={i}><Table.Td className="mono">{h.name}</Table.Td><Table.Td className="mono">{h.value}</Table.Td></Table.Tr>)}</Table.Tbody></Table></div></Tabs.Panel>
        </Tabs>
      )}
    </Card>
  );
}
