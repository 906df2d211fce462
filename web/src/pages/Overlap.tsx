import { Anchor, Box, Button, Card, Group, MultiSelect, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, percent } from "../format";
import { joined, pick } from "../i18n";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";

const overlapOf = (names: string[], signal: AbortSignal) => request("post", "/segments/overlap", { body: { sets: names.map((name) => ({ name })) }, signal });
type Overlapped = Awaited<ReturnType<typeof overlapOf>>;
type Combination = Overlapped["combinations"][number];

const most = 6; // sets
const bars = 24; // combinations that are drawn; the table has all

/** Two to six segments held against each other: how many people are in exactly which of them. */
export function Overlap() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const names = params.getAll("s").slice(0, most);
  const all = useApi("/segments", {}, { staleTime: 30_000 });
  const found = useQuery<Overlapped, ApiError>({ queryKey: ["overlap", ...names], queryFn: ({ signal }) => overlapOf(names, signal), enabled: names.length >= 2 });
  return (
    <Page title={t("overlap.title")} about={t("overlap.about")} through={found.data?.complete_through} actions={<Button size="xs" variant="default" component={Link} to="/segments">{t("overlap.back")}</Button>}>
      <MultiSelect label={t("overlap.sets")} description={t("overlap.setsHint", { n: most })} data={(all.data?.items ?? []).map((s) => ({ value: s.name, label: pick(s.title) }))} value={names} maxValues={most} searchable hidePickedOptions
        onChange={(v) => setParams((p) => { p.delete("s"); for (const name of v) p.append("s", name); return p; }, { replace: true })} />
      {found.error && <ProblemBox error={found.error} retry={() => void found.refetch()} />}
      {names.length < 2 && <Empty title={t("overlap.choose")} />}
      {names.length >= 2 && found.isPending && <Loading lines={6} />}
      {found.data && <Upset data={found.data} />}
    </Page>
  );
}

const peopleOf = (c: Combination) => `/people?where=${encodeURIComponent(c.expression)}`;

function Upset({ data }: { data: Overlapped }) {
  const { t } = useTranslation();
  const title = (i: number) => pick(data.sets[i].title);
  const name = (c: Combination) => (c.in.length === data.sets.length ? t("overlap.inAll") : c.in.length === 1 ? t("overlap.only", { name: title(c.in[0]) }) : joined(c.in.map(title)));
  const drawn = data.combinations.slice(0, bars);
  return (
    <Stack gap="md">
      <Card withBorder padding="lg">
        <Group justify="space-between" mb="md"><Title order={2}>{t("overlap.chart")}</Title><Text size="sm" c="dimmed" className="num">{t("overlap.none", { n: count(data.none), of: count(data.base) })}</Text></Group>
        {drawn.length === 0 && <Text size="sm" c="dimmed">{t("overlap.nobody")}</Text>}
        {drawn.length > 0 && (
          <Group gap={0} wrap="nowrap" align="stretch" className="scroll">
            <Sets data={data} />
            <Group gap={0} wrap="nowrap" align="stretch">{drawn.map((c) => <Bar key={c.in.join()} data={data} c={c} label={`${name(c)}: ${t("segments.nPeople", { n: count(c.count) })}`} />)}</Group>
          </Group>
        )}
        <Text size="xs" c="dimmed" mt="sm">{t("overlap.hint")}</Text>
      </Card>
      <Card withBorder padding={0}>
        <div className="scroll">
          <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
            <Table.Thead><Table.Tr><Table.Th>{t("overlap.combination")}</Table.Th><Table.Th ta="right">{t("segments.members")}</Table.Th><Table.Th ta="right">{t("overlap.share")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
            <Table.Tbody>
              {data.combinations.map((c) => (
                <Table.Tr key={c.in.join()}>
                  <Table.Td miw={200}>{name(c)}</Table.Td>
                  <Table.Td ta="right" className="num"><Anchor component={Link} to={peopleOf(c)}>{count(c.count)}</Anchor></Table.Td>
                  <Table.Td ta="right" className="num">{percent(c.count / Math.max(1, data.base))}</Table.Td>
                  <Table.Td ta="right"><Anchor component={Link} size="sm" to={`/segments/new?expression=${encodeURIComponent(c.expression)}`} style={{ whiteSpace: "nowrap" }}>{t("people.saveAs")}</Anchor></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      </Card>
    </Stack>
  );
}

const tall = 180; // of the bars, pixels
const row = 34; // of the matrix

/** The sets with their sizes, beside the matrix. */
function Sets({ data }: { data: Overlapped }) {
  const widest = Math.max(1, ...data.sets.map((s) => s.count));
  return (
    <Box style={{ flexShrink: 0, paddingTop: tall + 24 }} pr="md">
      {data.sets.map((s, i) => (
        <Group key={i} h={row} gap="sm" wrap="nowrap" justify="flex-end">
          <Text size="sm" truncate maw={150}>{pick(s.title)}</Text>
          <Text size="sm" c="dimmed" className="num">{count(s.count)}</Text>
          <Box w={64} h={10} visibleFrom="sm" style={{ display: "flex", justifyContent: "flex-end" }}><Box h={10} w={`${(100 * s.count) / widest}%`} style={{ background: "var(--mantine-color-gray-5)", borderRadius: 2 }} /></Box>
        </Group>
      ))}
    </Box>
  );
}

/** A combination: its people as a bar, the sets it is in as dots on a line. The whole column opens the people. */
function Bar({ data, c, label }: { data: Overlapped; c: Combination; label: string }) {
  const highest = Math.max(1, ...data.combinations.map((x) => x.count));
  const first = c.in[0];
  const last = c.in[c.in.length - 1];
  return (
    <Link to={peopleOf(c)} className="plain upset" aria-label={label} title={label}>
      <Box h={tall + 24} style={{ display: "flex", flexDirection: "column", justifyContent: "flex-end", alignItems: "center" }}>
        <Text size="xs" className="num">{count(c.count)}</Text>
        <Box w={22} h={Math.max(2, (tall * c.count) / highest)} style={{ background: "var(--mantine-color-enji-filled)", borderRadius: "3px 3px 0 0" }} />
      </Box>
      <svg width={40} height={row * data.sets.length} aria-hidden="true" style={{ display: "block" }}>
        {first !== last && <line x1={20} x2={20} y1={row * first + row / 2} y2={row * last + row / 2} stroke="var(--mantine-color-enji-filled)" strokeWidth={3} />}
        {data.sets.map((_, i) => <circle key={i} cx={20} cy={row * i + row / 2} r={6} fill={c.in.includes(i) ? "var(--mantine-color-enji-filled)" : "var(--mantine-color-default-border)"} />)}
      </svg>
    </Link>
  );
}
