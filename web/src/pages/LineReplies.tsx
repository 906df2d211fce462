import { Anchor, Badge, Button, Card, Group, Select, Stack, Table, TagsInput, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi, type ApiError } from "../api";
import { short } from "../format";
import { joined, pick, type Text as Words } from "../i18n";
import { wordsOf } from "../line/words";
import { FormModal, fieldProblem } from "../parts/FormModal";
import { LineBubbles } from "../parts/LineBubbles";
import { LineTabs } from "../parts/LineTabs";
import { Empty, Loading, Page, ProblemBox } from "../parts/Page";
import { ReplyForm, type ReplyDefinition } from "../parts/ReplyForm";
import type { LineAccount, LineMessage, Reply } from "../types";

const priorityOf = (r: Reply) => (r.definition as ReplyDefinition).priority ?? 0;

/** What is answered on LINE by itself: keywords, and the words that stop advertising. */
export function LineReplies() {
  const { t } = useTranslation();
  const replies = useApi("/replies", {});
  const accounts = useApi("/line/accounts", {}, { staleTime: 60_000 });
  const templates = useApi("/templates", {}, { staleTime: 60_000 });
  const [open, setOpen] = useState<Reply | "new" | null>(null);
  const [round, setRound] = useState(0); // what was tried is asked again after a change
  const known = accounts.data?.items ?? [];
  // As they are looked at: the first that fits answers.
  const items = [...(replies.data?.items ?? [])].sort((a, b) => priorityOf(b) - priorityOf(a) || (a.name < b.name ? -1 : 1));
  const saved = () => { setOpen(null); void replies.refetch(); setRound((n) => n + 1); };
  const make = <Button size="xs" onClick={() => setOpen("new")}>{t("replies.new")}</Button>;
  const answer = (r: Reply) => {
    if (!r.template) return <Text size="sm" lineClamp={2}>{pick((r.definition as ReplyDefinition).text as Words)}</Text>;
    return <Anchor component={Link} to={`/content/${r.template}`} size="sm">{pick(templates.data?.items.find((x) => x.name === r.template)?.title) || r.template}</Anchor>;
  };
  return (
    <Page title={t("nav.outbox")} about={t("replies.about")} actions={items.length > 0 && make}>
      <LineTabs at="replies" />
      {replies.error && !replies.data && <ProblemBox error={replies.error} retry={() => void replies.refetch()} />}
      {!replies.data && !replies.error && <Loading />}
      {replies.data && items.length === 0 && <Empty title={t("replies.none")} action={make}>{t("replies.noneText")}</Empty>}
      {items.length > 0 && (
        <Card withBorder padding={0}><div className="scroll">
          <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
            <Table.Thead><Table.Tr><Table.Th>{t("content.name")}</Table.Th><Table.Th>{t("replies.words")}</Table.Th><Table.Th>{t("replies.answer")}</Table.Th>{known.length > 1 && <Table.Th>{t("replies.account")}</Table.Th>}<Table.Th ta="right">{t("replies.priority")}</Table.Th><Table.Th>{t("updated")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {items.map((r) => (
                <Table.Tr key={r.name}>
                  <Table.Td miw={170}><Group gap={6}><Anchor component="button" type="button" fw={600} ta="left" onClick={() => setOpen(r)}>{pick(r.title) || r.name}</Anchor>{r.off && <Badge variant="light" color="gray">{t("replies.off")}</Badge>}</Group></Table.Td>
                  <Table.Td miw={200}><Group gap={4}>{r.words.slice(0, 6).map((w) => <Badge key={w} variant="light" color="gray">{w}</Badge>)}{r.words.length > 6 && <Text size="xs" c="dimmed">{t("replies.moreWords", { n: r.words.length - 6 })}</Text>}</Group><Text size="xs" c="dimmed">{t(`replyMatch.${r.match}`)}</Text></Table.Td>
                  <Table.Td miw={220} maw={360}>{answer(r)}</Table.Td>
                  {known.length > 1 && <Table.Td>{r.account ? pick(known.find((a) => a.name === r.account)?.title) || r.account : t("replies.everyAccount")}</Table.Td>}
                  <Table.Td ta="right" className="num">{priorityOf(r)}</Table.Td>
                  <Table.Td className="num">{short(r.updated_at)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div></Card>
      )}
      {items.length > 1 && <Text size="xs" c="dimmed">{t("replies.order")}</Text>}
      <Try replies={items} accounts={known} round={round} />
      <Stopping changed={() => setRound((n) => n + 1)} />
      {open && <ReplyForm reply={open === "new" ? undefined : open} taken={items.map((r) => r.name)} accounts={known} close={() => setOpen(null)} saved={saved} />}
    </Page>
  );
}

const tried = (text: string, account: string, signal: AbortSignal) => request("post", "/replies/try", { body: { text, account }, signal });

/** What would be answered to a text, before a customer writes it. */
function Try({ replies, accounts, round }: { replies: Reply[]; accounts: LineAccount[]; round: number }) {
  const { t } = useTranslation();
  const [typed, setText] = useState("");
  const [chosen, setAccount] = useState<string | null>(null);
  const account = chosen ?? accounts[0]?.name ?? "";
  const [text] = useDebouncedValue(typed.trim(), 250);
  const answer = useQuery<Awaited<ReturnType<typeof tried>>, ApiError>({ queryKey: ["try-reply", text, account, round], enabled: text !== "", placeholderData: keepPreviousData, queryFn: ({ signal }) => tried(text, account, signal) });
  const a = text ? answer.data : undefined;
  const rule = a && (["stop", "start"].includes(a.reply) && a.consent ? t(`replies.did_${a.reply}`) : a.reply ? t("replies.did", { title: pick(replies.find((r) => r.name === a.reply)?.title) || a.reply }) : t("replies.didNothing"));
  return (
    <Card withBorder padding="lg" component="section" aria-label={t("replies.try")}>
      <Title order={2} mb={4}>{t("replies.try")}</Title>
      <Text size="sm" c="dimmed" mb="md">{t("replies.tryAbout")}</Text>
      <Group align="flex-end" gap="sm" mb="md">
        <TextInput flex={1} miw={220} label={t("replies.tryText")} placeholder={t("replies.tryHint")} value={typed} onChange={(e) => setText(e.currentTarget.value)} maxLength={5000} />
        {accounts.length > 1 && <Select label={t("replies.account")} value={account} onChange={setAccount} allowDeselect={false} data={accounts.map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} />}
      </Group>
      <div role="status">
        {text && answer.error && <ProblemBox error={answer.error} />}
        {a && !answer.error && (
          <Stack gap="sm" maw={420}>
            <Text size="sm" fw={600}>{rule}</Text>
            {(a.answer as LineMessage[]).length > 0 && <LineBubbles messages={a.answer as LineMessage[]} />}
          </Stack>
        )}
      </div>
    </Card>
  );
}

interface StopWords { stop?: string[]; start?: string[]; stopped?: Partial<Words>; started?: Partial<Words> }

/** The words by which people stop advertising and start it again. */
function Stopping({ changed }: { changed: () => void }) {
  const { t } = useTranslation();
  const setting = useApi("/settings/{name}", { path: { name: "replies" } });
  const [editing, setEditing] = useState(false);
  const s = setting.data?.body as StopWords | undefined;
  return (
    <Card withBorder padding="lg" component="section" aria-label={t("replies.stopping")}>
      <Group justify="space-between" mb={4}><Title order={2}>{t("replies.stopping")}</Title><Button size="xs" variant="default" disabled={!s} onClick={() => setEditing(true)}>{t("replies.change")}</Button></Group>
      <Text size="sm" c="dimmed" mb="md">{t("replies.stoppingAbout")}</Text>
      {setting.error && !s && <ProblemBox error={setting.error} retry={() => void setting.refetch()} />}
      {s && <Stack gap={4}>{(["stop", "start"] as const).map((k) => <Text key={k} size="sm"><b>{t(`replies.${k}`)}</b>　{s[k]?.length ? joined(s[k]) : t(`replies.usual_${k}`)}</Text>)}</Stack>}
      {editing && s && <StoppingForm setting={s} version={setting.data!.version} close={() => setEditing(false)} saved={() => { setEditing(false); void setting.refetch(); changed(); }} />}
    </Card>
  );
}

function StoppingForm({ setting: s, version, close, saved }: { setting: StopWords; version: number; close: () => void; saved: () => void }) {
  const { t } = useTranslation();
  const [d, setD] = useState(s);
  const said = (x?: Partial<Words>) => Object.fromEntries(Object.entries(x ?? {}).filter(([, v]) => v?.trim()));
  const save = async () => {
    const body = Object.fromEntries(Object.entries({ stop: d.stop ?? [], start: d.start ?? [], stopped: said(d.stopped), started: said(d.started) }).filter(([, v]) => Object.keys(v).length > 0));
    await request("put", "/settings/{name}", { path: { name: "replies" }, body: { body, expect: version } });
    saved();
  };
  return (
    <FormModal title={t("replies.stopping")} action={t("segment.save")} then={t("replies.usualHint")} ready save={save} close={close}>
      {(error) => (["stop", "start"] as const).map((k) => {
        const answer = k === "stop" ? "stopped" : "started";
        return (
          <Stack key={k} gap="sm">
            <TagsInput label={t(`replies.${k}`)} placeholder={d[k]?.length ? undefined : t(`replies.usual_${k}`)} value={d[k] ?? []} onChange={(v) => setD({ ...d, [k]: wordsOf(v) })} error={fieldProblem(error, k)} acceptValueOnBlur data-autofocus={k === "stop" || undefined} />
            {(["ja", "en"] as const).map((l) => <Textarea key={l} label={t(`replies.${answer}`, { language: t(`languageName.${l}`) })} placeholder={t("replies.usualText")} value={d[answer]?.[l] ?? ""} onChange={(e) => setD({ ...d, [answer]: { ...d[answer], [l]: e.currentTarget.value } })} autosize minRows={1} maxRows={6} maxLength={2500} />)}
          </Stack>
        );
      })}
    </FormModal>
  );
}
