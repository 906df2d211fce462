import { Alert, Button, Card, Checkbox, Grid, Group, NumberInput, Radio, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { Forecast, ForecastCard } from "../audience/Forecast";
import { Law } from "../audience/Law";
import { useForecast } from "../audience/useForecast";
import { everyWords, pauses, uses, usualKeys } from "../audience/words";
import { count } from "../format";
import { pick, sentences } from "../i18n";
import { fieldProblem } from "../parts/FormModal";
import { nameOfToday } from "../parts/ListForm";
import { Loading, Page, ProblemBox } from "../parts/Page";
import type { AdAccount, AudienceBody, AudiencePage } from "../types";

/** Makes an audience, or changes one: beside the form stands what saving it does. */
export function AudienceEdit() {
  const { t } = useTranslation();
  const { name } = useParams();
  const all = useApi("/audiences", {}, { staleTime: 60_000 });
  const accounts = useApi("/ad-accounts", {}, { staleTime: 60_000 });
  const stored = useApi("/audiences/{name}", { path: { name: name ?? "" } }, { enabled: !!name, staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false });
  const error = stored.error ?? accounts.error ?? all.error;
  if (error) return <Page title={t("nav.audiences")}><ProblemBox error={error} /></Page>;
  if (!accounts.data || !all.data || (name && !stored.data)) return <Loading lines={8} />;
  return <Editor key={name} before={stored.data} accounts={accounts.data.items} taken={all.data.items.map((a) => a.name)} />;
}

function Editor({ before, accounts, taken }: { before?: AudiencePage; accounts: AdAccount[]; taken: string[] }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [params] = useSearchParams();
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const segments = useApi("/segments", {}, { staleTime: 10_000 });
  const [name, setName] = useState(before?.name ?? nameOfToday("audience", taken));
  const [body, setBody] = useState<AudienceBody>(before?.body ?? { title: "", segment: params.get("segment") ?? "", destination: "", use: "include", every: "1h" });
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<AudienceBody>) => { setBody((b) => ({ ...b, ...change })); setError(null); };
  const account = accounts.find((a) => a.name === body.destination);
  const keys = (body.keys ?? []).filter((k) => account?.keys.includes(k));
  const segment = segments.data?.items.find((s) => s.name === body.segment);
  // The forecast needs no name: it is asked with the segment's until one is typed.
  const tried: AudienceBody | undefined = body.segment && account && keys.length > 0 ? { ...body, keys, title: body.title.trim() || pick(segment?.title) || body.segment } : undefined;
  const [settled] = useDebouncedValue(tried, 300);
  const forecast = useForecast(settled, before?.name);
  const refused = error ?? forecast.error;
  const said = (field: string) => fieldProblem(refused, field);
  const placed = ["title", "segment", "destination", "use", "keys", "every", "daily", "minimum", "name"];
  const fits = forecast.data && !forecast.error && tried;
  const may = session.data?.role === "approver" || session.data?.role === "admin";
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      await request("put", "/audiences/{name}", { path: { name }, body: { ...body, keys, title: body.title.trim(), expect: before?.version ?? 0 } });
      void go(`/audiences/${name}`);
    } catch (e) {
      setError(e as ApiError);
      setBusy(false);
    }
  };
  const choose = (destination: string | null) => {
    const next = accounts.find((a) => a.name === destination);
    set({ destination: destination ?? "", keys: next && usualKeys(next.keys), use: body.use === "value" && !next?.values ? "seed" : body.use });
  };
  const f = fits ? forecast.data : undefined;
  const few = f && !before && f.wanted < f.minimum;
  const then = !f || !account ? "" : before ? t("audiences.thenChange", { add: count(f.add), remove: count(f.remove) }) : f.add > 0 && !few && !f.stale ? t("audiences.thenNew", { n: count(f.add), account: account.title }) : t("audiences.thenNobody");
  return (
    <Page title={before ? t("audiences.editTitle") : t("audiences.new")} about={t("audiences.about")}>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Card withBorder padding="lg">
            <form onSubmit={(e) => { e.preventDefault(); if (fits && !busy && may) void save(); }}>
              <Stack gap="md">
                <TextInput label={t("segment.title")} value={body.title} onChange={(e) => set({ title: e.currentTarget.value })} maxLength={80} error={said("title")} required />
                <TextInput label={t("segment.name")} description={t("segment.nameHint")} value={name} onChange={(e) => { setName(e.currentTarget.value); setError(null); }} disabled={!!before} error={said("path.name")} required />
                <Select label={t("audiences.segment")} data={(segments.data?.items ?? []).map((s) => ({ value: s.name, label: `${pick(s.title)}${t("paren", { text: t("audiences.n", { n: count(s.members) }) })}` }))} value={body.segment || null} onChange={(v) => set({ segment: v ?? "" })} error={said("segment")} searchable required nothingFoundMessage={t("nav.nothing")} />
                <Select label={t("audiences.account")} description={before ? t("audiences.accountStays") : undefined} data={accounts.map((a) => ({ value: a.name, label: a.title }))} value={body.destination || null} onChange={choose} disabled={!!before} error={said("destination")} required />
                <Radio.Group label={t("audiences.use")} description={t("audiences.useAtPlatform")} value={body.use || "include"} onChange={(v) => set({ use: v as AudienceBody["use"] })} error={said("use")}>
                  <Stack gap={6} mt={6}>{uses.filter((u) => u !== "value" || account?.values || body.use === "value").map((u) => <Radio key={u} value={u} label={t(`audiences.use_${u}`)} description={t(`audiences.about_${u}`)} />)}</Stack>
                </Radio.Group>
                {!account && <Text size="sm" c="dimmed">{t("audiences.noAccount")}</Text>}
                {account && (
                  <Checkbox.Group label={t("audiences.keys")} description={sentences(t("audiences.keysHint"), account.keys.some((k) => k === "line" || k === "customer") ? t("audiences.keysPlain") : "")} value={keys} onChange={(v) => set({ keys: v })} error={said("keys")} required>
                    <Group gap="md" mt={6}>{account.keys.map((k) => <Checkbox key={k} value={k} label={t(`audiences.key_${k}`)} />)}</Group>
                  </Checkbox.Group>
                )}
                <Stack gap={6}>
                  <Text size="sm" fw={500}>{t("audiences.schedule")}</Text>
                  <Text size="xs" c="dimmed">{t("audiences.scheduleHint")}</Text>
                  <Group gap="sm" align="flex-end">
                    <SegmentedControl size="sm" aria-label={t("audiences.schedule")} value={body.daily ? "daily" : "every"} onChange={(v) => set(v === "daily" ? { daily: "03:30", every: undefined } : { every: "1h", daily: undefined })} data={[{ value: "every", label: t("audiences.every") }, { value: "daily", label: t("audiences.daily") }]} />
                    {body.daily ? <TextInput type="time" aria-label={t("audiences.dailyLabel")} value={body.daily} onChange={(e) => e.currentTarget.value && set({ daily: e.currentTarget.value.slice(0, 5) })} error={said("daily")} />
                      : <Select aria-label={t("audiences.everyLabel")} data={[...new Set([...pauses, body.every || "1h"])].map((p) => ({ value: p, label: everyWords(t, p) }))} value={body.every || "1h"} onChange={(v) => v && set({ every: v })} allowDeselect={false} error={said("every")} w={150} />}
                  </Group>
                </Stack>
                <NumberInput label={t("audiences.minimumLabel")} description={account && t("audiences.minimumHint", { n: count(account.minimum) })} value={body.minimum || ""} placeholder={account && String(account.minimum)} onChange={(v) => set({ minimum: typeof v === "number" && v > 0 ? v : undefined })} min={0} max={10_000_000} allowDecimal={false} thousandSeparator="," w={240} maw="100%" error={said("minimum")} />
                {refused && !placed.some((field) => said(field)) && <ProblemBox error={refused} />}
                {!may && session.data && <Alert color="gray" py="xs">{t("audiences.approverOnly")}</Alert>}
                {then && <Text size="sm" aria-live="polite">{then}</Text>}
                <Group justify="flex-end" gap="sm">
                  <Button variant="default" component={Link} to={before ? `/audiences/${before.name}` : "/audiences"}>{t("cancel")}</Button>
                  <Button type="submit" loading={busy} disabled={!fits || !body.title.trim() || !name || !may}>{before ? t("audiences.saveChange") : t("audiences.save")}</Button>
                </Group>
              </Stack>
            </form>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack gap="md">
            <ForecastCard title={t("audiences.forecast")} about={f ? t("audiences.forecastAbout") : undefined}>
              {f ? <div aria-busy={forecast.isPlaceholderData} style={{ filter: forecast.isPlaceholderData ? "saturate(0)" : undefined }}><Forecast of={f} account={account} fresh={!before} paused={body.paused} /></div> : tried && !forecast.error ? <Loading lines={4} /> : <Text size="sm" c="dimmed">{forecast.error && tried ? forecast.error.message : t("audiences.choose")}</Text>}
            </ForecastCard>
            {account && <Law account={account} />}
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}
