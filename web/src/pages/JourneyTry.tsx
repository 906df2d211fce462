import { Alert, Button, Card, Group, NativeSelect, Progress, Stack, Text } from "@mantine/core";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { request, useApi } from "../api";
import { count, day, short } from "../format";
import { joined, pick } from "../i18n";
import { TryForm } from "../journey/TryForm";
import { TryPeople, type Opened } from "../journey/TryPeople";
import { ofWord, TryResult, type Simulation } from "../journey/TryResult";
import type { Definition } from "../journey/model";
import { useTitles } from "../journey/useTitles";
import { tell } from "../parts/confirm";
import { Loading, Page, ProblemBox } from "../parts/Page";

/** A journey tried on the past. Which try, and which number is open, stand in the address. */
export function JourneyTry() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const [params, setParams] = useSearchParams();
  const id = params.get("id") ?? "";
  const journey = useApi("/journeys/{name}", { path: { name } });
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const earlier = useApi("/journeys/{name}/simulations", { path: { name } }, { refetchInterval: 15_000 });
  const s = useApi("/journeys/{name}/simulations/{id}", { path: { name, id } }, { enabled: id !== "", refetchInterval: (q) => (q.state.data?.state === "running" ? 500 : false), staleTime: Infinity });
  const titles = useTitles();
  const show = useCallback((x: Opened) => setParams((p) => { p.set("of", x.of); for (const [k, v] of [["side", x.side], ["person", x.person]] as const) if (v) p.set(k, v); else p.delete(k); return p; }), [setParams]);
  const close = () => setParams((p) => { for (const k of ["of", "side", "person"]) p.delete(k); return p; });
  const choose = (to: string) => setParams(to ? { id: to } : {});
  if (journey.error && !journey.data) return <Page title={t("nav.journeys")}><ProblemBox error={journey.error} retry={() => void journey.refetch()} /></Page>;
  if (!journey.data || !session.data) return <Loading lines={8} />;
  const d = journey.data.definition as unknown as Definition;
  const of = params.get("of");
  const items = earlier.data?.items ?? [];
  return (
    <Page title={t("tries.title", { name: pick(d.title) })} about={t("tries.about")} actions={
      <Group gap="sm">
        {items.length > 0 && <NativeSelect size="xs" aria-label={t("tries.earlier")} value={id} onChange={(e) => choose(e.currentTarget.value)} data={[{ value: "", label: t("tries.earlier") }, ...items.map((x) => ({ value: x.id, label: joined([short(x.started_at), spanText(x)]) }))]} />}
        <Button size="xs" variant="default" component={Link} to={`/journeys/${name}/edit`}>{t("build.edit")}</Button>
        <Button size="xs" variant="default" component={Link} to={`/journeys/${name}`}>{t("print.back")}</Button>
      </Group>
    }>
      <TryForm key={journey.data.version} journey={journey.data} zone={session.data.timezone || "Asia/Tokyo"} started={(x) => { choose(x); void earlier.refetch(); }} />
      {id !== "" && s.error && <ProblemBox error={s.error} />}
      {id !== "" && !s.error && !s.data && <Loading lines={4} />}
      {s.data && id !== "" && <Shown s={s.data} refetch={() => void s.refetch()} titles={titles} show={show} />}
      {s.data && of && <TryPeople name={name} id={id} label={ofWord(of, s.data, t)} opened={{ of, side: params.get("side") === "live" ? "live" : "", person: params.get("person") ?? undefined }} open={show} close={close} />}
    </Page>
  );
}

/** The days that a try covers; to is not included. */
const spanText = (x: Simulation): string => `${day(x.from)}–${day(new Date(Date.parse(x.to) - 1).toISOString())}`;

function Shown({ s, refetch, titles, show }: { s: Simulation; refetch: () => void; titles: Parameters<typeof TryResult>[0]["titles"]; show: (x: Opened) => void }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const p = s.progress;
  if (s.state === "running") {
    const stop = async () => {
      setBusy(true);
      try {
        await request("delete", "/journeys/{name}/simulations/{id}", { path: { name: s.journey, id: s.id } });
      } catch (e) {
        tell(e);
      }
      setBusy(false);
      refetch();
    };
    return (
      <Card withBorder padding="md" role="status">
        <Group justify="space-between" mb="sm"><Text size="sm">{p.of ? t("tries.progress", { n: count(p.people), of: count(p.of), rate: count(Math.round(p.per_second)), left: count(p.left ?? 0) }) : t("tries.starting")}</Text><Button size="xs" variant="default" loading={busy} onClick={() => void stop()}>{t("cancel")}</Button></Group>
        <Progress value={p.of ? (100 * p.people) / p.of : 0} animated aria-label={t("tries.start")} />
      </Card>
    );
  }
  if (s.state === "cancelled") return <Alert color="gray">{t("tries.cancelled")}</Alert>;
  if (s.state === "failed" || !s.result) return <Alert color="red" title={t("failed")}>{pick(s.problem)}</Alert>;
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">{joined([t("tries.of", { span: spanText(s) }), s.whom.segment && (titles.segment.get(s.whom.segment) ?? s.whom.segment), s.sample < 100 && t("tries.sampled", { n: s.sample }), t("tries.took", { s: Math.max(1, Math.round((Date.parse(s.ended_at ?? s.started_at) - Date.parse(s.started_at)) / 1000)) })])}</Text>
      <TryResult s={s} titles={titles} show={show} />
    </Stack>
  );
}
