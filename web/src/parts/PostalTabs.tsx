import { Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { DeliveryTabs, useInSight } from "./DeliveryTabs";

const pages = { batches: "/postal", quality: "/postal/quality", returns: "/postal/returns", provisions: "/postal/provisions", settings: "/postal/settings" } as const;

/** The pages about post, below the tabs of what leaves. */
export function PostalTabs({ at }: { at: keyof typeof pages }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const list = useInSight(at);
  return (
    <>
      <DeliveryTabs at="postal" />
      <Tabs variant="pills" value={at} onChange={(v) => v && void go(pages[v as keyof typeof pages])}>
        <Tabs.List ref={list}>{(Object.keys(pages) as (keyof typeof pages)[]).map((p) => <Tabs.Tab key={p} value={p}>{t(`postalTab.${p}`)}</Tabs.Tab>)}</Tabs.List>
      </Tabs>
    </>
  );
}
