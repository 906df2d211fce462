import { Alert, Anchor, Badge, Card, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi, type Got } from "../api";
import { instant, short } from "../format";
import { joined, pick } from "../i18n";
import { FindPerson } from "../parts/FindPerson";
import { Loading, ProblemBox } from "../parts/Page";
import { Canvas } from "./Canvas";
import { trailLooks } from "./trail";
import type { Definition } from "./model";
import type { Titles } from "./words";

type Place = Got<"/journeys/{name}/people/{person}">;

/** Where one person stands: the step, the way taken so far, what was decided; or why they are not in it. The person and the run stand in the address. */
export function FindBox({ name, children, titles }: { name: string; titles: Titles; children: React.ReactNode }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const person = params.get("person") ?? "";
  const place = useApi("/journeys/{name}/people/{person}", { path: { name, person } }, { enabled: person !== "", refetchInterval: 5_000 });
  const choose = (id: string) => setParams((p) => { p.delete("run"); if (id) p.set("person", id); else p.delete("person"); return p; }, { replace: true });
  return (
    <Stack gap="md">
      <FindPerson label={t("place.find")} value={person} name={place.data?.name} onChange={choose} width={280} size="xs" />
      {person === "" ? children : place.error && !place.data ? <ProblemBox error={place.error} /> : !place.data ? <Loading lines={5} /> : <Standing name={name} place={place.data} titles={titles} empty={children} />}
    </Stack>
  );
}

function Standing({ name, place: x, titles, empty }: { name: string; place: Place; titles: Titles; empty: React.ReactNode }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const run = x.runs.find((r) => r.id === params.get("run")) ?? x.runs[0];
  return (
    <>
      <Alert color={run ? "teal" : "gray"} variant="light" p="sm">
        <Group justify="space-between" gap="sm">
          <Text size="sm"><Anchor component={Link} to={`/people/${x.person}`} size="sm" fw={600}>{x.name || t("person.unnamed")}</Anchor>{" "}{pick(x.sentence)}</Text>
          {x.runs.length > 1 && <NativeSelect size="xs" aria-label={t("place.run")} value={run.id} onChange={(e) => { const id = e.currentTarget.value; setParams((p) => { p.set("run", id); return p; }, { replace: true }); }} data={x.runs.map((r) => ({ value: r.id, label: joined([short(r.entered_at), r.key, r.end && t(`runEnd.${r.end}`, { defaultValue: r.end })]) }))} />}
        </Group>
      </Alert>
      {run ? <OnCanvas key={run.id} name={name} place={x} run={run} titles={titles} /> : empty}
      {x.decisions.length > 0 && (
        <Card withBorder padding="md">
          <Text fw={600} size="sm" mb="sm">{t("place.decisions")}</Text>
          <Stack gap={6}>{x.decisions.filter((d) => d.run_id === run?.id || !run).map((d) => (
            <Group key={d.send_id + d.round + d.channel} gap="sm" wrap="nowrap" align="flex-start"><Badge variant="light" color={d.sent ? "teal" : "gray"} style={{ flexShrink: 0 }}>{t(d.sent ? "decision.sent" : "decision.notSent")}</Badge><Text size="sm">{pick(d.sentence)}</Text></Group>
          ))}</Stack>
          <Anchor component={Link} to={`/people/${x.person}?tab=why`} size="sm" mt="sm" display="block">{t("place.allDecisions")}</Anchor>
        </Card>
      )}
    </>
  );
}

function OnCanvas({ name, place, run, titles }: { name: string; place: Place; run: Place["runs"][number]; titles: Titles }) {
  const { t } = useTranslation();
  // A run goes by the version that it entered, whatever is live now.
  const version = useApi("/definitions/{kind}/{name}", { path: { kind: "journey", name }, query: { version: run.version } }, { staleTime: Infinity });
  const d = version.data?.body as unknown as Definition | undefined;
  const looks = useMemo(() => {
    if (!d) return undefined;
    const notes = new Map(run.trail.map((x) => [x.node, instant(x.at)]));
    for (const x of [...place.decisions].reverse()) if (x.run_id === run.id) notes.set(x.node, joined([x.sent ? t("decision.sent") : t("decision.notSent"), t(`channel.${x.channel}`, { defaultValue: x.channel })]));
    return trailLooks(d, run.trail.map((x) => x.node), run.node, notes, t);
  }, [d, run, place.decisions, t]);
  if (version.error) return <ProblemBox error={version.error} retry={() => void version.refetch()} />;
  if (!d) return <Loading lines={5} />;
  return <Canvas definition={d} titles={titles} looks={looks} onChoose={() => undefined} />;
}
