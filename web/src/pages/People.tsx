import { Anchor, Badge, Button, Card, Group, Select, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { ago, count, money } from "../format";
import { pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { SaveAsList } from "../parts/SaveAsList";

export function People() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const [text, setText] = useState(params.get("q") ?? "");
  const [query] = useDebouncedValue(text, 150);
  const segment = params.get("segment") ?? "";
  const where = params.get("where") ?? "";
  const cursor = params.get("cursor") ?? "";
  const behind = { broadcast: params.get("broadcast") ?? "", left_out: params.get("left_out") ?? "", by: params.get("by") ?? "" };
  useEffect(() => {
    if (query !== (params.get("q") ?? "")) setParams((p) => { p.delete("cursor"); if (query) p.set("q", query); else p.delete("q"); return p; }, { replace: true });
  }, [query, params, setParams]);
  const segments = useApi("/segments", {});
  const contact = { received: params.get("received") || undefined, both: params.get("both") || undefined, month: params.get("month") || undefined, unreached: Number(params.get("unreached")) || undefined };
  const people = useApi("/people", { query: { limit: 50, q: query, segment, where, cursor, ...behind, ...contact } }, { placeholderData: (old) => old });
  const items = people.data?.items ?? [];
  const narrowed = contact.received || contact.both || contact.unreached || query || segment || where || behind.broadcast;
  return (
    <Page title={t("nav.people")} about={people.data?.total != null ? t("people.total", { n: count(people.data.total) }) : undefined} through={people.data?.complete_through}>
      <Group gap="md">
        <TextInput flex={1} miw={240} value={text} onChange={(e) => setText(e.currentTarget.value)} placeholder={t("people.searchHint")} aria-label={t("people.search")} leftSection={<IconSearch size={16} />} />
        <Select data={(segments.data?.items ?? []).map((s) => ({ value: s.name, label: pick(s.title) }))} value={segment || null} onChange={(v) => setParams((p) => { p.delete("cursor"); if (v) p.set("segment", v); else p.delete("segment"); return p; })} placeholder={t("people.anySegment")} aria-label={t("nav.segments")} clearable searchable w={260} />
      </Group>
      {segment && !where && !query && <Group justify="flex-end"><SaveAsList segment={segment} people={people.data?.total ?? undefined} /></Group>}
      {behind.broadcast && <Behind {...behind} />}
      {where && (
        <Card withBorder padding="md">
          <Group justify="space-between" gap="md" align="flex-start">
            <div style={{ flex: "1 1 320px" }}><Text size="sm" fw={600}>{t("people.where")}</Text><Text className="mono" c="dimmed" lineClamp={4}>{where}</Text></div>
            <Group gap="sm"><Button size="xs" variant="default" onClick={() => setParams((p) => { p.delete("where"); p.delete("cursor"); return p; })}>{t("people.everybody")}</Button>{!query && <SaveAsList expression={segment ? `(${where}) && in_segment(${JSON.stringify(segment)})` : where} people={people.data?.total ?? undefined} />}<Button size="xs" component={Link} to={`/segments/new?expression=${encodeURIComponent(where)}`}>{t("people.saveAs")}</Button></Group>
          </Group>
        </Card>
      )}
      {people.error && !people.data && <ProblemBox error={people.error} retry={() => void people.refetch()} />}
      {!people.data && !people.error && <Loading />}
      {people.data && items.length === 0 && <Empty title={narrowed ? t("people.noneFound") : t("people.none")} action={narrowed ? undefined : <Button component={Link} to="/settings" variant="default" size="xs">{t("live.toKeys")}</Button>}>{narrowed ? t("people.noneFoundText") : t("people.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("person.name")}</Table.Th><Table.Th>{t("person.reach")}</Table.Th><Table.Th>{t("person.prefecture")}</Table.Th><Table.Th ta="right">{t("person.orders")}</Table.Th><Table.Th ta="right">{t("person.ltv")}</Table.Th><Table.Th>{t("person.lastOrder")}</Table.Th><Table.Th>{t("person.lastSeen")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((p) => (
                  <Table.Tr key={p.id}>
                    <Table.Td miw={160}>
                      <Anchor component={Link} to={`/people/${p.id}${behind.broadcast ? "?tab=why" : ""}`} fw={600}>{p.name || t("person.unnamed")}</Anchor>
                      <Text size="xs" c="dimmed">{p.kana || p.identifiers[0]?.value || ""}</Text>
                    </Table.Td>
                    <Table.Td><Group gap={4} wrap="nowrap">{Object.entries(p.reach).filter(([, ok]) => ok).map(([c]) => <Badge key={c} size="sm" variant="light" color="teal">{t(`channel.${c}`)}</Badge>)}</Group></Table.Td>
                    <Table.Td style={{ whiteSpace: "nowrap" }}>{p.prefecture || "—"}</Table.Td>
                    <Table.Td ta="right" className="num">{count(p.orders_count)}</Table.Td>
                    <Table.Td ta="right" className="num">{money(p.ltv, p.currency || "JPY")}</Table.Td>
                    <Table.Td className="num">{ago(p.last_order_at)}</Table.Td>
                    <Table.Td className="num">{ago(p.last_seen_at)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      <Group justify="flex-end" gap="sm">
        {cursor && <Button variant="default" size="xs" onClick={() => setParams((p) => { p.delete("cursor"); return p; })}>{t("first")}</Button>}
        {people.data?.next && <Button variant="default" size="xs" onClick={() => setParams((p) => { p.set("cursor", people.data.next!); return p; })}>{t("more")}</Button>}
      </Group>
    </Page>
  );
}

/** Whose number was followed: of which broadcast, left out for which reason or reached by which channel. */
function Behind({ broadcast, left_out: out, by }: { broadcast: string; left_out: string; by: string }) {
  const { t } = useTranslation();
  const page = useApi("/broadcasts/{name}", { path: { name: broadcast } }, { staleTime: 30_000 });
  const draft = page.data?.status === "draft";
  const sheet = useApi("/broadcasts/{name}/sheet", { path: { name: broadcast } }, { enabled: draft && out !== "", staleTime: 30_000 });
  const reason = pick((draft ? sheet.data?.left_out : page.data?.left_out)?.find((r) => r.reason === out)?.text);
  return (
    <Card withBorder padding="md">
      <Text size="sm" fw={600}>{out ? t("people.leftOut", { reason }) : t("people.reachedBy", { channel: t(`channel.${by}`) })}</Text>
      <Anchor component={Link} size="sm" to={`/broadcasts/${broadcast}`}>{t("people.ofBroadcast", { title: pick(page.data?.title) })}</Anchor>
    </Card>
  );
}
