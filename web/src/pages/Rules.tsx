import { Alert, Anchor, Button, Card, Grid, Group, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { short } from "../format";
import { actor } from "../i18n";
import { OutlookCard } from "../parts/Outlook";
import { Loading, Page, ProblemBox } from "../parts/Page";
import { Caps, HoldoutPart, HoursAndDays, ShopCalendar } from "../parts/RuleForms";
import type { RulesBody } from "../parts/rules";
import type { Outlook } from "../types";

type Saved = { version: number; body: unknown; history: { version: number; at: string; actor: string; reason: string }[] };

/** What holds for the messages of all journeys: how often, when, and what the shop's days are. */
export function Rules() {
  const { t } = useTranslation();
  const saved = useApi("/settings/{name}", { path: { name: "journeys" } }, { refetchOnWindowFocus: false });
  return (
    <Page title={t("rules.title")} about={t("rules.about")} actions={<><Anchor component={Link} to="/journeys" size="sm">{t("nav.journeys")}</Anchor><Anchor component={Link} to="/settings" size="sm">{t("limits.toSettings")}</Anchor></>}>
      {saved.error && !saved.data && <ProblemBox error={saved.error} retry={() => void saved.refetch()} />}
      {!saved.data && !saved.error && <Loading lines={8} />}
      {saved.data && <Editor key={saved.data.version} saved={saved.data} reload={() => saved.refetch()} />}
    </Page>
  );
}

function Editor({ saved, reload }: { saved: Saved; reload: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const [body, setBody] = useState(saved.body as RulesBody);
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [settled] = useDebouncedValue(JSON.stringify(body), 250);
  const outlook = useQuery<Outlook, ApiError>({ queryKey: ["outlook", settled], placeholderData: keepPreviousData, retry: false, queryFn: ({ signal }) => request("post", "/settings/journeys/outlook", { body: { body: JSON.parse(settled) as unknown }, signal }) });
  const changed = JSON.stringify(body) !== JSON.stringify(saved.body);
  const wrong = outlook.data?.problems.length ? outlook.data.problems : undefined;
  const save = async () => {
    setBusy(true);
    try {
      await request("put", "/settings/{name}", { path: { name: "journeys" }, body: { body, expect: saved.version, reason } });
      setError(null);
      await reload();
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };
  const may = outlook.data?.may ?? true;
  const form = { body, set: setBody, problems: wrong ?? error?.problem.errors ?? [], disabled: !may, today: outlook.data?.days[0].date ?? "" };
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, lg: 7 }}>
        <form onSubmit={(e) => { e.preventDefault(); void save(); }}>
          <Stack gap="lg">
            {!may && <Alert color="gray">{t("limits.mayNot")}</Alert>}
            <Caps {...form} />
            <HoursAndDays {...form} />
            <ShopCalendar {...form} />
            <HoldoutPart {...form} />
            {error && <ProblemBox error={error} />}
            {may && (
              <Card withBorder padding="md" className="save-bar">
                <Group gap="md" align="flex-end">
                  <TextInput flex={1} miw={200} label={t("sheet.reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
                  <Button type="button" variant="default" disabled={!changed} onClick={() => { setBody(saved.body as RulesBody); setError(null); }}>{t("limits.discard")}</Button>
                  <Button type="submit" loading={busy} disabled={!changed || !!wrong}>{t("mail.save")}</Button>
                </Group>
                <Text size="xs" c="dimmed" mt={4}>{t("rules.atOnce")}</Text>
              </Card>
            )}
          </Stack>
        </form>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 5 }}>
        <Stack gap="lg">
          {wrong && <Text size="sm" className="problem" role="status">{t("rules.wrong")}</Text>}
          {outlook.data && <OutlookCard p={outlook.data} />}
          {outlook.error && <ProblemBox error={outlook.error} retry={() => void outlook.refetch()} />}
          {!outlook.data && !outlook.error && <Loading lines={6} />}
          <Card withBorder padding="lg">
            <Title order={2} mb="sm">{t("journey.history")}</Title>
            {saved.history.length === 0 && <Text size="sm" c="dimmed">{t("rules.never")}</Text>}
            <div className="scroll"><Table verticalSpacing={4}><Table.Tbody>{saved.history.map((h) => <Table.Tr key={h.version}><Table.Td className="num">{short(h.at)}</Table.Td><Table.Td>{actor(h.actor)}</Table.Td><Table.Td>{h.reason}</Table.Td></Table.Tr>)}</Table.Tbody></Table></div>
          </Card>
        </Stack>
      </Grid.Col>
    </Grid>
  );
}
