import { Anchor, Card, Grid, Group, Image, SimpleGrid, Stack, Table, Text, Title, useComputedColorScheme } from "@mantine/core";
import { lazy, Suspense, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { useApi } from "../api";
import { count, instant, money, short } from "../format";
import { pick } from "../i18n";
import { chartTime } from "../zone";
import { Empty, Figure, Loading, Page, ProblemBox } from "../parts/Page";
import { StockState } from "../parts/StockState";

const Chart = lazy(() => import("../parts/Chart").then((m) => ({ default: m.Chart })));

/** One product: what it is, its price and stock over time, what people were told, and who is behind it. */
export function Product() {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const page = useApi("/catalogue/products/{id}", { path: { id } }, { refetchInterval: 10_000 });
  const p = page.data;
  const dark = useComputedColorScheme("light") === "dark";
  const history = p?.history;
  const option = useMemo(() => history && {
    grid: { left: 60, right: 50, top: 32, bottom: 28 },
    legend: { top: 0 },
    tooltip: { trigger: "axis" },
    useUTC: true,
    xAxis: { type: "time" },
    yAxis: [{ type: "value", name: t("catalogue.price"), scale: true }, { type: "value", name: t("catalogue.stock"), minInterval: 1, splitLine: { show: false } }],
    series: [
      { name: t("catalogue.price"), type: "line", step: "end", data: history.map((x) => [chartTime(x.at), Number(x.price)]) },
      { name: t("catalogue.stock"), type: "line", step: "end", yAxisIndex: 1, data: history.filter((x) => x.stock != null).map((x) => [chartTime(x.at), x.stock]) },
    ],
  }, [history, t]);
  return (
    <Page title={p ? p.name || p.product_id : t("catalogue.product")} about={p && [p.product_id, p.sku === p.product_id ? "" : p.sku, p.brand, p.category].filter(Boolean).join("・")} actions={<Anchor component={Link} to="/catalogue" size="sm">{t("catalogue.back")}</Anchor>}>
      {page.error && !p && <ProblemBox error={page.error} retry={() => void page.refetch()} />}
      {!p && !page.error && <Loading lines={8} />}
      {p && (
        <Stack gap="lg">
          <SimpleGrid cols={{ base: 2, md: 4 }}>
            {p.people.map((x) => <Figure key={x.what} label={t(`catalogue.people.${x.what}`)} value={<Anchor component={Link} inherit to={`/people?where=${encodeURIComponent(x.expression)}`}>{count(x.people)}</Anchor>} />)}
          </SimpleGrid>
          <Grid gap="lg">
            <Grid.Col span={{ base: 12, md: 8 }}>
              <Card withBorder padding="lg">
                <Title order={2} mb="sm">{t("catalogue.history")}</Title>
                {p.history.length === 0 ? <Text size="sm" c="dimmed">{t("catalogue.noHistory")}</Text> : option && <Suspense fallback={<Loading lines={4} />}><Chart option={option} label={t("catalogue.history")} height={260} dark={dark} /></Suspense>}
                <details><summary>{t("catalogue.asTable")}</summary>
                  <Table verticalSpacing={4}><Table.Thead><Table.Tr><Table.Th>{t("catalogue.updated")}</Table.Th><Table.Th ta="right">{t("catalogue.price")}</Table.Th><Table.Th ta="right">{t("catalogue.stock")}</Table.Th></Table.Tr></Table.Thead>
                    <Table.Tbody>{p.history.map((x, i) => <Table.Tr key={`${x.at}${i}`}><Table.Td className="num">{short(x.at)}</Table.Td><Table.Td ta="right" className="num">{money(x.price, p.currency)}</Table.Td><Table.Td ta="right" className="num">{count(x.stock)}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
                </details>
              </Card>
              <Card withBorder padding="lg" mt="lg">
                <Title order={2} mb="sm">{t("catalogue.changes")}</Title>
                {p.changes.length === 0 && <Empty title={t("catalogue.noChanges")}>{t("catalogue.noChangesText")}</Empty>}
                {p.changes.length > 0 && <div className="scroll"><Table verticalSpacing={6}><Table.Thead><Table.Tr><Table.Th>{t("connection.at")}</Table.Th><Table.Th>{t("catalogue.change")}</Table.Th><Table.Th ta="right">{t("catalogue.told")}</Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>{p.changes.map((x) => <Table.Tr key={x.kind + x.at}><Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{short(x.at)}</Table.Td><Table.Td>{pick(x.title)}{x.kind === "product.price_dropped" && <Text span size="sm" c="dimmed" className="num"> {money(x.old_price, p.currency)} → {money(x.price, p.currency)}</Text>}</Table.Td><Table.Td ta="right" className="num">{count(x.told)}</Table.Td></Table.Tr>)}</Table.Tbody></Table></div>}
              </Card>
            </Grid.Col>
            <Grid.Col span={{ base: 12, md: 4 }}>
              <Card withBorder padding="lg">
                <Stack gap="sm">
                  {p.image_url && <Image src={p.image_url} alt={p.name} radius="md" mah={220} fit="contain" />}
                  <Group gap="sm"><StockState product={p} />{p.price !== "0" && <Text fw={700} className="num">{money(p.price, p.currency)}</Text>}{p.compare_at_price !== "0" && <Text size="sm" c="dimmed" td="line-through" className="num">{money(p.compare_at_price, p.currency)}</Text>}</Group>
                  <Table verticalSpacing={4}><Table.Tbody>
                    <Table.Tr><Table.Td>{t("catalogue.stock")}</Table.Td><Table.Td ta="right" className="num">{p.stock == null ? t("catalogue.notCounted") : count(p.stock)}</Table.Td></Table.Tr>
                    {p.stores.map((s) => <Table.Tr key={s.id}><Table.Td pl="lg">{s.name}</Table.Td><Table.Td ta="right" className="num">{count(s.stock)}</Table.Td></Table.Tr>)}
                    {Object.entries(p.attributes).map(([name, value]) => <Table.Tr key={name}><Table.Td>{name}</Table.Td><Table.Td ta="right">{value}</Table.Td></Table.Tr>)}
                    <Table.Tr><Table.Td>{t("catalogue.updated")}</Table.Td><Table.Td ta="right">{instant(p.updated_at)}</Table.Td></Table.Tr>
                  </Table.Tbody></Table>
                  {p.parent_id && <Anchor component={Link} size="sm" to={`/catalogue/${encodeURIComponent(p.parent_id)}`}>{t("catalogue.parent")}</Anchor>}
                  {p.url && <Anchor href={p.url} size="sm" target="_blank" rel="noreferrer">{t("catalogue.open")}</Anchor>}
                </Stack>
              </Card>
              {p.variants.length > 0 && (
                <Card withBorder padding="lg" mt="lg">
                  <Title order={2} mb="sm">{t("catalogue.variants")}</Title>
                  <Table verticalSpacing={4}><Table.Tbody>{p.variants.map((v) => <Table.Tr key={v.product_id}><Table.Td><Anchor component={Link} size="sm" to={`/catalogue/${encodeURIComponent(v.product_id)}`}>{v.name || v.product_id}</Anchor></Table.Td><Table.Td ta="right"><StockState product={v} /></Table.Td></Table.Tr>)}</Table.Tbody></Table>
                </Card>
              )}
            </Grid.Col>
          </Grid>
        </Stack>
      )}
    </Page>
  );
}
