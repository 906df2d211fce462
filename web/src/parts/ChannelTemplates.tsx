import { Group, Stack, Text } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useApi } from "../api";
import { Named } from "../journey/fields";
import { Add, Icon } from "../journey/StepPanel";
import { channels as every, ofChannel } from "./channels";

/** Channels in order, each with its template: the first that reaches somebody is taken. What a channel asks for besides stands below. */
export function ChannelTemplates({ purpose, order, templates: chosen, notices = false, error, change }: {
  purpose: string; order: string[]; templates: Record<string, string>; notices?: boolean; error: (channel: string) => string | undefined; change: (order: string[], templates: Record<string, string>) => void;
}) {
  const { t } = useTranslation();
  const templates = useApi("/templates", {}, { staleTime: 10_000 });
  const all = templates.data?.items ?? [];
  const left = [...every, ...(notices ? ["line_notice"] : [])].filter((c) => !order.includes(c));
  const moved = (i: number, by: number) => order.map((x, k) => (k === i ? order[i + by] : k === i + by ? order[i] : x));
  const put = (to: string[], by: Record<string, string>) => change(to, Object.fromEntries(Object.entries(by).filter(([c, x]) => to.includes(c) && x)));
  const hints = order.filter((c) => ["social", "postal"].includes(c));
  return (
    <Stack gap="sm">
      {order.length > 1 && <Text size="xs" c="dimmed">{t("broadcast.orderHint")}</Text>}
      {order.map((c, i) => {
        const name = t(`channel.${c}`);
        return (
          <Group key={c} gap={2} wrap="nowrap" align="flex-end">
            <div style={{ flex: 1, minWidth: 0 }}><Named label={`${order.length > 1 ? `${i + 1}. ` : ""}${t("broadcast.template", { channel: name })}`} error={error(c)} value={chosen[c]} items={all.filter((x) => x.channel === ofChannel(c) && x.purpose === purpose)} onChange={(x) => put(order, { ...chosen, [c]: x })} hint={t("content.choose")} nothing={t("content.none")} /></div>
            {i > 0 && <Icon word={t("build.earlier", { channel: name })} icon={IconArrowUp} act={() => put(moved(i, -1), chosen)} />}
            {i < order.length - 1 && <Icon word={t("build.later", { channel: name })} icon={IconArrowDown} act={() => put(moved(i, 1), chosen)} />}
            {order.length > 1 && <Icon word={t("build.removeChannel", { channel: name })} icon={IconX} act={() => put(order.filter((x) => x !== c), chosen)} />}
          </Group>
        );
      })}
      {templates.data && order.some((c) => !chosen[c] && !all.some((x) => x.channel === ofChannel(c) && x.purpose === purpose)) && <Text size="sm">{t("build.noTemplateFits", { purpose: t(`purpose.${purpose}`) })} <Link to="/content" target="_blank">{t("content.new")}</Link></Text>}
      {hints.map((c) => <Text key={c} size="xs" c="dimmed">{t(`channelHint.${c}`)}</Text>)}
      <Group gap="xs">{left.map((c) => <Add key={c} word={t("build.addChannel", { channel: t(`channel.${c}`) })} act={() => put([...order, c], chosen)} />)}</Group>
      <Group gap="sm">{order.filter((c) => chosen[c]).map((c) => <Link key={c} to={`/content/${chosen[c]}`} target="_blank" style={{ fontSize: 13 }}>{t("build.seeTemplate", { channel: t(`channel.${c}`) })}</Link>)}</Group>
    </Stack>
  );
}
