import { Accordion, Anchor, Badge, Button, Card, Grid, Group, List as Bullets, Modal, Stack, Table, Tabs, Text, TextInput, Title, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { Disclosures } from "../audience/Disclosures";
import { request, useApi, type ApiError } from "../api";
import { count, day, instant, money, short } from "../format";
import { joined, pick } from "../i18n";
import { AddressBook } from "../parts/AddressBook";
import { tell } from "../parts/confirm";
import { Disclosure } from "../parts/Disclosure";
import { Coming, Consents, Features, Notes, OnLine, Stage, Traits } from "../parts/PersonKnown";
import { Household } from "../parts/Household";
import { Merges } from "../parts/Merges";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { PersonTimeline } from "../parts/PersonTimeline";
import { Permissions } from "../parts/Permissions";
import { SocialState } from "../parts/SocialState";
import { Why } from "../parts/Why";
import type { Person as PersonData } from "../types";

export function Person() {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const [params, setParams] = useSearchParams();
  const person = useApi("/people/{id}", { path: { id } }, { refetchInterval: 10_000 });
  const session = useApi("/session", {}, { staleTime: 60_000 });
  if (person.error && !person.data) return <Page title={t("person.one")}><ProblemBox error={person.error} retry={() => void person.refetch()} /></Page>;
  if (!person.data) return <Loading lines={10} />;
  const p = person.data;
  const asked = session.data?.role === "approver" || session.data?.role === "admin"; // who answers a person that asks for the record
  const h = p.header;
  const summary = joined([
    t("person.bought", { n: count(h.orders_count) }),
    t("person.spent", { amount: money(h.ltv, h.currency || "JPY") }),
    h.last_order_at && !h.last_order_at.startsWith("1970") ? t("person.last", { at: day(h.last_order_at) }) : "",
    h.last_store ?? "",
    h.subscription_orders ? t("person.subscription", { n: count(h.subscription_orders) }) : "",
  ]);
  return (
    <Page title={<Group gap="sm"><span>{p.name.display || t("person.unnamed")}</span><Stage person={p} />{p.hold && <Badge color="orange">{p.hold.until.startsWith("9999") ? t("person.held") : t("person.heldUntil", { at: short(p.hold.until) })}</Badge>}{p.risks.map((r) => <Badge key={r} color="red" variant="light">{t(`risk.${r}`, { defaultValue: r })}</Badge>)}</Group>}
      about={<>{[p.name.family_kana, p.name.given_kana].filter(Boolean).join(" ")}{p.name.family_kana ? "　" : ""}{summary}</>} through={p.complete_through} actions={<Actions person={p} reload={() => void person.refetch()} />}>
      <OnLine person={p} />
      <Group gap="sm">
        <Text size="sm" fw={600}>{t("person.reachNow")}</Text>
        {p.reach.map((r) => (
          <Tooltip key={r.channel} label={pick(r.reason)} disabled={!pick(r.reason)} events={{ hover: true, focus: true, touch: true }}>
            <Badge tabIndex={0} variant="light" color={r.ok ? "teal" : "gray"}>{t(`channel.${r.channel}`)} {r.ok ? "○" : "×"}{!r.ok && pick(r.reason) ? t("paren", { text: pick(r.reason) }) : ""}</Badge>
          </Tooltip>
        ))}
      </Group>
      <Coming person={p} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Tabs value={["orders", "addresses", "why", "consents", "disclosures"].find((x) => x === params.get("tab")) ?? "timeline"} onChange={(v) => setParams((q) => { if (v && v !== "timeline") q.set("tab", v); else q.delete("tab"); return q; }, { replace: true })} keepMounted={false}>
            <Tabs.List mb="md">
              <Tabs.Tab value="timeline">{t("person.timeline")}</Tabs.Tab>
              <Tabs.Tab value="orders">{t("person.ordersTab", { n: count(p.orders.length) })}</Tabs.Tab>
              <Tabs.Tab value="addresses">{t("addresses.tab")}</Tabs.Tab>
              <Tabs.Tab value="why">{t("person.why")}</Tabs.Tab>
              <Tabs.Tab value="consents">{t("person.consentHistory")}</Tabs.Tab>
              {asked && <Tabs.Tab value="disclosures">{t("audiences.disclosures")}</Tabs.Tab>}
            </Tabs.List>
            <Tabs.Panel value="timeline"><PersonTimeline id={p.id} /></Tabs.Panel>
            <Tabs.Panel value="orders"><Orders person={p} /></Tabs.Panel>
            <Tabs.Panel value="addresses"><AddressBook id={p.id} name={p.name.display} /></Tabs.Panel>
            <Tabs.Panel value="why"><Decisions id={p.id} /></Tabs.Panel>
            <Tabs.Panel value="consents"><Permissions id={p.id} /></Tabs.Panel>
            {asked && <Tabs.Panel value="disclosures"><Disclosures id={p.id} /></Tabs.Panel>}
          </Tabs>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}><Side person={p} reload={() => void person.refetch()} /></Grid.Col>
      </Grid>
    </Page>
  );
}

function Orders({ person }: { person: PersonData }) {
  const { t } = useTranslation();
  if (person.orders.length === 0) return <Empty title={t("person.noOrders")} />;
  return (
    <Stack gap="md">
      {person.orders.map((o) => (
        <Card key={o.order_id} withBorder padding="md">
          <Group justify="space-between" mb={4}>
            <Group gap="sm"><Text fw={600} size="sm" className="num">{o.order_id}</Text><Badge variant="light" color={o.status === "cancelled" || o.status === "returned" || o.status === "refunded" ? "gray" : "teal"}>{pick(o.status_label)}</Badge></Group>
            <Text fw={700} className="num">{money(o.total, o.currency)}</Text>
          </Group>
          <Text size="xs" c="dimmed">{joined([instant(o.placed_at), t(`touchpoint.${o.channel || "web"}`), o.store_name || o.store_id])}</Text>
          {o.lines.map((l, i) => <Text key={i} size="sm">{l.name || l.product_id} × {l.quantity || 1}</Text>)}
          {o.shipments.map((s) => (
            <Text key={s.shipment_id} size="sm" c="dimmed">{t("person.parcel")}: {joined([pick(s.status_label), `${s.carrier && t(`carrier.${s.carrier}`, { defaultValue: s.carrier })} ${s.tracking}`.trim(), s.delivered_at && !s.delivered_at.startsWith("1970") ? short(s.delivered_at) : s.estimated_at && !s.estimated_at.startsWith("1970") && t("person.estimated", { at: day(s.estimated_at) })])}</Text>
          ))}
        </Card>
      ))}
    </Stack>
  );
}

/** "Why did she (not) get it?" in one sentence, then the checks with their values. */
function Decisions({ id }: { id: string }) {
  const { t } = useTranslation();
  const decisions = useApi("/people/{id}/decisions", { path: { id }, query: { limit: 50 } }, { refetchInterval: 5_000 });
  if (decisions.error && !decisions.data) return <ProblemBox error={decisions.error} />;
  if (!decisions.data) return <Loading />;
  if (decisions.data.items.length === 0) return <Empty title={t("person.noDecisions")}>{t("person.noDecisionsText")}</Empty>;
  return (
    <Accordion variant="separated">
      {decisions.data.items.map((d) => (
        <Accordion.Item key={d.send_id + d.round + d.channel} value={d.send_id + d.round + d.channel}>
          <Accordion.Control>
            <Group gap="sm" wrap="nowrap" align="flex-start">
              <Badge color={d.sent ? "teal" : "gray"} style={{ flexShrink: 0 }}>{d.sent ? t("decision.sent") : t("decision.notSent")}</Badge>
              <div><Text size="sm">{pick(d.sentence)}</Text><Text size="xs" c="dimmed" className="num">{joined([instant(d.at), pick(d.journey_title)])}</Text></div>
            </Group>
          </Accordion.Control>
          <Accordion.Panel>
            <Table verticalSpacing={4}>
              <Table.Tbody>
                {d.checks.map((c) => <Table.Tr key={c.name}><Table.Td w={28}>{c.ok ? "○" : "×"}</Table.Td><Table.Td>{pick(c.label)}</Table.Td><Table.Td>{pick(c.detail)}</Table.Td></Table.Tr>)}
              </Table.Tbody>
            </Table>
            {d.delivery && <Text size="sm" mt="sm">{t("decision.delivery")}: {joined([t(`delivery.${d.delivery.state}`, { defaultValue: d.delivery.state }), short(d.delivery.at), d.delivery.reason])}</Text>}
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}

function Side({ person: p, reload }: { person: PersonData; reload: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="md">
      <Notes id={p.id} />
      <Features person={p} />
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("person.identifiers")}</Title>
        {p.identifiers.map((x) => (
          <Group key={x.kind + x.scope + x.value} justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
            <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>{t(`identifier.${x.kind}`)}</Text>
            <div><Text size="sm" ta="right" style={{ overflowWrap: "anywhere" }}>{x.value}</Text>{x.meant && <Text size="xs" ta="right" fw={600} style={{ overflowWrap: "anywhere" }}>{t("mistyped.meant", { meant: x.meant })}</Text>}</div>
          </Group>
        ))}
        <Merges person={p} reload={reload} />
      </Card>
      <Household id={p.id} />
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("nav.segments")}</Title>
        {p.segments.length === 0 && <Text size="sm" c="dimmed">{t("person.noSegments")}</Text>}
        {p.segments.map((s) => (
          <div key={s.name}>
            <Anchor component={Link} to={`/segments/${s.name}`} size="sm">{pick(s.title)}</Anchor>
            <Text size="xs" c="dimmed">{joined([t("person.since", { at: short(s.since) }), s.reasons.map(pick).join(t("comma"))])}</Text>
          </div>
        ))}
        <Why person={p.id} />
      </Card>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("person.runs")}</Title>
        {p.runs.length === 0 && <Text size="sm" c="dimmed">{t("person.noRuns")}</Text>}
        {p.runs.map((r) => (
          <div key={r.id}>
            <Anchor component={Link} to={`/journeys/${r.journey}?person=${p.id}&run=${r.id}`} size="sm">{pick(r.title)}</Anchor>
            <Text size="xs" c="dimmed">{r.end ? joined([t(`runEnd.${r.end}`, { defaultValue: r.end }), short(r.ended_at)]) : joined([pick(r.node_title), r.wait_until && t("person.until", { at: short(r.wait_until) })])}</Text>
          </div>
        ))}
      </Card>
      <Consents person={p} />
      <SocialState id={p.id} />
      <Traits id={p.id} />
    </Stack>
  );
}

function Actions({ person, reload }: { person: PersonData; reload: () => void }) {
  const { t } = useTranslation();
  const [opened, { open, close }] = useDisclosure();
  const [reason, setReason] = useState("");
  const [last, setLast] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const path = { id: person.id };
  const act = async (doing: Promise<unknown>) => {
    try {
      await doing;
      setError(null);
      close();
      reload();
    } catch (e) {
      if (opened) setError(e as ApiError);
      else tell(e);
    }
  };
  return (
    <>
      {person.hold ? (
        <Button size="xs" variant="default" onClick={() => void act(request("delete", "/people/{id}/hold", { path }))}>{t("person.release")}</Button>
      ) : (
        <Button size="xs" variant="default" onClick={open}>{t("person.hold")}</Button>
      )}
      <Disclosure id={person.id} />
      <Modal opened={opened} onClose={close} title={t("person.hold")} closeButtonProps={{ "aria-label": t("close") }}>
        <Stack>
          <Text size="sm">{t("person.holdText")}</Text>
          <TextInput label={t("reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} required data-autofocus />
          <Bullets size="xs" c="dimmed"><Bullets.Item>{t("person.holdHint")}</Bullets.Item></Bullets>
          <TextInput type="date" label={t("person.holdLast")} description={t("person.holdLastHint")} w={240} value={last} max="2199-12-31" onChange={(e) => setLast(e.currentTarget.value)} />
          {error && <ProblemBox error={error} />}
          <Group justify="flex-end"><Button disabled={!reason.trim()} onClick={() => void act(request("post", "/people/{id}/hold", { path, body: last ? { reason, last_day: last } : { reason } }))}>{t("person.holdDo")}</Button></Group>
        </Stack>
      </Modal>
    </>
  );
}
