import { Badge, Group, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { instant, short } from "../format";
import { joined, pick } from "../i18n";
import { Loading, ProblemBox } from "./Page";

const explain = (person: string, name: string, signal: AbortSignal) => request("post", "/segments/explain", { body: { person, name }, signal });

/** Why a person is in a segment or is not: each condition with what was found. */
export function Why({ person }: { person: string }) {
  const { t } = useTranslation();
  const segments = useApi("/segments", {}, { staleTime: 60_000 });
  const [params, setParams] = useSearchParams();
  const name = params.get("why");
  const setName = (v: string | null) => setParams((p) => { if (v) p.set("why", v); else p.delete("why"); return p; }, { replace: true });
  const why = useQuery<Awaited<ReturnType<typeof explain>>, ApiError>({ queryKey: ["explain", person, name], queryFn: ({ signal }) => explain(person, name!, signal), enabled: !!name });
  return (
    <Stack gap="xs" mt="md">
      <Select label={t("person.whySegment")} placeholder={t("person.chooseSegment")} data={(segments.data?.items ?? []).map((s) => ({ value: s.name, label: pick(s.title) }))} value={name} onChange={setName} searchable clearable />
      {why.error && <ProblemBox error={why.error} />}
      {name && why.isPending && <Loading lines={2} />}
      {why.data && (
        <>
          <Group gap="sm"><Badge variant="light" color={why.data.in ? "teal" : "gray"}>{t(why.data.in ? "person.inSegment" : "person.notInSegment")}</Badge>{why.data.until && <Text size="xs" c="dimmed">{t("person.unlessChanged", { at: instant(why.data.until) })}</Text>}</Group>
          {why.data.reasons.map((r, i) => (
            <div key={i} title={r.expression}>
              <Text size="sm" fw={r.decides ? 600 : 400}>{r.match ? "○" : "×"} {pick(r.text) || r.found || t(r.match ? "person.holds" : "person.fails")}</Text>
              {!pick(r.text) && <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: "anywhere" }}>{r.expression}</Text>}
              {(r.decides || r.until) && <Text size="xs" c="dimmed">{joined([r.decides ? t("person.decides") : "", r.until ? t("person.holdsUntil", { at: short(r.until) }) : ""])}</Text>}
            </div>
          ))}
        </>
      )}
    </Stack>
  );
}
