import { Anchor, Badge, Button, Drawer, Group, Stack, Text, Timeline } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { count, instant, money } from "../format";
import { joined, pick } from "../i18n";
import { Loading, ProblemBox } from "../parts/Page";

export interface Opened { of: string; side: "" | "live"; person?: string }

/** The people behind a number of a try, and one person's way through it. */
export function TryPeople({ name, id, opened, label, open, close }: { name: string; id: string; opened: Opened; label: string; open: (x: Opened) => void; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Drawer opened onClose={close} position="right" size="md" title={<Text fw={700}>{label}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      {opened.person ? <Trace name={name} id={id} person={opened.person} side={opened.side} back={() => open({ of: opened.of, side: opened.side })} /> : <People key={opened.of + opened.side} name={name} id={id} opened={opened} open={open} />}
    </Drawer>
  );
}

function People({ name, id, opened, open }: { name: string; id: string; opened: Opened; open: (x: Opened) => void }) {
  const { t } = useTranslation();
  const [cursors, setCursors] = useState<string[]>([]);
  const page = useApi("/journeys/{name}/simulations/{id}/people", { path: { name, id }, query: { of: opened.of, side: opened.side, limit: 50, cursor: cursors.at(-1) ?? "" } }, { staleTime: Infinity, placeholderData: (old) => old });
  if (page.error) return <ProblemBox error={page.error} />;
  if (!page.data) return <Loading lines={6} />;
  const x = page.data;
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">{x.listed < x.all ? t("tries.listed", { n: count(x.all), listed: count(x.listed) }) : t("tries.people", { n: count(x.all) })}</Text>
      {x.items.map((p) => <Group key={p.profile} justify="space-between" gap="sm" wrap="nowrap"><Anchor component="button" type="button" size="sm" onClick={() => open({ ...opened, person: p.profile })}>{p.name || t("person.unnamed")}</Anchor><Anchor component={Link} to={`/people/${p.profile}`} size="xs" c="dimmed">{t("tries.page")}</Anchor></Group>)}
      <Group gap="sm">
        {cursors.length > 0 && <Button size="xs" variant="default" onClick={() => setCursors(cursors.slice(0, -1))}>{t("tries.before")}</Button>}
        {x.next && <Button size="xs" variant="default" onClick={() => setCursors([...cursors, x.next!])}>{t("tries.after")}</Button>}
      </Group>
    </Stack>
  );
}

function Trace({ name, id, person, side, back }: { name: string; id: string; person: string; side: "" | "live"; back: () => void }) {
  const { t } = useTranslation();
  const trace = useApi("/journeys/{name}/simulations/{id}/people/{profile}", { path: { name, id, profile: person }, query: { side } }, { staleTime: Infinity });
  if (trace.error) return <Stack><ProblemBox error={trace.error} /><Button size="xs" variant="default" onClick={back}>{t("tries.backToList")}</Button></Stack>;
  if (!trace.data) return <Loading lines={6} />;
  const x = trace.data;
  return (
    <Stack gap="md">
      <Group justify="space-between"><Anchor component={Link} to={`/people/${x.profile}`} fw={600}>{x.name || t("person.unnamed")}</Anchor><Button size="compact-sm" variant="default" onClick={back}>{t("tries.backToList")}</Button></Group>
      <Timeline bulletSize={14} lineWidth={2} active={x.steps.length}>
        {x.steps.filter((s) => s.kind !== "waits" || s.until).map((s, i) => (
          <Timeline.Item key={i} title={<Text size="sm" fw={600}>{t(`tries.kind_${s.kind}`)} {s.decision ? joined([t(`channel.${s.decision.channel}`, { defaultValue: s.decision.channel }), pick(s.text)]) : pick(s.text)}</Text>}>
            <Text size="xs" c="dimmed" className="num">{s.kind === "waits" ? t("person.until", { at: instant(s.until) }) : instant(s.at)}</Text>
          </Timeline.Item>
        ))}
      </Timeline>
      {x.cut && <Text size="xs" c="dimmed">{t("tries.cut")}</Text>}
      {x.orders.length > 0 && (
        <div>
          <Group gap="sm" mb={4}><Text size="sm" fw={600}>{t("tries.ordersInFact")}</Text><Badge variant="light" color="gray">{t("tries.observed")}</Badge></Group>
          {x.orders.map((o) => <Group key={o.id} justify="space-between"><Text size="sm" className="num">{instant(o.at)}</Text><Text size="sm" className="num">{money(o.revenue, o.currency)}</Text></Group>)}
        </div>
      )}
    </Stack>
  );
}
