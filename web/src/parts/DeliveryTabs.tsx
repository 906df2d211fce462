import { Tabs } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

/** On a narrow screen a list of tabs scrolls: the page one is on is in sight. */
export function useInSight(at: string) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const tab = list.current?.querySelector<HTMLElement>("[aria-selected=true]");
    if (list.current && tab) list.current.scrollLeft = tab.offsetLeft - 16;
  }, [at]);
  return list;
}

/** What leaves: to everybody in a segment; what has arrived in the inbox of development; what receivers made of our mail, what they ask of its sender; the official accounts of LINE; post. */
export function DeliveryTabs({ at }: { at: "broadcasts" | "broadcasts/calendar" | "broadcasts/contacts" | "outbox" | "deliverability" | "deliverability/sender" | "line-accounts" | "postal" }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const list = useInSight(at);
  return (
    <Tabs value={at} onChange={(v) => void go(`/${v}`)}>
      <Tabs.List ref={list}><Tabs.Tab value="broadcasts">{t("broadcast.title")}</Tabs.Tab><Tabs.Tab value="broadcasts/calendar">{t("campaign.calendar")}</Tabs.Tab><Tabs.Tab value="broadcasts/contacts">{t("contacts.title")}</Tabs.Tab><Tabs.Tab value="outbox">{t("broadcast.outbox")}</Tabs.Tab><Tabs.Tab value="deliverability">{t("deliverability.title")}</Tabs.Tab><Tabs.Tab value="deliverability/sender">{t("sender.title")}</Tabs.Tab><Tabs.Tab value="line-accounts">{t("channel.line")}</Tabs.Tab><Tabs.Tab value="postal">{t("postal.title")}</Tabs.Tab></Tabs.List>
    </Tabs>
  );
}
