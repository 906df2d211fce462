import { Anchor, Badge, Button, Card, Group, SegmentedControl, Stack, Table, Tabs, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { short } from "../format";
import { joined, pick } from "../i18n";
import { Brand } from "../parts/Brand";
import { channelColour, channels } from "../parts/channels";
import { NewTemplate } from "../parts/NewTemplate";
import { NoEmoji } from "../parts/NoEmoji";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { SharedBlocks } from "../parts/SharedBlocks";
import { Words } from "../parts/Words";

const tabs = ["templates", "blocks", "brand", "words"] as const;

/** What is said to people: templates, shared parts, the brand kit, the words that need care. */
export function Content() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const [making, setMaking] = useState(false);
  const tab = tabs.find((x) => x === params.get("tab")) ?? "templates";
  return (
    <Page title={t("nav.content")} about={t("content.about")} actions={<Button size="xs" onClick={() => setMaking(true)}>{t("content.new")}</Button>}>
      <Tabs value={tab} onChange={(v) => setParams(v === "templates" || !v ? {} : { tab: v })} keepMounted={false}>
        <Tabs.List mb="md">{tabs.map((x) => <Tabs.Tab key={x} value={x}>{t(`content.tab_${x}`)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="templates"><Templates make={() => setMaking(true)} /></Tabs.Panel>
        <Tabs.Panel value="blocks"><SharedBlocks /></Tabs.Panel>
        <Tabs.Panel value="brand"><Stack gap="md"><Brand /><NoEmoji /></Stack></Tabs.Panel>
        <Tabs.Panel value="words"><Words /></Tabs.Panel>
      </Tabs>
      {making && <NewTemplate close={() => setMaking(false)} />}
    </Page>
  );
}

function Templates({ make }: { make: () => void }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const [query, setQuery] = useState("");
  const channel = params.get("channel") ?? "all";
  const templates = useApi("/templates", {});
  const journeys = useApi("/journeys", {}, { staleTime: 60_000 });
  const titles = new Map((journeys.data?.items ?? []).map((j) => [j.name, pick(j.title)]));
  const items = templates.data?.items ?? [];
  const fold = (s: string) => s.normalize("NFKC").toLowerCase();
  const shown = items.filter((x) => (channel === "all" || x.channel === channel) && [x.name, x.title.ja, x.title.en].some((s) => fold(s).includes(fold(query.trim()))));
  if (templates.error && !templates.data) return <ProblemBox error={templates.error} retry={() => void templates.refetch()} />;
  if (!templates.data) return <Loading />;
  if (items.length === 0) return <Empty title={t("content.none")} action={<Button onClick={make}>{t("content.new")}</Button>}>{t("content.noneText")}</Empty>;
  return (
    <Stack gap="md">
      <Group gap="md">
        <SegmentedControl value={channel} onChange={(v) => setParams(v === "all" ? {} : { channel: v }, { replace: true })} data={["all", ...channels].map((c) => ({ value: c, label: c === "all" ? t("all") : t(`channel.${c}`) }))} aria-label={t("outbox.channel")} style={{ maxWidth: "100%", overflowX: "auto" }} />
        <TextInput flex={1} miw={200} value={query} onChange={(e) => setQuery(e.currentTarget.value)} placeholder={t("content.search")} aria-label={t("content.search")} leftSection={<IconSearch size={16} aria-hidden />} />
      </Group>
      {shown.length === 0 && <Empty title={t("nav.nothing")} />}
      {shown.length > 0 && (
        <Card withBorder padding={0}><div className="scroll">
          <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
            <Table.Thead><Table.Tr><Table.Th>{t("content.name")}</Table.Th><Table.Th>{t("outbox.channel")}</Table.Th><Table.Th>{t("content.purpose")}</Table.Th><Table.Th>{t("nav.language")}</Table.Th><Table.Th>{t("content.usedIn")}</Table.Th><Table.Th>{t("updated")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {shown.map((x) => (
                <Table.Tr key={x.name}>
                  <Table.Td miw={200}><Anchor component={Link} to={`/content/${x.name}`} fw={600}>{pick(x.title) || x.name}</Anchor></Table.Td>
                  <Table.Td><Badge variant="light" color={channelColour(x.channel)}>{t(`channel.${x.channel}`)}</Badge></Table.Td>
                  <Table.Td>{t(`purpose.${x.purpose}`)}</Table.Td>
                  <Table.Td>{joined(x.languages.map((l) => t(`languageName.${l}`, { defaultValue: l })))}</Table.Td>
                  <Table.Td>{x.used_in.length === 0 ? <Text size="xs" c="dimmed">{t("segments.unused")}</Text> : <Group gap={4}>{x.used_in.map((j) => <Badge key={j} component={Link} to={`/journeys/${j}`} variant="light" color="gray" style={{ cursor: "pointer" }}>{titles.get(j) || j}</Badge>)}</Group>}</Table.Td>
                  <Table.Td className="num">{short(x.updated_at)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div></Card>
      )}
    </Stack>
  );
}
