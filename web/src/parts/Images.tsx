import { ActionIcon, Alert, FileButton, Button, Group, Image, Modal, ScrollArea, SimpleGrid, Stack, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { IconPhotoPlus, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError } from "../api";
import { count } from "../format";
import { joined } from "../i18n";
import { takes } from "../line/menu";
import type { Picture } from "../types";
import { Loading, ProblemBox } from "./Page";

type Use = "mail" | "line" | "menu";

/** What can be chosen: LINE shows no GIF, no WebP, previews up to 1 MB, and its menus have a shape. */
const fits: Record<Use, (x: Picture) => boolean> = { mail: () => true, line: (x) => (x.type === "jpg" || x.type === "png") && x.size <= 1 << 20, menu: takes };

/** Chooses one of the shop's pictures for a message, or uploads one. */
export function Images({ onPick, line = false }: { onPick: (url: string) => void; line?: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Tooltip label={t("images.choose")} openDelay={400}><ActionIcon variant="subtle" color="gray" c="dimmed" size={26} aria-label={t("images.choose")} onClick={() => setOpen(true)}><IconPhotoPlus size={16} aria-hidden /></ActionIcon></Tooltip>
      {open && <ImageDialog use={line ? "line" : "mail"} close={() => setOpen(false)} onPick={(x) => { setOpen(false); onPick(x.url); }} />}
    </>
  );
}

const about = { mail: "images.about", line: "images.aboutLine", menu: "images.aboutMenu" } as const;
const refusedText = { mail: "images.notLine", line: "images.notLine", menu: "images.notMenu" } as const;

export function ImageDialog({ onPick, use, close }: { onPick: (x: Picture) => void; use: Use; close: () => void }) {
  const { t } = useTranslation();
  const images = useApi("/images", {});
  const [error, setError] = useState<ApiError | null>(null);
  const [refused, setRefused] = useState<Picture | null>(null);
  const [busy, setBusy] = useState(false);
  const upload = async (file: File | null) => {
    if (!file) return;
    setBusy(true);
    setError(null);
    try {
      const kept = await request("post", "/images", { body: { name: file.name, data: await base64(file) } });
      if (fits[use](kept)) return onPick(kept);
      setRefused(kept);
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
        <Group justify="space-between" gap="sm"><Text size="sm" c="dimmed" flex={1} miw={240}>{t(about[use])}</Text>
          <FileButton accept="image/png,image/jpeg,image/gif,image/webp" onChange={(f) => void upload(f)}>{(props) => <Button {...props} size="xs" loading={busy} leftSection={<IconUpload size={15} aria-hidden />}>{t("images.upload")}</Button>}</FileButton></Group>
        {error && <ProblemBox error={error} />}
        {refused && <Alert color="orange" p="sm">{t(refusedText[use], { size: `${refused.width} × ${refused.height}` })}</Alert>}
        {images.error && !images.data && <ProblemBox error={images.error} retry={() => void images.refetch()} />}
        {!images.data && !images.error && <Loading lines={3} />}
        {images.data && items.length === 0 && <Text size="sm" c="dimmed">{t("images.none")}</Text>}
        <ScrollArea.Autosize mah={480}>
          <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
            {items.map((x) => (
              <UnstyledButton key={x.id} disabled={!fits[use](x)} onClick={() => onPick(x)} aria-label={x.name || x.type} style={{ opacity: fits[use](x) ? 1 : 0.4 }}>
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
