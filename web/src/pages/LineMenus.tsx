import { Alert, Anchor, Badge, Button, Card, Group, Image, Progress, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { root, useApi } from "../api";
import { count } from "../format";
import { joined, pick } from "../i18n";
import type { Menu } from "../line/menu";
import { LineTabs } from "../parts/LineTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import type { Picture, RichMenu } from "../types";

/** Where a picture is read: its type is not part of a menu, so the list of pictures says it. */
export const pictureOf = (id: string, all: Picture[]): string => {
  const known = all.find((x) => x.id === id);
  return known ? new URL(known.url).pathname : id && `${root}/i/${id}.png`;
};

const stateOf = (m: RichMenu) => (m.off ? "off" : m.problem ? "refused" : !m.made ? "making" : pick(m.stuck) ? "stuck" : m.waiting > 0 ? "giving" : "done");
const colour = { off: "gray", refused: "red", making: "blue", stuck: "orange", giving: "blue", done: "teal" } as const;

/** The menus below the chat on LINE: which one each person sees, and how far LINE is. */
export function LineMenus() {
  const { t } = useTranslation();
  const menus = useApi("/rich-menus", {}, { refetchInterval: (q) => (q.state.data?.items.some((m) => !["off", "refused", "done"].includes(stateOf(m))) ? 3_000 : 30_000) });
  const accounts = useApi("/line/accounts", {}, { staleTime: 60_000 });
  const segments = useApi("/segments", {}, { staleTime: 60_000 });
  const images = useApi("/images", {}, { staleTime: 60_000 });
  const rows = menus.data?.items ?? [];
  // As they are looked at: of an account the first whose people one is among.
  const accountsOf = [...new Set(rows.map((m) => m.account))];
  const make = <Button size="xs" component={Link} to="/line-accounts/menus/new">{t("menus.new")}</Button>;
  const segment = (m: RichMenu) => pick(segments.data?.items.find((s) => s.name === m.segment)?.title) || m.segment;
  return (
    <Page title={t("nav.outbox")} about={t("menus.about")} actions={rows.length > 0 && make}>
      <LineTabs at="menus" />
      {menus.error && !menus.data && <ProblemBox error={menus.error} retry={() => void menus.refetch()} />}
      {!menus.data && !menus.error && <Loading />}
      {menus.data && rows.length === 0 && <Empty title={t("menus.none")} action={make}>{t("menus.noneText")}</Empty>}
      {accountsOf.map((account) => {
        const mine = rows.filter((m) => m.account === account).sort((a, b) => Number(a.segment === "") - Number(b.segment === "") || b.priority - a.priority || (a.name < b.name ? -1 : 1));
        const a = accounts.data?.items.find((x) => x.name === account);
        const stuck = mine.map((m) => pick(m.stuck)).find(Boolean);
        return (
          <Stack key={account} gap="md" component="section" aria-label={pick(a?.title) || account}>
            {(accountsOf.length > 1 || (accounts.data?.items.length ?? 0) > 1) && <Title order={2}>{pick(a?.title) || account}</Title>}
            {accounts.data && !a && <Alert color="red">{t("menus.noAccount", { name: account })}</Alert>}
            {stuck && <Alert color="orange" title={t("menus.stuckTitle")}>{t("menus.stuckText", { said: stuck })}</Alert>}
            {mine.map((m, i) => {
              const state = stateOf(m);
              return (
                <Card key={m.name} withBorder padding="md" component="article" aria-label={pick(m.title) || m.name} data-state={state}>
                  <Group gap="lg" align="flex-start">
                    <Image src={pictureOf((m.definition as Menu).image, images.data?.items ?? [])} w={168} h={112} fit="contain" radius="sm" bg="var(--mantine-color-default-hover)" alt="" />
                    <Stack gap={6} flex={1} miw={220}>
                      <Group gap="sm"><Anchor component={Link} to={`/line-accounts/menus/${m.name}`} fw={700}>{pick(m.title) || m.name}</Anchor><Badge variant="light" color={colour[state]}>{t(`menuState.${state}`)}</Badge></Group>
                      <Text size="sm">{t("menus.order", { n: i + 1 })}　{m.segment ? <Anchor component={Link} to={`/segments/${m.segment}`} size="sm">{segment(m)}</Anchor> : t("menus.everybody")}</Text>
                      {state === "refused" && <Text size="sm" className="problem">{t("menus.refusedText", { said: m.problem })}</Text>}
                      {!m.off && m.segment !== "" && <Text size="sm" className="num">{joined([t("menus.shown", { n: count(m.people) }), m.waiting > 0 && t("menus.waiting", { n: count(m.waiting) })])}</Text>}
                      {m.waiting > 0 && <Progress value={(m.people / (m.people + m.waiting)) * 100} aria-label={t("menuState.giving")} maw={320} />}
                      {!m.off && m.segment === "" && <Text size="xs" c="dimmed">{t("menus.notCounted")}</Text>}
                    </Stack>
                  </Group>
                </Card>
              );
            })}
          </Stack>
        );
      })}
      {rows.length > 0 && <Text size="xs" c="dimmed">{t("menus.orderHint")}</Text>}
    </Page>
  );
}
