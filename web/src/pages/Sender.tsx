import { Alert, Badge, Button, Card, Code, Group, Select, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useApi } from "../api";
import { pick } from "../i18n";
import { Copied } from "../parts/Copied";
import { DeliveryTabs } from "../parts/DeliveryTabs";
import { Loading, Page, ProblemBox } from "../parts/Page";

// What is not known is never green.
const colour = { ok: "teal", missing: "red", wrong: "red", confirm: "blue", optional: "gray", unknown: "orange" } as const;

/** What a mail sender owes before receivers trust it: DNS records to set, as they stand now. */
export function Sender() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const accounts = useApi("/deliverability", {}, { staleTime: 60_000 });
  const names = accounts.data?.senders ?? [];
  const name = params.get("name") ?? names[0] ?? "";
  const list = useApi("/senders/{name}/checklist", { path: { name } }, { enabled: name !== "", staleTime: 0 });
  const again = <Button size="xs" variant="default" loading={list.isFetching} onClick={() => void list.refetch()}>{t("sender.again")}</Button>;
  const unknown = list.data?.items.some((x) => x.state === "unknown");
  return (
    <Page title={t("nav.outbox")} about={t("sender.about")} actions={<>
      {names.length > 1 && <Select size="xs" value={name} data={names} onChange={(v) => setParams({ name: v ?? "" })} allowDeselect={false} aria-label={t("deliverability.sender")} />}
      {again}
    </>}>
      <DeliveryTabs at="deliverability/sender" />
      {(accounts.error ?? list.error) && !list.data && <ProblemBox error={(accounts.error ?? list.error)!} retry={() => void (accounts.error ? accounts : list).refetch()} />}
      {!list.data && !list.error && !accounts.error && <Loading />}
      {list.data && (
        <Stack gap="md">
          <Alert color={list.data.ready ? "teal" : unknown ? "orange" : "red"} title={list.data.from}>{t(list.data.ready ? "sender.ready" : unknown ? "sender.unknown" : "sender.notReady")}</Alert>
          {list.data.items.map((x, i) => (
            <Card key={i} withBorder padding="lg" component="section" aria-label={pick(x.label)}>
              <Group justify="space-between" align="flex-start" mb={4}>
                <Title order={2} size="h4">{pick(x.label)}</Title>
                <Badge variant="light" color={colour[x.state]}>{t(`sender.state_${x.state}`)}</Badge>
              </Group>
              <Text size="sm" maw={760}>{pick(x.text)}</Text>
              {x.problem && <Text size="xs" c="dimmed" mt={4}>{t("sender.problem")}: <span className="mono">{x.problem}</span></Text>}
              {x.name && x.value && x.state !== "ok" && (
                <Stack gap={6} mt="md">
                  <Text size="xs" c="dimmed">{t("sender.set", { type: x.type })}</Text>
                  <Copied label={t("sender.name")} value={x.name} />
                  <Copied label={t("sender.value")} value={x.value} />
                </Stack>
              )}
              {x.found.length > 0 && x.name && <><Text size="xs" c="dimmed" mt="md">{t("sender.found")}</Text>{x.found.map((f) => <Code key={f} block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{f}</Code>)}</>}
            </Card>
          ))}
        </Stack>
      )}
    </Page>
  );
}
