import { Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

const places = { segments: "/segments", lists: "/segments/lists", rankings: "/segments/rankings" };

/** What belongs to segments: themselves, and the static lists and rankings that they name. */
export function SegmentTabs({ at }: { at: keyof typeof places }) {
  const { t } = useTranslation();
  const go = useNavigate();
  return (
    <Tabs value={at} onChange={(v) => void go(places[(v ?? "segments") as keyof typeof places])}>
      <Tabs.List><Tabs.Tab value="segments">{t("nav.segments")}</Tabs.Tab><Tabs.Tab value="lists">{t("lists.title")}</Tabs.Tab><Tabs.Tab value="rankings">{t("rankings.title")}</Tabs.Tab></Tabs.List>
    </Tabs>
  );
}
