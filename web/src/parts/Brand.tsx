import { Button, Card, ColorInput, Group, SimpleGrid, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { clock } from "../format";
import { Images } from "./Images";
import { Loading, ProblemBox } from "./Page";

type Kit = Record<string, unknown>;
const texts = ["name", "address", "contact", "refuse", "url", "privacy_url", "logo", "logo_alt", "font"] as const;
const colours = ["colour", "colour_text", "colour_background"] as const;

/** The brand kit: who sends, in which colours, with which words. */
export function Brand() {
  const saved = useApi("/settings/{name}", { path: { name: "brand" } }, { refetchOnWindowFocus: false });
  if (saved.error && !saved.data) return <ProblemBox error={saved.error} retry={() => void saved.refetch()} />;
  if (!saved.data) return <Loading />;
  return <Form key={saved.data.version} kit={saved.data.body as Kit} version={saved.data.version} reload={() => void saved.refetch()} />;
}

function Form({ kit, version, reload }: { kit: Kit; version: number; reload: () => void }) {
  const { t } = useTranslation();
  const [now, setNow] = useState(kit);
  const [error, setError] = useState<ApiError | null>(null);
  const [at, setAt] = useState("");
  // A value may be one text, or one for each language: the form keeps what the other languages have.
  const value = (name: string) => { const v = now[name]; return typeof v === "string" ? v : ((v as Record<string, string> | undefined)?.ja ?? ""); };
  const set = (name: string, to: unknown) => setNow((k) => ({ ...k, [name]: typeof k[name] === "object" && !Array.isArray(k[name]) && typeof to === "string" ? { ...(k[name] as object), ja: to } : to }));
  const words = (name: string) => (Array.isArray(now[name]) ? (now[name] as string[]) : []);
  const save = async () => {
    try {
      await request("put", "/settings/{name}", { path: { name: "brand" }, body: { body: Object.fromEntries(Object.entries(now).filter(([, v]) => v !== "")), expect: version } });
      setAt(new Date().toISOString());
      setError(null);
      reload();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  return (
    <Card withBorder padding="lg">
      <Stack gap="md">
        <Text size="sm" c="dimmed">{t("brand.about")}</Text>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">{texts.map((x) => <TextInput key={x} label={t(`brand.${x}`)} value={value(x)} onChange={(e) => set(x, e.currentTarget.value)} rightSection={x === "logo" ? <Images onPick={(url) => set("logo", url)} /> : undefined} />)}</SimpleGrid>
        <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md">{colours.map((x) => <ColorInput key={x} label={t(`brand.${x}`)} value={value(x)} onChange={(v) => set(x, v)} popoverProps={{ withinPortal: true }} eyeDropperButtonProps={{ "aria-label": t("brand.pick") }} />)}</SimpleGrid>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">{(["tone", "avoid"] as const).map((x) => <TagsInput key={x} label={t(`brand.${x}`)} value={words(x)} onChange={(v) => set(x, v)} />)}</SimpleGrid>
        {error && <ProblemBox error={error} />}
        <Group justify="flex-end" gap="md">{at && <Text size="xs" c="dimmed" role="status">{t("mail.saved", { at: clock(at).slice(0, 5) })}</Text>}<Button disabled={JSON.stringify(now) === JSON.stringify(kit)} onClick={() => void save()}>{t("mail.save")}</Button></Group>
      </Stack>
    </Card>
  );
}
