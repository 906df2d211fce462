import { Alert, Anchor, Badge, Button, Card, Code, Group, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, root, useApi, type ApiError } from "../api";
import { count, short } from "../format";
import { channels } from "../parts/channels";
import { Loading, Page, ProblemBox } from "../parts/Page";
import { modals, tell } from "../parts/confirm";
import { Snippet } from "../parts/Snippet";
import type { Key, Role } from "../types";

const roles: Role[] = ["viewer", "editor", "approver", "admin"];

export function Settings() {
  const { t } = useTranslation();
  const keys = useApi("/keys", {});
  const status = useApi("/status", {}, { refetchInterval: 5_000 });
  const [name, setName] = useState("");
  const [kind, setKind] = useState<Key["kind"]>("write");
  const [role, setRole] = useState<Role>("editor");
  const [made, setMade] = useState<{ token: string; kind: Key["kind"] } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const make = async () => {
    try {
      const k = await request("post", "/keys", { body: { name, kind, role: kind === "write" ? "" : role } });
      setMade({ token: k.token, kind });
      setName("");
      setError(null);
      void keys.refetch();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  const remove = async (k: Key) => {
    if (!(await modals.confirm(t("settings.removeTitle"), t(k.kind === "write" ? "settings.removeText" : "settings.removeToken", { name: k.name }), t("settings.remove")))) return;
    try {
      await request("delete", "/keys/{id}", { path: { id: k.id } });
      void keys.refetch();
    } catch (e) {
      tell(e);
    }
  };
  const s = status.data;
  return (
    <Page title={t("nav.settings")}>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("settings.keys")}</Title>
        <Text size="sm" c="dimmed" mb="md">{t("settings.keysAbout")}</Text>
        {keys.error && !keys.data && <ProblemBox error={keys.error} />}
        <div className="scroll"><Table>
          <Table.Thead><Table.Tr><Table.Th>{t("settings.keyName")}</Table.Th><Table.Th>{t("settings.kind")}</Table.Th><Table.Th>{t("settings.prefix")}</Table.Th><Table.Th>{t("settings.made")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
          <Table.Tbody>{(keys.data?.items ?? []).map((k) => <Table.Tr key={k.id}><Table.Td>{k.name}</Table.Td><Table.Td><Badge variant="light" color="gray">{k.kind === "write" ? t("settings.write") : t(`role.${k.role}`)}</Badge></Table.Td><Table.Td className="mono">{k.prefix}…</Table.Td><Table.Td className="num">{short(k.created_at)}</Table.Td><Table.Td ta="right"><Button size="compact-sm" variant="subtle" onClick={() => void remove(k)}>{t("settings.remove")}</Button></Table.Td></Table.Tr>)}</Table.Tbody>
        </Table></div>
        {keys.data?.items.length === 0 && <Text size="sm" c="dimmed">{t("settings.noKeys")}</Text>}
        <Group mt="md" gap="sm" align="flex-end">
          <TextInput label={t("settings.keyName")} value={name} onChange={(e) => setName(e.currentTarget.value)} />
          <Select label={t("settings.kind")} data={[{ value: "write", label: t("settings.write") }, { value: "admin", label: t("settings.console") }]} value={kind} onChange={(v) => setKind((v as Key["kind"] | null) ?? "write")} allowDeselect={false} />
          {kind === "admin" && <Select label={t("settings.role")} data={roles.map((r) => ({ value: r, label: t(`role.${r}`) }))} value={role} onChange={(v) => setRole((v as Role | null) ?? "editor")} allowDeselect={false} />}
          <Button disabled={!name.trim()} onClick={() => void make()}>{t("settings.make")}</Button>
        </Group>
        {error && <ProblemBox error={error} />}
        {made && (
          <Alert mt="md" color="teal" title={t("settings.once")}>
            <Code style={{ overflowWrap: "anywhere" }}>{made.token}</Code>
            {made.kind === "write" && <><Text size="sm" mt="md" mb={4}>{t("tag.installAbout")}</Text><Snippet token={made.token} /><Text size="sm" mt="md" mb={4}>{t("settings.try")}</Text><Code block>{`curl -u ${made.token}: -H 'Content-Type: application/json' \\\n  -d '{"event":"Product Viewed","anonymousId":"a1","properties":{"product_id":"P1"}}' ${location.origin}${root}/v1/track`}</Code></>}
          </Alert>
        )}
      </Card>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("tag.title")}</Title>
        <Text size="sm" c="dimmed" mb="sm">{t("tag.about")}</Text>
        <Anchor component={Link} to="/settings/tag" size="sm">{t("tag.open")}</Anchor>
      </Card>
      <Costs />
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("rules.title")}</Title>
        <Text size="sm" c="dimmed" mb="sm">{t("rules.about")}</Text>
        <Anchor component={Link} to="/settings/journeys" size="sm">{t("rules.open")}</Anchor>
      </Card>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("limits.title")}</Title>
        <Text size="sm" c="dimmed" mb="sm">{t("limits.about")}</Text>
        <Anchor component={Link} to="/settings/delivery" size="sm">{t("limits.open")}</Anchor>
      </Card>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("testers.title")}</Title>
        <Text size="sm" c="dimmed" mb="sm">{t("testers.about")}</Text>
        <Anchor component={Link} to="/settings/testers" size="sm">{t("testers.open")}</Anchor>
      </Card>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("settings.state")}</Title>
        {status.error && !s && <ProblemBox error={status.error} retry={() => void status.refetch()} />}
        {!s && !status.error && <Loading lines={6} />}
        {s && (
          <Stack gap={4}>
            {([["settings.profiles", count(s.profiles)], ["settings.orders", count(s.orders)], ["nav.dead", count(s.dead)], ["settings.oldestDue", short(s.oldest_due)], ["settings.clock", s.clock.virtual ? t("settings.virtual", { at: short(s.clock.at) }) : t("settings.wall")]] as const).map(([k, v]) => <Group key={k} justify="space-between" maw={480}><Text size="sm" c="dimmed">{t(k)}</Text><Text size="sm" className="num">{v}</Text></Group>)}
            {Object.entries(s.lag).map(([k, v]) => <Group key={k} justify="space-between" maw={480}><Text size="sm" c="dimmed">{t(`settings.lag_${k}`)}</Text><Text size="sm" className="num">{count(v)}</Text></Group>)}
          </Stack>
        )}
      </Card>
    </Page>
  );
}

type Prices = { currency?: string; prices?: Record<string, string> };

/** What a message costs by channel: the sheet before sending reckons with it. */
function Costs() {
  const { t } = useTranslation();
  const saved = useApi("/settings/{name}", { path: { name: "costs" } }, { refetchOnWindowFocus: false });
  const kept = (saved.data?.body as Prices | undefined)?.prices ?? {};
  const [now, setNow] = useState<Record<string, string>>({});
  const [error, setError] = useState<ApiError | null>(null);
  const prices = { ...kept, ...now };
  const save = async () => {
    try {
      await request("put", "/settings/{name}", { path: { name: "costs" }, body: { body: { ...(saved.data!.body as Prices), prices: Object.fromEntries(Object.entries(prices).filter(([, v]) => v.trim() !== "")) }, expect: saved.data!.version } });
      setNow({});
      setError(null);
      void saved.refetch();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Title order={2} mb="sm">{t("settings.costs")}</Title>
      <Text size="sm" c="dimmed" mb="md">{t("settings.costsAbout")}</Text>
      <Group gap="sm" align="flex-end">
        {channels.filter((c) => c !== "postal").map((c) => <TextInput key={c} w={160} inputMode="decimal" label={t("settings.cost", { channel: t(`channel.${c}`) })} value={prices[c] ?? ""} onChange={(e) => setNow({ ...now, [c]: e.currentTarget.value.normalize("NFKC") })} />)}
        <Button variant="default" disabled={!saved.data || Object.keys(now).length === 0} onClick={() => void save()}>{t("mail.save")}</Button>
      </Group>
      {error && <ProblemBox error={error} />}
    </Card>
  );
}
