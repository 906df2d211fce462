import { ActionIcon, Anchor, Button, Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, root, useApi, type ApiError } from "../api";
import { fieldProblem } from "../parts/FormModal";
import { Loading, Page, ProblemBox } from "../parts/Page";
import { Snippet } from "../parts/Snippet";

/** What a shop's pages load to send what visitors do, and the notice that the law asks for. */
export function Tag() {
  const { t } = useTranslation();
  const [token, setToken] = useState("");
  const saved = useApi("/settings/{name}", { path: { name: "transmission" } }, { refetchOnWindowFocus: false });
  return (
    <Page title={t("tag.title")} about={t("tag.about")} actions={<Anchor component={Link} to="/settings" size="sm">{t("tag.keys")}</Anchor>}>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("tag.install")}</Title>
        <Text size="sm" c="dimmed" mb="md">{t("tag.installAbout")}</Text>
        <Stack gap="md">
          <TextInput label={t("tag.key")} description={t("tag.keyAbout")} placeholder="wk_…" value={token} onChange={(e) => setToken(e.currentTarget.value.trim())} maw={560} autoComplete="off" />
          <Snippet token={token} pixel />
        </Stack>
      </Card>
      <Card withBorder padding="lg">
        <Title order={2} mb="sm">{t("tag.transmission")}</Title>
        <Text size="sm" c="dimmed" mb="sm">{t("tag.transmissionAbout")}</Text>
        <Text size="sm" mb="md"><Anchor href={`${root}/external-transmission`} target="_blank" rel="noopener">{location.origin}{root}/external-transmission</Anchor></Text>
        {saved.error && !saved.data && <ProblemBox error={saved.error} retry={() => void saved.refetch()} />}
        {!saved.data && !saved.error && <Loading lines={3} />}
        {saved.data && <Transmission key={saved.data.version} body={saved.data.body as Body} version={saved.data.version} reload={() => saved.refetch()} />}
      </Card>
    </Page>
  );
}

type Other = { service: string; recipient: string; items: string; purpose: string; opt_out?: string };
type Body = { shop_url?: string; others?: Other[] };
const fields = ["service", "recipient", "items", "purpose", "opt_out"] as const;

function Transmission({ body, version, reload }: { body: Body; version: number; reload: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const [url, setURL] = useState(body.shop_url ?? "");
  const [others, setOthers] = useState<Other[]>(body.others ?? []);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await request("put", "/settings/{name}", { path: { name: "transmission" }, body: { body: { ...(url.trim() && { shop_url: url.trim() }), others }, expect: version } });
      setError(null);
      await reload();
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };
  const set = (i: number, field: keyof Other, value: string) => setOthers(others.map((o, at) => (at === i ? { ...o, [field]: value } : o)));
  return (
    <form onSubmit={(e) => { e.preventDefault(); void save(); }}>
      <Stack gap="md">
        <TextInput label={t("tag.shopURL")} description={t("tag.shopURLAbout")} placeholder="https://" value={url} onChange={(e) => setURL(e.currentTarget.value)} error={fieldProblem(error, "shop_url")} maw={560} />
        <div>
          <Text size="sm" fw={500}>{t("tag.others")}</Text>
          <Text size="xs" c="dimmed">{t("tag.othersAbout")}</Text>
        </div>
        {others.map((o, i) => (
          <Group key={i} gap="sm" align="flex-end">
            {fields.map((f) => <TextInput key={f} w={200} label={t(`tag.other_${f}`)} value={o[f] ?? ""} onChange={(e) => set(i, f, e.currentTarget.value)} error={fieldProblem(error, `others[${i}].${f}`)} />)}
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("tag.removeOther", { name: o.service })} onClick={() => setOthers(others.filter((_, at) => at !== i))}><IconTrash size={18} /></ActionIcon>
          </Group>
        ))}
        {error && <ProblemBox error={error} />}
        <Group gap="sm">
          <Button variant="default" onClick={() => setOthers([...others, { service: "", recipient: "", items: "", purpose: "" }])}>{t("tag.addOther")}</Button>
          <Button type="submit" loading={busy}>{t("mail.save")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
