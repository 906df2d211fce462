import { Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

/** What belongs to segments: themselves, and the rankings that they name. */
export function SegmentTabs({ at }: { at: "segments" | "rankings" }) {
  const { t } = useTranslation();
  const go = useNavigate();
  return (
    <Tabs value={at} onChange={(v) => void go(v === "rankings" ? "/segments/rankings" : "/segments")}>
      <Tabs.List><Tabs.Tab value="segments">{t("nav.segments")}</Tabs.Tab><Tabs.Tab value="rankings">{t("rankings.title")}</Tabs.Tab></Tabs.List>
    </Tabs>
  );
}
