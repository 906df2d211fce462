import { Alert, Anchor, Badge, Button, Group, Modal, SimpleGrid, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { count, fresh, instant, money, percent } from "../format";
import { joined, language, pick } from "../i18n";
import type { BroadcastPage } from "../types";
import { asked } from "./campaign";
import { channelColour } from "./channels";
import { Findings } from "./Findings";
import { Links } from "./Links";
import { Loading, ProblemBox } from "./Page";
import { Message, useRendered } from "./Preview";

/** Before sending: the consequence, before the click. */
export function Sheet({ page, close, sent }: { page: BroadcastPage; close: () => void; sent: () => void }) {
  const { t } = useTranslation();
  const { name, broadcast: { test } } = page;
  const title = pick(page.title);
  const sheet = useApi("/broadcasts/{name}/sheet", { path: { name } }, { staleTime: 0, gcTime: 0 });
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const s = sheet.data;
  const people = s?.sent.reduce((n, x) => n + x.people, 0) ?? 0;
  const line = s?.sent.find((x) => x.channel === "line")?.people ?? 0;
  const short = s?.quota ? Math.max(0, line - s.quota.left) : 0;
  const priced = s?.sent.filter((x) => x.cost != null) ?? [];
  const cost = priced.length > 0 ? priced.reduce((n, x) => n + Number(x.cost), 0) : null;
  const later = s?.at && Date.parse(s.at) > Date.now() ? s.at : "";
  const first = test ? asked(people, test).reduce((n, x) => n + x, 0) : 0;
  const go = async () => {
    setBusy(true);
    try {
      await request("post", "/broadcasts/{name}/send", { path: { name }, body: { expect: s!.version, reason } });
      sent();
    } catch (e) {
      setError(e as ApiError);
      setBusy(false);
    }
  };
  const templates = useApi("/templates", {}, { staleTime: 60_000 });
  const titles = new Map((templates.data?.items ?? []).map((x) => [x.name, x.title]));
  const findings = Object.entries(s?.lint ?? {}).filter(([, l]) => l && l.items.length > 0);
  return (
    <Modal opened onClose={close} size="72rem" title={<Text fw={700}>{t("sheet.title")}　{title}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      {sheet.error && !s && <ProblemBox error={sheet.error} retry={() => void sheet.refetch()} />}
      {!s && !sheet.error && <Loading lines={6} />}
      {s && (
        <Stack gap="lg">
          <div>
            <Text fz={26} fw={700} className="num" style={{ whiteSpace: "normal" }}>{t(s.recurs ? "sheet.peopleNow" : "sheet.people", { n: count(people) })}</Text>
            <Group gap="sm">{s.sent.map((x) => <Badge key={x.channel} component={Link} target="_blank" to={`/people?broadcast=${name}&by=${x.channel}`} size="lg" variant="light" color={channelColour(x.channel)} style={{ cursor: "pointer" }}>{t(`channel.${x.channel}`)} {count(x.people)}</Badge>)}
              {cost !== null && <Text size="sm" fw={600} className="num">{t("sheet.cost", { amount: money(String(cost), s.currency) })}</Text>}
              {line > 0 && <Text size="sm" c={short ? "red" : "dimmed"}>{s.quota ? t("sheet.quota", { n: count(line), left: count(s.quota.left), limit: count(s.quota.limit) }) : t("sheet.line", { n: count(line) })}</Text>}</Group>
            {short > 0 && <Alert color="orange" p="sm" mt="sm">{t("sheet.short", { n: count(short) })}</Alert>}
            <Text size="xs" c="dimmed" mt={4}>{joined([t("sheet.of", { n: count(s.people) }), s.complete_through && t("through", { at: fresh(s.complete_through) })])}</Text>
          </div>
          {s.stops.length > 0 && <Alert color="red" title={t("sheet.stops")}><Stack gap={4}>{s.stops.map((x, i) => <Text key={i} size="sm">{(language() === "ja" && x.message_ja) || x.message}</Text>)}</Stack></Alert>}
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
            <div>
              <Title order={2} mb={4}>{t("sheet.leftOut")}</Title>
              {s.left_out.length === 0 && <Text size="sm" c="dimmed">{t("broadcast.nobodyOut")}</Text>}
              <Table verticalSpacing={4}><Table.Tbody>{s.left_out.map((r) => <Table.Tr key={r.reason}><Table.Td>{pick(r.text)}</Table.Td><Table.Td ta="right" className="num"><Anchor component={Link} target="_blank" to={`/people?broadcast=${name}&left_out=${encodeURIComponent(r.reason)}`} size="sm">{t("broadcast.nPeople", { n: count(r.people) })}</Anchor></Table.Td></Table.Tr>)}</Table.Tbody></Table>
              <Text size="xs" c="dimmed" mt={4}>{t("sheet.later")}</Text>
            </div>
            <div>
              <Title order={2} mb={4}>{t("sheet.when")}</Title>
              <Table verticalSpacing={4}><Table.Tbody>
                <Table.Tr><Table.Td>{t(s.recurs ? "sheet.next" : "broadcast.at")}</Table.Td><Table.Td>{later ? instant(later) : t(s.recurs ? "campaign.noUpcoming" : "broadcast.atOnce")}</Table.Td></Table.Tr>
                {test && <Table.Tr><Table.Td>{t("campaign.test")}</Table.Td><Table.Td>{t("sheet.test", { n: count(first), share: percent(test.share / 100), hours: test.after.replace(/h$/, "") })}</Table.Td></Table.Tr>}
                {Object.entries(s.opens).map(([channel, at]) => <Table.Tr key={channel}><Table.Td>{t(`channel.${channel}`)}</Table.Td><Table.Td>{t("sheet.opens", { at: instant(at) })}</Table.Td></Table.Tr>)}
                <Table.Tr><Table.Td>{t("broadcast.sendBy")}</Table.Td><Table.Td>{t("broadcast.hours", { n: s.send_by.replace(/h$/, "") })}</Table.Td></Table.Tr>
                <Table.Tr><Table.Td>{t("sheet.approver")}</Table.Td><Table.Td>{t(`role.${s.approver}`)} {s.may ? t("sheet.may") : t("sheet.mayNot")}</Table.Td></Table.Tr>
              </Table.Tbody></Table>
            </div>
          </SimpleGrid>
          {s.previews.length > 0 && (
            <div>
              <Title order={2} mb="sm">{t("sheet.previews")}</Title>
              <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md">{s.previews.map((p) => <One key={p.profile} preview={p} />)}</SimpleGrid>
            </div>
          )}
          {findings.map(([template, l]) => <div key={template}><Group justify="space-between" mb="sm"><Title order={2}>{t("lint.title")}</Title><Anchor component={Link} size="sm" to={`/content/${template}`}>{t("sheet.mend")}</Anchor></Group><Findings items={l!.items} /></div>)}
          {Object.keys(s.lint).map((template) => <Links key={template} name={template} title={Object.keys(s.lint).length > 1 ? t("links.of", { template: pick(titles.get(template)) || template }) : undefined} />)}
          {error && <ProblemBox error={error} />}
          <Group justify="space-between" align="flex-end" gap="md">
            <TextInput flex={1} miw={200} label={t("sheet.reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
            <Group gap="sm"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button loading={busy} disabled={s.stops.length > 0 || !s.may || (people === 0 && !s.recurs) || (s.recurs && !later)} onClick={() => void go()}>{s.recurs ? t("sheet.goRecurs", { at: instant(later) }) : later ? t("sheet.goLater", { n: count(people), at: instant(later) }) : t("sheet.go", { n: count(people) })}</Button></Group>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

function One({ preview: p }: { preview: { profile: string; name: string; channel: string; template: string; subject?: string; variant?: string } }) {
  const { t } = useTranslation();
  const rendered = useRendered(p.template, p.profile, "", undefined, undefined, p.subject);
  return <Stack gap="sm"><Group gap="sm"><Anchor component={Link} size="sm" to={`/people/${p.profile}`}>{p.name || t("person.unnamed")}</Anchor>{p.variant && <Badge variant="light">{t("campaign.variant", { v: p.variant.toUpperCase() })}</Badge>}</Group><Message rendered={rendered.data} error={rendered.error} channel={p.channel} small /></Stack>;
}
