import { Anchor, Button, Chip, Group, ScrollArea, Select, Stack, Text, TextInput, Timeline, Tooltip } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconBox, IconBuildingStore, IconClick, IconMail, IconMessage, IconNote, IconRoute, IconSearch, IconShoppingBag, IconUser, IconUsersGroup } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useApi } from "../api";
import { clock, count, day, money, month } from "../format";
import { pick } from "../i18n";
import type { TimelineItem } from "../types";
import { dateOf, midnight } from "../zone";
import { folded, monthsBetween } from "./timeline";
import { Empty, Loading, ProblemBox } from "./Page";

const icons: Record<string, typeof IconUser> = { web: IconClick, order: IconShoppingBag, shipment: IconBox, store: IconBuildingStore, contact: IconMessage, message: IconMail, segment: IconUsersGroup, journey: IconRoute, note: IconNote };
const kinds = ["order", "shipment", "store", "web", "contact", "message", "journey", "segment", "consent", "profile", "note", "other"];
const channels = ["web", "app", "store", "marketplace", "phone", "chat", "email", "line", "sms", "push", "postal", "social"];

/** All that happened, newest first: by kind, channel and text, over years. The address holds what is shown. */
export function PersonTimeline({ id }: { id: string }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const put = (values: Record<string, string>, replace = true) => setParams((q) => {
    if (!("before" in values)) q.delete("before");
    for (const [k, v] of Object.entries(values)) if (v) q.set(k, v); else q.delete(k);
    return q;
  }, { replace });
  const get = (name: string) => params.get(name) ?? "";
  const filter = { kinds: get("kinds"), channel: get("channel"), q: get("q") };
  const until = get("until"); // a month, as 2026-11
  const before = get("before");
  const narrowed = filter.kinds !== "" || filter.channel !== "" || filter.q !== "";
  const page = useApi("/people/{id}/timeline", { path: { id }, query: { ...filter, limit: 100, before, until: until ? midnight(nextMonth(until)) : undefined } }, { placeholderData: (old) => old, refetchInterval: before || until ? false : 5_000 });
  const [text, setText] = useState(filter.q);
  const search = useDebouncedCallback((q: string) => put({ q: q.trim() }), 300);
  const items = page.data?.items;
  return (
    <Stack gap="md">
      <Group gap="sm" align="flex-end">
        <TextInput size="xs" flex="1 1 200px" aria-label={t("timeline.search")} placeholder={t("timeline.search")} leftSection={<IconSearch size={14} aria-hidden />} value={text} onChange={(e) => { setText(e.currentTarget.value); search(e.currentTarget.value); }} />
        <Select size="xs" w={170} aria-label={t("timeline.channel")} placeholder={t("timeline.channel")} clearable clearButtonProps={{ "aria-label": t("timeline.anyChannel") }} value={filter.channel || null} onChange={(v) => put({ channel: v ?? "" })}
          data={channels.map((c) => ({ value: c, label: t(`timelineChannel.${c}`) }))} />
      </Group>
      <Chip.Group multiple value={filter.kinds ? filter.kinds.split(",") : []} onChange={(v) => put({ kinds: v.join(",") })}>
        <Group gap={6} role="group" aria-label={t("timeline.kinds")}>{kinds.map((k) => <Chip key={k} size="xs" value={k}>{t(`timelineKind.${k}`)}</Chip>)}</Group>
      </Chip.Group>
      <Months id={id} filter={filter} chosen={until} choose={(m) => put({ until: m })} />
      {page.error && !page.data && <ProblemBox error={page.error} retry={() => void page.refetch()} />}
      {!items && !page.error && <Loading />}
      {items?.length === 0 && (narrowed || until || before ? <Empty title={t("timeline.nothing")} action={<Button size="xs" variant="default" onClick={() => { setText(""); put({ kinds: "", channel: "", q: "", until: "" }); }}>{t("timeline.all")}</Button>} /> : <Empty title={t("person.noEvents")} />)}
      {items && items.length > 0 && <Days items={items} />}
      <Group gap="sm">
        {(before || until) && <Button size="xs" variant="default" onClick={() => put({ until: "" }, false)}>{t("timeline.newest")}</Button>}
        {page.data?.next && <Button size="xs" variant="default" onClick={() => put({ before: page.data!.next! }, false)}>{t("older")}</Button>}
      </Group>
    </Stack>
  );
}

const nextMonth = (m: string): string => new Date(Date.UTC(Number(m.slice(0, 4)), Number(m.slice(5, 7)), 1)).toISOString().slice(0, 10);

/** A bar for each month: how much happened, and the way there. */
function Months({ id, filter, chosen, choose }: { id: string; filter: { kinds: string; channel: string; q: string }; chosen: string; choose: (m: string) => void }) {
  const { t } = useTranslation();
  const activity = useApi("/people/{id}/activity", { path: { id }, query: filter }, { placeholderData: (old) => old, staleTime: 30_000 });
  const view = useRef<HTMLDivElement>(null);
  const months = monthsBetween(activity.data?.items ?? []);
  useEffect(() => { view.current?.scrollTo({ left: view.current.scrollWidth }); }, [months.length]);
  if (months.length < 2) return null;
  const most = Math.max(...months.map((m) => m.events));
  return (
    <ScrollArea viewportRef={view} type="auto" offsetScrollbars="x" viewportProps={{ tabIndex: 0, role: "group", "aria-label": t("timeline.months") }}>
      <Group gap={1} wrap="nowrap" align="flex-end">
        {months.map((m) => (
          <Tooltip key={m.month} label={t("timeline.month", { at: month(m.month), n: count(m.events) })} events={{ hover: true, focus: true, touch: true }}>
            <button type="button" className="month" aria-pressed={m.month === chosen} aria-label={t("timeline.month", { at: month(m.month), n: count(m.events) })} onClick={() => choose(m.month === chosen ? "" : m.month)}>
              <span style={{ height: m.events ? Math.max(2, Math.round((36 * m.events) / most)) : 1, opacity: m.events ? 1 : 0.3 }} />
              <small data-tick={m.month.endsWith("-01") ? m.month.slice(0, 4) : m.month.slice(5).replace(/^0/, "")} />
            </button>
          </Tooltip>
        ))}
      </Group>
    </ScrollArea>
  );
}

function Days({ items }: { items: TimelineItem[] }) {
  const groups: { day: string; items: TimelineItem[] }[] = [];
  for (const x of items) {
    const at = dateOf(x.at);
    if (groups.at(-1)?.day === at) groups.at(-1)!.items.push(x);
    else groups.push({ day: at, items: [x] });
  }
  return groups.map((g) => (
    <section key={g.day} aria-label={day(g.items[0].at)}>
      <Text size="xs" fw={700} c="dimmed" className="num" mb={6}>{day(g.items[0].at)}</Text>
      <Timeline bulletSize={26} lineWidth={2}>{folded(g.items).map((list) => <Row key={list[0].id} list={list} />)}</Timeline>
    </section>
  ));
}

/** One event, or several pages in a row that are seen one by one when somebody asks. */
function Row({ list, ...line }: { list: TimelineItem[] }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const e = list[0];
  const Icon = icons[e.kind] ?? IconUser;
  const many = list.length > 1;
  return (
    <Timeline.Item {...line} bullet={<Icon size={14} aria-hidden />} title={<Group gap="sm"><Text size="sm" fw={600}>{many ? t("timeline.pages", { n: count(list.length) }) : pick(e.label)}</Text>{!many && e.amount && e.amount !== "0" && <Text size="sm" className="num">{money(e.amount, e.currency || "JPY")}</Text>}</Group>}>
      {many ? (
        <>
          <Anchor component="button" type="button" size="xs" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? t("timeline.fold") : t("timeline.unfold")}</Anchor>
          {open && list.map((x) => <Text key={x.id} size="sm"><span className="num">{clock(x.at)}</span> {pick(x.label)} {pick(x.summary)}</Text>)}
        </>
      ) : pick(e.summary) && <Text size="sm" style={{ overflowWrap: "anywhere" }}>{pick(e.summary)}</Text>}
      <Text size="xs" c="dimmed" className="num">{many ? `${clock(list.at(-1)!.at)} – ${clock(e.at)}` : clock(e.at)}</Text>
    </Timeline.Item>
  );
}
