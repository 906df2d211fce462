import { Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

/** What leaves: to everybody in a segment; what has arrived in the inbox of development; what receivers made of our mail, and what they ask of its sender. */
export function DeliveryTabs({ at }: { at: "broadcasts" | "outbox" | "deliverability" | "deliverability/sender" }) {
  const { t } = useTranslation();
  const go = useNavigate();
  return (
    <Tabs value={at} onChange={(v) => void go(`/${v}`)}>
      <Tabs.List><Tabs.Tab value="broadcasts">{t("broadcast.title")}</Tabs.Tab><Tabs.Tab value="outbox">{t("broadcast.outbox")}</Tabs.Tab><Tabs.Tab value="deliverability">{t("deliverability.title")}</Tabs.Tab><Tabs.Tab value="deliverability/sender">{t("sender.title")}</Tabs.Tab></Tabs.List>
    </Tabs>
  );
}
