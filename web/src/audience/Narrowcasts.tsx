import { Button, Card, NumberInput, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { count, short } from "../format";
import { pick, sentences } from "../i18n";
import { modals, tell, told } from "../parts/confirm";
import { fieldProblem, FormModal } from "../parts/FormModal";
import { Empty, Loading, ProblemBox } from "../parts/Page";
import type { AudiencePage, Narrowcast } from "../types";

/** Sends to everybody in an audience at LINE, by one call: how far each is, and a new one. */
export function Narrowcasts({ audience: a, may }: { audience: AudiencePage; may: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const list = useApi("/line/narrowcasts", { query: { kept: a.name } }, { refetchInterval: 3_000 });
  if (list.error && !list.data) return <ProblemBox error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  const items = list.data.items;
  const make = may && <Button size="xs" onClick={() => setOpen(true)} disabled={!a.remote}>{t("narrowcasts.new")}</Button>;
  const cancel = async (n: Narrowcast) => {
    if (!(await modals.confirm(t("narrowcasts.cancelTitle", { name: n.title }), pick(n.stop), t("narrowcasts.cancel")))) return;
    try {
      await request("post", "/line/narrowcasts/{id}/cancel", { path: { id: n.id }, body: {} });
      void list.refetch();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Stack gap="sm" align="flex-start">
      <Text size="sm" c="dimmed">{t("narrowcasts.about")}</Text>
      {items.length > 0 && make}
      {items.length === 0 && <div style={{ width: "100%" }}><Empty title={t("narrowcasts.none")} action={make}>{t(a.remote ? "narrowcasts.noneText" : "narrowcasts.noList")}</Empty></div>}
      {items.length > 0 && (
        <Card withBorder padding={0} w="100%">
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md">
              <Table.Thead><Table.Tr><Table.Th>{t("narrowcasts.title")}</Table.Th><Table.Th ta="right">{t("narrowcasts.people")}</Table.Th><Table.Th ta="right">{t("narrowcasts.sent")}</Table.Th><Table.Th>{t("audiences.state")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((n) => (
                  <Table.Tr key={n.id}>
                    <Table.Td miw={180}><Text size="sm" fw={600}>{n.title}</Text><Text size="xs" c="dimmed" className="num">{short(n.created_at)}</Text></Table.Td>
                    <Table.Td ta="right" className="num">{count(n.limit > 0 ? Math.min(n.limit, n.audience_people) : n.audience_people)}</Table.Td>
                    <Table.Td ta="right" className="num">{count(n.sent)}</Table.Td>
                    <Table.Td miw={220}><Text size="sm">{pick(n.state_label)}</Text><Text size="xs" c="dimmed">{sentences(pick(n.why), pick(n.figures))}</Text></Table.Td>
                    <Table.Td>{may && (n.state === "intent" || n.state === "stopped") && <Button size="compact-sm" variant="default" onClick={() => void cancel(n)}>{t("narrowcasts.cancel")}</Button>}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {open && <NarrowcastForm audience={a} close={() => setOpen(false)} done={() => { setOpen(false); told(t("narrowcasts.told")); void list.refetch(); }} />}
    </Stack>
  );
}

function NarrowcastForm({ audience: a, close, done }: { audience: AudiencePage; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const templates = useApi("/templates", {}, { staleTime: 60_000 });
  const [template, setTemplate] = useState<string | null>(null);
  const [title, setTitle] = useState("");
  const [limit, setLimit] = useState<number>();
  const titleOf = (name: string | null) => pick(templates.data?.items.find((x) => x.name === name)?.title);
  const people = limit ? Math.min(limit, a.in_list) : a.in_list;
  const save = async () => {
    await request("post", "/line/narrowcasts", { body: { kept: a.name, template: template ?? "", title: title.trim(), limit: limit ?? 0 } });
    done();
  };
  return (
    <FormModal title={t("narrowcasts.new")} action={t("narrowcasts.send", { n: count(people) })} then={t("narrowcasts.then", { n: count(people) })} ready={!!template && title.trim() !== ""} save={save} close={close}>
      {(error) => (
        <>
          <Select label={t("narrowcasts.template")} description={t("narrowcasts.templateHint")} placeholder={t("content.choose")} searchable nothingFoundMessage={t("replies.noTemplate")} value={template} error={fieldProblem(error, "template")} required
            onChange={(v) => { setTemplate(v); if (!title || title === titleOf(template)) setTitle(titleOf(v)); }}
            data={(templates.data?.items ?? []).filter((x) => x.channel === "line" && x.purpose === "marketing").map((x) => ({ value: x.name, label: pick(x.title) || x.name }))} />
          <TextInput label={t("narrowcasts.title")} description={t("narrowcasts.titleHint")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} maxLength={120} error={fieldProblem(error, "title")} required />
          <NumberInput label={t("narrowcasts.limit")} description={t("narrowcasts.limitHint")} value={limit ?? ""} onChange={(v) => setLimit(typeof v === "number" && v > 0 ? v : undefined)} min={0} max={1_500_000} allowDecimal={false} thousandSeparator="," w={240} maw="100%" error={fieldProblem(error, "limit")} />
        </>
      )}
    </FormModal>
  );
}
