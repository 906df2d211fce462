import type { ReactNode } from "react";
import { ActionIcon, Alert, Anchor, AppShell, Badge, Burger, Group, Kbd, Menu, NavLink, ScrollArea, Text, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { Spotlight, spotlight } from "@mantine/spotlight";
import { IconActivity, IconChartBar, IconDatabase, IconHome, IconLanguage, IconMail, IconMoon, IconRoute, IconSearch, IconSettings, IconSun, IconTargetArrow, IconTemplate, IconUsers, IconUsersGroup } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useNavigate } from "react-router";
import { request, useApi } from "./api";
import { instant } from "./format";
import { actor, joined, language, setLanguage } from "./i18n";
import { tell } from "./parts/confirm";
import { dataTabs } from "./parts/DataTabs";
import { StopButton, Stops } from "./parts/Stop";
import type { Alert as Warning, Session } from "./types";

const places = [
  { to: "/", key: "home", icon: IconHome },
  { to: "/live", key: "live", icon: IconActivity },
  { to: "/people", key: "people", icon: IconUsers },
  { to: "/segments", key: "segments", icon: IconUsersGroup },
  { to: "/audiences", key: "audiences", icon: IconTargetArrow },
  { to: "/journeys", key: "journeys", icon: IconRoute },
  { to: "/broadcasts", key: "outbox", icon: IconMail },
  { to: "/content", key: "content", icon: IconTemplate },
  { to: "/reports", key: "reports", icon: IconChartBar },
  { to: dataTabs[0].to, key: "data", icon: IconDatabase },
  { to: "/settings", key: "settings", icon: IconSettings },
] as const;

export function Shell({ session, children }: { session: Session; children: ReactNode }) {
  const { t } = useTranslation();
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  const scheme = useMantineColorScheme();
  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 236, breakpoint: "md", collapsed: { mobile: !opened } }} padding="xl">
      <a className="skip" href="#main">{t("nav.skip")}</a>
      <AppShell.Header>
        <Group h="100%" px="lg" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="md" size="sm" aria-label={t("nav.menu")} />
            <Link to="/" className="plain"><Text fw={700} size="lg" c="enji">縁 Enishi</Text></Link>
            {session.workspace && <Badge variant="light" color="gray" visibleFrom="xs">{session.workspace}</Badge>}
            {session.demo && <Badge variant="light" visibleFrom="xs">{t("nav.demo")}</Badge>}
            {session.sending === "off" && <Badge color="orange" variant="filled">{t("nav.sendingOff")}</Badge>}
          </Group>
          <Group gap="sm" wrap="nowrap">
            <StopButton />
            <UnstyledButton onClick={spotlight.open}>
              <Group gap="sm" px="sm" py={4} style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 8 }} wrap="nowrap">
                <IconSearch size={16} aria-hidden="true" /><Text size="sm" c="dimmed" className="from-sm">{t("nav.search")}</Text><Kbd size="xs" visibleFrom="sm" aria-hidden="true">Ctrl K</Kbd>
              </Group>
            </UnstyledButton>
            <Menu>
              <Menu.Target><ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("nav.language")}><IconLanguage size={20} /></ActionIcon></Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => setLanguage("ja")} lang="ja">日本語</Menu.Item>
                <Menu.Item onClick={() => setLanguage("en")} lang="en">English</Menu.Item>
              </Menu.Dropdown>
            </Menu>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("nav.theme")} onClick={() => scheme.toggleColorScheme()}>
              <IconSun size={20} className="mantine-hidden-from-dark" style={{ display: scheme.colorScheme === "dark" ? undefined : "none" }} />
              <IconMoon size={20} style={{ display: scheme.colorScheme === "dark" ? "none" : undefined }} />
            </ActionIcon>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm">
        <AppShell.Section grow component={ScrollArea}>
          <nav aria-label={t("nav.main")}>
            {places.map(({ to, key, icon: Icon }) => (
              <NavLink key={to} component={Link} to={to} onClick={close} label={t(`nav.${key}`)} leftSection={<Icon size={18} stroke={1.6} />}
                active={to === "/" ? pathname === "/" : pathname.startsWith(to) || (key === "outbox" && /^\/(outbox|deliverability|line-accounts|postal)/.test(pathname)) || (key === "data" && dataTabs.some((tab) => pathname.startsWith(tab.to)))} styles={{ root: { borderRadius: 8 } }} />
            ))}
          </nav>
        </AppShell.Section>
        <AppShell.Section>
          <Text size="xs" c="dimmed" px="sm">{joined([t(`role.${session.role}`), actor(session.name)])}</Text>
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <Stops role={session.role} />
        <Alerts />
        {children}
      </AppShell.Main>
      <Search />
    </AppShell>
  );
}

/** What needs a person, on every page until it is closed. */
function Alerts() {
  const { t } = useTranslation();
  const open = useApi("/alerts", {}, { refetchInterval: 15_000 });
  const alerts = open.data?.items ?? [];
  const colour = { info: "blue", warning: "orange", error: "red" } as const;
  const close = async (a: Warning) => {
    try {
      await request("post", "/alerts/{id}/close", { path: { id: a.id }, body: {} });
      void open.refetch();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <>
      {open.error?.problem.status === 0 && open.data && <Alert color="red" mb="md" title={open.error.message}>{t("nav.away")}</Alert>}
      {alerts.slice(0, 3).map((a) => (
        <Alert key={a.id} color={colour[a.severity]} mb="md" withCloseButton closeButtonLabel={t("close")} onClose={() => void close(a)} title={instant(a.at)}>
          {language() === "ja" ? a.text_ja || a.text : a.text}
          {a.href && <> <Anchor component={Link} to={a.href} inherit c="inherit" underline="always">{t("nav.toCause")}</Anchor></>}
        </Alert>
      ))}
    </>
  );
}

/** Ctrl-K: pages, and people by name, kana, address, phone or card. */
function Search() {
  const { t } = useTranslation();
  const go = useNavigate();
  const [query, setQuery] = useState("");
  const people = useApi("/people", { query: { limit: 8, q: query.trim() } }, { enabled: query.trim().length > 1 });
  useHotkeys([["mod+K", () => spotlight.open()]]);
  const pages = places.filter((p) => query === "" || t(`nav.${p.key}`).toLowerCase().includes(query.toLowerCase()));
  return (
    <Spotlight.Root query={query} onQueryChange={setQuery} shortcut={null}>
      <Spotlight.Search placeholder={t("nav.searchHint")} leftSection={<IconSearch size={18} />} />
      <Spotlight.ActionsList>
        {pages.map(({ to, key, icon: Icon }) => <Spotlight.Action key={to} label={t(`nav.${key}`)} leftSection={<Icon size={18} />} onClick={() => void go(to)} />)}
        {(people.data?.items ?? []).map((p) => (
          <Spotlight.Action key={p.id} label={p.name || t("person.unnamed")} description={joined([p.kana, p.identifiers[0]?.value])} leftSection={<IconUsers size={18} />} onClick={() => void go(`/people/${p.id}`)} />
        ))}
        {pages.length === 0 && !people.isFetching && !people.data?.items.length && <Spotlight.Empty>{t("nav.nothing")}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
