import { Anchor, Badge, Button, Card, Group, Stack, Text, TextInput } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { clock } from "../format";
import { pick } from "../i18n";
import { DataTabs } from "../parts/DataTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import type { DebugCall } from "../types";

const remembered = "enishi-shop-address";

/** My browser now: each call of it as it came, and what became of it. */
export function Debugger() {
  const { t } = useTranslation();
  const [code] = useState(codeOfTab);
  const [shop, setShop] = useState(() => keep(localStorage, remembered) ?? "");
  const calls = useApi("/sources/debug/{code}", { path: { code } }, { refetchInterval: 1_500 });
  const items = [...(calls.data?.items ?? [])].reverse();
  const link = linkTo(shop, code);
  return (
    <Page title={t("nav.data")} about={t("debug.about")}>
      <DataTabs at="/sources/debug" />
      <Card withBorder padding="lg">
        <Group align="flex-end" gap="sm">
          <TextInput label={t("debug.shop")} placeholder="https://shop.example.co.jp/" value={shop} onChange={(e) => { setShop(e.currentTarget.value); keep(localStorage, remembered, e.currentTarget.value); }} error={shop && !link ? t("debug.wrong") : undefined} style={{ flex: "1 1 280px", maxWidth: 480 }} />
          {link && <Button component="a" href={link} target="_blank" rel="noopener" leftSection={<IconExternalLink size={16} />}>{t("debug.open")}</Button>}
        </Group>
        <Text size="sm" c="dimmed" mt="sm">{t("debug.how")}</Text>
        <Text size="sm" mt={4}>{t("debug.byHand")} <code>?enishi_debug={code}</code></Text>
        <Text size="xs" c="dimmed" mt={4}>{t("debug.bounds")}</Text>
      </Card>
      {calls.error && !calls.data && <ProblemBox error={calls.error} retry={() => void calls.refetch()} />}
      {!calls.data && !calls.error && <Loading />}
      {calls.data && items.length === 0 && <Empty title={t("debug.none")}>{t("debug.noneText")}</Empty>}
      <Stack gap="sm" aria-live="polite">{items.map((c) => <Call key={c.number} call={c} />)}</Stack>
    </Page>
  );
}

function Call({ call: c }: { call: DebugCall }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <Stack gap={4}>
          <Group gap="sm">
            <Text size="xs" c="dimmed" className="num">{clock(c.at)}</Text>
            <Badge variant="light" color={c.accepted ? "teal" : "red"}>{c.accepted ? t("debug.accepted") : t("debug.refused")}</Badge>
            <Text size="sm" fw={600}>{pick(c.label)}</Text>
            {c.profile && <Anchor component={Link} to={`/people/${c.profile}`} size="sm">{c.name || t("person.unnamed")}</Anchor>}
          </Group>
          {!c.accepted && <Text size="sm">{c.field && <code>{c.field}</code>} {pick(c.reason)}</Text>}
          {c.accepted && <Text size="sm" c="dimmed">{c.folded ? pick(c.summary) : t("debug.waiting")}</Text>}
          {c.followed.map((f, i) => (
            <Text key={i} size="sm">→ {f.journey ? <Anchor component={Link} to={`/journeys/${f.journey}`} size="sm">{pick(f.label)}</Anchor> : f.segment ? <Anchor component={Link} to={`/segments/${f.segment}`} size="sm">{pick(f.label)}</Anchor> : pick(f.label)} {pick(f.summary)}</Text>
          ))}
        </Stack>
        <Button size="compact-xs" variant="default" style={{ flexShrink: 0 }} aria-expanded={open} onClick={() => setOpen(!open)}>{open ? t("close") : t("debug.raw")}</Button>
      </Group>
      {open && <pre className="mono scroll">{pretty(c.raw)}</pre>}
    </Card>
  );
}

/** The code of this tab: the same after a reload, another one for everybody. */
function codeOfTab(): string {
  const made = [...crypto.getRandomValues(new Uint8Array(8))].map((x) => "abcdefghijkmnpqrstuvwxyz23456789"[x % 32]).join("");
  return keep(sessionStorage, "enishi-debug-code") ?? keep(sessionStorage, "enishi-debug-code", made) ?? made;
}

/** What a browser remembers; nothing where it may not. */
function keep(place: Storage, name: string, value?: string): string | null {
  try {
    if (value !== undefined) place.setItem(name, value);
    return place.getItem(name);
  } catch {
    return null;
  }
}

function linkTo(shop: string, code: string): string | null {
  try {
    const u = new URL(shop);
    if (u.protocol !== "https:" && u.protocol !== "http:") return null;
    u.searchParams.set("enishi_debug", code);
    return u.toString();
  } catch {
    return null;
  }
}

function pretty(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}
