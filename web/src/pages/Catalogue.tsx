import { Anchor, Button, Card, Group, Image, SegmentedControl, Table, Text, TextInput } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { useApi } from "../api";
import { count, money, short } from "../format";
import { CatalogueSettings } from "../parts/CatalogueSettings";
import { DataTabs } from "../parts/DataTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { StockState } from "../parts/StockState";

const filters = ["all", "out", "low", "deleted"] as const;

/** The products that the shop sells, as its systems tell them. */
export function Catalogue() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const [setting, setSetting] = useState(false);
  const filter = filters.find((f) => f === params.get("filter")) ?? "all";
  const [q, cursor] = [params.get("q") ?? "", params.get("cursor") ?? ""];
  const set = (key: string, value: string) => setParams((p) => { if (value) p.set(key, value); else p.delete(key); if (key !== "cursor") p.delete("cursor"); return p; }, { replace: key === "q" });
  const page = useApi("/catalogue", { query: { q, filter: filter === "all" ? "" : filter, cursor, limit: 50 } }, { placeholderData: keepPreviousData, refetchInterval: 10_000 });
  const items = page.data?.items ?? [];
  return (
    <Page title={t("nav.data")} about={t("catalogue.about")} actions={<><Anchor component={Link} to="/imports" size="sm">{t("catalogue.import")}</Anchor><Button size="xs" variant="default" onClick={() => setSetting(true)}>{t("catalogue.settings")}</Button></>}>
      <DataTabs at="/catalogue" />
      <Group gap="sm">
        <TextInput value={q} onChange={(e) => set("q", e.currentTarget.value)} placeholder={t("catalogue.search")} aria-label={t("catalogue.search")} w={280} maw="100%" />
        <SegmentedControl value={filter} onChange={(v) => set("filter", v === "all" ? "" : v)} data={filters.map((v) => ({ value: v, label: t(`catalogue.${v}`) }))} aria-label={t("status")} />
        {page.data && <Text size="sm" c="dimmed">{t("catalogue.total", { count: page.data.total ?? 0, n: count(page.data.total) })}</Text>}
      </Group>
      {page.error && !page.data && <ProblemBox error={page.error} retry={() => void page.refetch()} />}
      {!page.data && !page.error && <Loading />}
      {page.data && items.length === 0 && <Empty title={t("catalogue.none")}>{q || filter !== "all" ? t("catalogue.noneFound") : t("catalogue.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t("catalogue.product")}</Table.Th><Table.Th>{t("catalogue.category")}</Table.Th><Table.Th ta="right">{t("catalogue.price")}</Table.Th><Table.Th ta="right">{t("catalogue.stock")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th>{t("catalogue.updated")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((p) => (
                  <Table.Tr key={p.product_id}>
                    <Table.Td miw={240}><Group gap="sm" wrap="nowrap">{p.image_url && <Image src={p.image_url} alt="" w={40} h={40} radius="sm" fit="cover" />}<div><Anchor component={Link} to={`/catalogue/${encodeURIComponent(p.product_id)}`} fw={600}>{p.name || p.product_id}</Anchor><Text size="xs" c="dimmed">{[p.product_id, p.brand].filter(Boolean).join("・")}</Text></div></Group></Table.Td>
                    <Table.Td>{p.category || "—"}</Table.Td>
                    <Table.Td ta="right" className="num">{p.price === "0" ? "—" : money(p.price, p.currency)}</Table.Td>
                    <Table.Td ta="right" className="num">{count(p.stock)}</Table.Td>
                    <Table.Td><StockState product={p} /></Table.Td>
                    <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{short(p.updated_at)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {page.data?.next && <Button variant="default" size="xs" style={{ alignSelf: "flex-start" }} onClick={() => set("cursor", page.data.next!)}>{t("more")}</Button>}
      {setting && <CatalogueSettings close={() => setSetting(false)} />}
    </Page>
  );
}
