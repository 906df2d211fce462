import { Anchor, Badge, Button, Card, Group, Modal, Stack, Table, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { short } from "../format";
import { pick } from "../i18n";
import { Empty, Loading, ProblemBox } from "./Page";

/** Parts that many mails take in: a change reaches all of them at once. */
export function SharedBlocks() {
  const { t } = useTranslation();
  const blocks = useApi("/blocks", {});
  const [open, setOpen] = useState<string | null>(null);
  if (blocks.error && !blocks.data) return <ProblemBox error={blocks.error} retry={() => void blocks.refetch()} />;
  if (!blocks.data) return <Loading />;
  const fresh = <Button size="xs" variant="default" onClick={() => setOpen("")}>{t("shared.new")}</Button>;
  return (
    <Stack gap="md">
      <Group justify="space-between"><Text size="sm" c="dimmed" maw={640}>{t("shared.about")}</Text>{blocks.data.items.length > 0 && fresh}</Group>
      {blocks.data.items.length === 0 && <Empty title={t("shared.none")} action={fresh}>{t("shared.noneText")}</Empty>}
      {blocks.data.items.length > 0 && (
        <Card withBorder padding={0}><div className="scroll"><Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>{t("content.name")}</Table.Th><Table.Th>{t("content.usedIn")}</Table.Th><Table.Th>{t("updated")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{blocks.data.items.map((b) => <Table.Tr key={b.name}><Table.Td><Anchor component="button" fw={600} onClick={() => setOpen(b.name)}>{pick(b.title) || b.name}</Anchor></Table.Td><Table.Td>{b.used_in.length === 0 ? <Text size="xs" c="dimmed">{t("segments.unused")}</Text> : <Badge variant="light" color="gray">{t("shared.used", { n: b.used_in.length })}</Badge>}</Table.Td><Table.Td className="num">{short(b.updated_at)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table></div></Card>
      )}
      {open !== null && <Edit name={open} taken={blocks.data.items.map((b) => b.name)} close={() => { setOpen(null); void blocks.refetch(); }} />}
    </Stack>
  );
}

interface Body { title?: { ja?: string; en?: string }; variants: Record<string, { html?: string; text?: string }>; [other: string]: unknown }

function Edit({ name, taken, close }: { name: string; taken: string[]; close: () => void }) {
  const { t } = useTranslation();
  const saved = useApi("/blocks/{name}", { path: { name } }, { enabled: name !== "", refetchOnWindowFocus: false });
  if (saved.error) return <Modal opened onClose={close} title={t("shared.edit")} closeButtonProps={{ "aria-label": t("close") }}><ProblemBox error={saved.error} /></Modal>;
  if (name !== "" && !saved.data) return null;
  return <Form name={name} taken={taken} version={saved.data?.version ?? 0} used={saved.data?.used_in.length ?? 0} body={(saved.data?.definition as Body | undefined) ?? { variants: { ja: { html: "" } } }} close={close} />;
}

function Form({ name, taken, version, used, body, close }: { name: string; taken: string[]; version: number; used: number; body: Body; close: () => void }) {
  const { t } = useTranslation();
  const [now, setNow] = useState(body);
  const [error, setError] = useState<ApiError | null>(null);
  const [id, setID] = useState(name);
  const save = async () => {
    try {
      await request("put", "/blocks/{name}", { path: { name: id }, body: { definition: { ...now, name: id }, expect: version } });
      close();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Modal opened onClose={close} size="xl" title={<Text fw={700}>{t(name ? "shared.edit" : "shared.new")}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      <Stack gap="md">
        <TextInput label={t("content.name")} required value={now.title?.ja ?? ""} onChange={(e) => setNow({ ...now, title: { ja: e.currentTarget.value, en: e.currentTarget.value } })} />
        {!name && <TextInput label={t("shared.id")} description={t("shared.idHint")} required value={id} error={taken.includes(id) ? t("shared.taken") : undefined} onChange={(e) => setID(e.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, ""))} />}
        {Object.keys(now.variants).map((l) => <Textarea key={l} label={t("shared.html", { language: t(`languageName.${l}`, { defaultValue: l }) })} autosize minRows={6} maxRows={20} classNames={{ input: "mono" }} value={now.variants[l].html ?? ""} onChange={(e) => setNow({ ...now, variants: { ...now.variants, [l]: { ...now.variants[l], html: e.currentTarget.value } } })} />)}
        {!now.variants.en && <Button variant="subtle" size="compact-sm" w="max-content" onClick={() => setNow({ ...now, variants: { ...now.variants, en: { ...now.variants.ja } } })}>{t("mail.addLanguage", { name: t("languageName.en") })}</Button>}
        {error && <ProblemBox error={error} />}
        <Group justify="space-between"><Text size="sm">{used > 0 && t("shared.consequence", { n: used })}</Text><Group gap="sm"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button disabled={!now.title?.ja?.trim() || !id || (!name && taken.includes(id))} onClick={() => void save()}>{t("mail.save")}</Button></Group></Group>
      </Stack>
    </Modal>
  );
}
