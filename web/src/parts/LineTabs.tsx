import { Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { DeliveryTabs, useInSight } from "./DeliveryTabs";

const pages = { accounts: "/line-accounts", replies: "/line-accounts/replies", menus: "/line-accounts/menus", coupons: "/line-accounts/coupons" } as const;

/** The pages about LINE, below the tabs of what leaves. */
export function LineTabs({ at }: { at: keyof typeof pages }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const list = useInSight(at);
  return (
    <>
      <DeliveryTabs at="line-accounts" />
      <Tabs variant="pills" value={at} onChange={(v) => v && void go(pages[v as keyof typeof pages])}>
        <Tabs.List ref={list}>{(Object.keys(pages) as (keyof typeof pages)[]).map((p) => <Tabs.Tab key={p} value={p}>{t(`lineTab.${p}`)}</Tabs.Tab>)}</Tabs.List>
      </Tabs>
    </>
  );
}
