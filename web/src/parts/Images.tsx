import { ActionIcon, Alert, FileButton, Button, Group, Image, Modal, ScrollArea, SimpleGrid, Stack, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { IconPhotoPlus, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { count } from "../format";
import { joined } from "../i18n";
import { Loading, ProblemBox } from "./Page";

/** What LINE shows: no GIF, no WebP, previews up to 1 MB. */
const forLine = (x: { type: string; size: number }) => (x.type === "jpg" || x.type === "png") && x.size <= 1 << 20;

/** Chooses one of the shop's pictures for a message, or uploads one. */
export function Images({ onPick, line = false }: { onPick: (url: string) => void; line?: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Tooltip label={t("images.choose")} openDelay={400}><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} aria-label={t("images.choose")} onClick={() => setOpen(true)}><IconPhotoPlus size={16} aria-hidden /></ActionIcon></Tooltip>
      {open && <Dialog line={line} close={() => setOpen(false)} onPick={(url) => { setOpen(false); onPick(url); }} />}
    </>
  );
}

function Dialog({ onPick, line, close }: { onPick: (url: string) => void; line: boolean; close: () => void }) {
  const { t } = useTranslation();
  const images = useApi("/images", {});
  const [error, setError] = useState<ApiError | null>(null);
  const [refused, setRefused] = useState(false);
  const [busy, setBusy] = useState(false);
  const upload = async (file: File | null) => {
    if (!file) return;
    setBusy(true);
    setError(null);
    try {
      const kept = await request("post", "/images", { body: { name: file.name, data: await base64(file) } });
      setRefused(line && !forLine(kept));
      if (!line || forLine(kept)) return onPick(kept.url);
      await images.refetch();
    } catch (e) {
      setError(e as ApiError);
    } finally {
      setBusy(false);
    }
  };
  const items = images.data?.items ?? [];
  return (
    <Modal opened onClose={close} size="xl" title={<Text fw={700}>{t("images.title")}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      <Stack gap="md">
        <Group justify="space-between" gap="sm"><Text size="sm" c="dimmed" flex={1} miw={240}>{t(line ? "images.aboutLine" : "images.about")}</Text>
          <FileButton accept="image/png,image/jpeg,image/gif,image/webp" onChange={(f) => void upload(f)}>{(props) => <Button {...props} size="xs" loading={busy} leftSection={<IconUpload size={15} aria-hidden />}>{t("images.upload")}</Button>}</FileButton></Group>
        {error && <ProblemBox error={error} />}
        {refused && <Alert color="orange" p="sm">{t("images.notLine")}</Alert>}
        {images.error && !images.data && <ProblemBox error={images.error} retry={() => void images.refetch()} />}
        {!images.data && !images.error && <Loading lines={3} />}
        {images.data && items.length === 0 && <Text size="sm" c="dimmed">{t("images.none")}</Text>}
        <ScrollArea.Autosize mah={480}>
          <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
            {items.map((x) => (
              <UnstyledButton key={x.id} disabled={line && !forLine(x)} onClick={() => onPick(x.url)} aria-label={x.name || x.type} style={{ opacity: line && !forLine(x) ? 0.4 : 1 }}>
                <Image src={new URL(x.url).pathname} alt="" h={110} fit="contain" radius="sm" bg="var(--mantine-color-default-hover)" />
                <Text size="xs" truncate>{x.name}</Text>
                <Text size="xs" c="dimmed">{joined([`${x.width} × ${x.height}`, `${count(Math.ceil(x.size / 1024))} KB`])}</Text>
              </UnstyledButton>
            ))}
          </SimpleGrid>
        </ScrollArea.Autosize>
      </Stack>
    </Modal>
  );
}

const base64 = (file: File) => new Promise<string>((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
  reader.onerror = () => reject(reader.error as Error);
  reader.readAsDataURL(file);
});
