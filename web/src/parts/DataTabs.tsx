import { Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useInSight } from "./DeliveryTabs";

/** The pages of the area, in the order of the bar: what comes in, how people are told apart, what goes out. A tab's words are data.KEY. */
export const dataTabs = [
  { to: "/sources", key: "sources" },
  { to: "/sources/events", key: "events" },
  { to: "/sources/debug", key: "debug" },
  { to: "/imports", key: "imports" },
  { to: "/moving", key: "moving" },
  { to: "/catalogue", key: "catalogue" },
  { to: "/identity", key: "identity" },
  { to: "/outflow", key: "outflow" },
  { to: "/dead", key: "dead" },
] as const;

/** Data: what the shop has connected, and what became of it. */
export function DataTabs({ at }: { at: (typeof dataTabs)[number]["to"] }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const list = useInSight(at);
  return (
    <Tabs value={at} onChange={(to) => to && void go(to)}>
      <Tabs.List ref={list}>{dataTabs.map(({ to, key }) => <Tabs.Tab key={to} value={to}>{t(`data.${key}`)}</Tabs.Tab>)}</Tabs.List>
    </Tabs>
  );
}
