import { Anchor, Badge, Button, Card, Group, SimpleGrid, Table, Tabs, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, short } from "../format";
import { pick } from "../i18n";
import { Canvas, type Counts } from "../journey/Canvas";
import { History } from "../journey/History";
import type { Looks } from "../journey/looks";
import { entryID, type Definition } from "../journey/model";
import { movesOn } from "../journey/moves";
import { FindBox } from "../journey/Place";
import { useTitles } from "../journey/useTitles";
import { modals } from "../parts/confirm";
import { Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { statusColour } from "./Journeys";

const tabs = ["flow", "people", "skipped", "history"];

export function Journey() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const [params, setParams] = useSearchParams();
  const node = params.get("node") ?? "";
  const [error, setError] = useState<ApiError | null>(null);
  const journey = useApi("/journeys/{name}", { path: { name } });
  const people = useApi("/journeys/{name}/people", { path: { name }, query: { node } }, { refetchInterval: 5_000, placeholderData: (old) => old });
  const result = useApi("/journeys/{name}/results", { path: { name } }, { refetchInterval: 10_000 });
  const moves = useApi("/journeys/{name}/moves", { path: { name } }, { refetchInterval: 30_000 });
  const titles = useTitles();
  // People go by the version that acts: a draft beside it is no picture of where they are.
  const acting = journey.data?.acting ?? 0;
  const old = acting > 0 && acting !== journey.data?.version;
  const version = useApi("/definitions/{kind}/{name}", { path: { kind: "journey", name }, query: { version: acting } }, { enabled: old, staleTime: Infinity });
  const definition = (old ? version.data?.body : journey.data?.definition) as unknown as Definition | undefined;
  const moved = useMemo(() => (definition && moves.data?.items.length ? movesOn(definition, moves.data.items) : undefined), [definition, moves.data]);
  const counts = useMemo(() => new Map<string, Counts>([...[...(moved?.steps ?? [])].map(([id, n]): [string, Counts] => [id, { standing: 0, passed: n }]), ...(people.data?.nodes ?? []).filter((n) => n.standing + n.passed > 0 || !moved?.steps.has(n.id)).map((n): [string, Counts] => [n.id, n])]), [people.data, moved]);
  const looks = useMemo((): Looks | undefined => moved && { steps: new Map(), ways: new Map([...moved.ways].map(([way, n]) => [way, { note: t("journey.times", { n: count(n) }) }])) }, [moved, t]);
  if (journey.error && !journey.data) return <Page title={t("nav.journeys")}><ProblemBox error={journey.error} retry={() => void journey.refetch()} /></Page>;
  if (!journey.data) return <Loading lines={8} />;
  const j = journey.data;
  const shown = definition ?? (j.definition as unknown as Definition);
  // Of a journey that people can be in the state counts, not that of a draft beside it.
  const status = j.acting_status || j.status;
  const waiting = j.acting > 0 && j.acting !== j.version;
  const change = async (to: "live" | "paused" | "archived") => {
    const ask = { live: ["journey.resumeTitle", "journey.resumeText", "build.resume"], paused: ["journey.pauseTitle", "journey.pauseText", "journey.pause"], archived: ["journey.archiveTitle", "journey.archiveText", "journey.archive"] }[to];
    if (!(await modals.confirm(t(ask[0]), t(ask[1]), t(ask[2])))) return;
    try {
      await request("post", "/journeys/{name}/status", { path: { name }, body: { status: to, reason: "", expect: j.version, acting: true } });
      setError(null);
      void journey.refetch();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  const r = result.data;
  return (
    <Page title={<Group gap="sm"><span>{pick(shown.title)}</span><Badge variant="light" color={statusColour[status]}>{t(`journeyStatus.${status}`)}</Badge>{waiting && <Badge variant="light" color="gray">{t("build.draftWaits", { status: t(`journeyStatus.${j.status}`) })}</Badge>}</Group>} about={t(`purpose.${shown.purpose}`)} actions={
      <Group gap="sm">
        <Button size="xs" variant="default" component={Link} to={`/journeys/${name}/try`}>{t("tries.open")}</Button>
        <Button size="xs" variant="default" component={Link} to={`/journeys/${name}/print`}>{t("print.open")}</Button>
        <Button size="xs" variant="default" component={Link} to={`/journeys/${name}/edit`}>{t("build.edit")}</Button>
        {(waiting || j.acting === 0) && <Button size="xs" component={Link} to={`/journeys/${name}/edit?publish=1`}>{t("publish.open")}</Button>}
        {status === "live" && <Button size="xs" variant="default" onClick={() => void change("paused")}>{t("journey.pause")}</Button>}
        {status === "paused" && <Button size="xs" onClick={() => void change("live")}>{t("build.resume")}</Button>}
        {status === "paused" && <Button size="xs" variant="default" onClick={() => void change("archived")}>{t("journey.archive")}</Button>}
      </Group>
    }>
      {error && <ProblemBox error={error} />}
      <SimpleGrid cols={{ base: 2, md: 6 }} spacing="md">
        <Figure label={t("journeys.entered")} value={count(r?.entered)} /><Figure label={t("journeys.running")} value={count(r?.running)} /><Figure label={t("journeys.completed")} value={count(r?.completed)} />
        <Figure label={t("journeys.sent")} value={count(r?.sent)} /><Figure label={t("reports.clicked")} value={count(r?.clicked)} /><Figure label={t("reports.converted")} value={count(r?.converted)} note={t("reports.observed")} />
      </SimpleGrid>
      <Tabs value={tabs.find((x) => x === params.get("tab")) ?? "flow"} onChange={(v) => setParams(v && v !== "flow" ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="md"><Tabs.Tab value="flow">{t("journey.flow")}</Tabs.Tab><Tabs.Tab value="people">{t("journey.people")}</Tabs.Tab><Tabs.Tab value="skipped">{t("journey.skipped")}</Tabs.Tab><Tabs.Tab value="history">{t("journey.history")}</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="flow"><FindBox name={name} titles={titles}>{definition ? <Canvas definition={definition} titles={titles} counts={counts} looks={looks} onChoose={(id) => id && id !== entryID && setParams({ tab: "people", node: id })} /> : <Loading lines={6} />}{moved && <Text size="xs" c="dimmed" mt="sm">{t("journey.timesHint", { since: short(moves.data!.since ?? "") })}</Text>}</FindBox></Tabs.Panel>
        <Tabs.Panel value="people">
          <Card withBorder padding="lg">
            <Group gap="sm" mb="sm">
              <Badge variant={node ? "light" : "filled"} style={{ cursor: "pointer" }} component="button" onClick={() => setParams({ tab: "people" })}>{t("journey.allNodes")}</Badge>
              {(people.data?.nodes ?? []).filter((n) => n.standing > 0).map((n) => <Badge key={n.id} variant={node === n.id ? "filled" : "light"} style={{ cursor: "pointer" }} component="button" onClick={() => setParams({ tab: "people", node: n.id })}>{pick(n.title)} {count(n.standing)}</Badge>)}
            </Group>
            {people.data?.items.length === 0 && <Text size="sm" c="dimmed">{t("journey.nobody")}</Text>}
            <Table verticalSpacing={4}><Table.Tbody>
              {(people.data?.items ?? []).map((x) => <Table.Tr key={x.profile + x.node + x.since}><Table.Td><Anchor component={Link} to={`/journeys/${name}?person=${x.profile}`} size="sm">{x.name || t("person.unnamed")}</Anchor></Table.Td><Table.Td>{pick(people.data?.nodes.find((n) => n.id === x.node)?.title) || x.node}</Table.Td><Table.Td className="num">{x.wait_until ? t("person.until", { at: short(x.wait_until) }) : t("person.since", { at: short(x.since) })}</Table.Td></Table.Tr>)}
            </Table.Tbody></Table>
          </Card>
        </Tabs.Panel>
        <Tabs.Panel value="skipped">
          <Card withBorder padding="lg">
            {Object.keys(r?.skipped_by_reason ?? {}).length === 0 && <Text size="sm" c="dimmed">{t("journey.noSkips")}</Text>}
            <Table><Table.Tbody>{Object.entries(r?.skipped_by_reason ?? {}).map(([reason, n]) => <Table.Tr key={reason}><Table.Td>{t(`check.${reason}`, { defaultValue: reason })}</Table.Td><Table.Td ta="right" className="num">{count(n)}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
          </Card>
        </Tabs.Panel>
        <Tabs.Panel value="history"><History journey={j} titles={titles} /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
