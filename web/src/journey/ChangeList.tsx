import { Anchor, Badge, Card, Group, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { TFunction } from "i18next";
import { joined, pick, type Text as Words } from "../i18n";
import type { Change, Compared, FieldChange } from "./changes";
import { useWords } from "./fields";
import { markOf } from "./looks";
import { entryID, type Definition, type Happening, type Step } from "./model";
import { describe, duration, happening, nameOf, wayWord, type Titles } from "./words";

/** What differs between two versions, in words; a click on a step's name chooses it on the canvas. */
export function ChangeList({ compared, before, after, titles, choose }: { compared: Compared; before: Definition; after: Definition; titles: Titles; choose: (id: string) => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: "none" }} aria-label={t("change.list")}>
      {compared.changes.map((c) => {
        const name = c.at === "" ? t("build.whole") : nameOf(c.mark === "removed" ? before : after, c.at, t, titles);
        return (
          <Card key={c.at} component="li" withBorder padding="sm">
            <Group gap="sm" mb={c.fields.length ? 4 : 0}>
              <Badge variant="light" color={markOf(c.mark, t).colour}>{markOf(c.mark, t).sign}</Badge>
              {c.at !== "" && <Text size="xs" c="dimmed">{t(`node.${c.at === entryID ? "entry" : (c.mark === "removed" ? before : after).nodes![c.at].type}`, { defaultValue: "" })}</Text>}
              {c.at === "" ? <Text size="sm" fw={600}>{name}</Text> : <Anchor component="button" type="button" size="sm" fw={600} onClick={() => choose(c.at)}>{name}</Anchor>}
            </Group>
            {c.fields.length > 0 && <Fields change={c} before={before} after={after} titles={titles} />}
          </Card>
        );
      })}
    </Stack>
  );
}

function Fields({ change, before, after, titles }: { change: Change; before: Definition; after: Definition; titles: Titles }) {
  const { t } = useTranslation();
  return (
    <div className="scroll"><Table verticalSpacing={4} miw={420} layout="fixed">
      <Table.Thead><Table.Tr><Table.Th w="30%">{t("change.field")}</Table.Th><Table.Th>{t("change.before")}</Table.Th><Table.Th>{t("change.after")}</Table.Th></Table.Tr></Table.Thead>
      <Table.Tbody>
        {change.fields.map((f) => (
          <Table.Tr key={f.field}>
            <Table.Td>{fieldWord(change.at, f, before, after, t)}</Table.Td>
            <Table.Td style={{ overflowWrap: "anywhere" }}><Value f={f} of={f.before} d={before} titles={titles} /></Table.Td>
            <Table.Td style={{ overflowWrap: "anywhere" }}><Value f={f} of={f.after} d={after} titles={titles} /></Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table></div>
  );
}

function fieldWord(at: string, f: FieldChange, before: Definition, after: Definition, t: TFunction): string {
  if (f.field === "leads.start") return t("build.firstStep");
  if (f.field.startsWith("leads.")) {
    const field = f.field.slice("leads.".length);
    const way = wayWord(f.after === undefined ? before : after, at, field, t);
    return way ? t("build.nextOf", { name: way }) : t("build.next");
  }
  const list = /^(branches|ways)\[(\d+)\]$/.exec(f.field);
  if (list) return t(list[1] === "branches" ? "build.conditionNth" : "change.wayNth", { n: Number(list[2]) + 1 });
  return t(`changed.${f.field}`, { defaultValue: f.field });
}

function Value({ f, of, d, titles }: { f: FieldChange; of: unknown; d: Definition; titles: Titles }) {
  const { t } = useTranslation();
  const condition = expressionIn(f.field, of);
  const said = useWords(condition);
  const text = condition ? said : valueWord(f.field, of, d, t, titles);
  return text ? <Text size="sm">{text}</Text> : <Text size="sm" c="dimmed">{t("change.nothing")}</Text>;
}

/** The expression that a value of a field is, if it is one: the server reads it to say it in words. */
export function expressionIn(field: string, v: unknown): string {
  if (field.startsWith("branches[")) return (v as { if?: string } | undefined)?.if ?? "";
  return (field === "where" || field === "until_true") && typeof v === "string" ? v : "";
}

const happenings = ["until_event", "reset_on", "goal"];

/** A value as a marketer reads it; what has no words of its own is shown as it is written. */
export function valueWord(field: string, v: unknown, d: Definition, t: TFunction, titles: Titles): string {
  if (v === undefined || v === null || v === "" || v === false) return "";
  if (v === true) return t("change.yes");
  if (field.startsWith("leads.")) return d.nodes?.[v as string] ? nameOf(d, v as string, t, titles) : "";
  if (field === "title" || field === "about") return pick(v as Words);
  if (field === "exit_on") return joined((v as Happening[]).map((h) => happening(h, t, titles)));
  if (happenings.includes(field)) return happening(v as Happening, t, titles);
  if (field === "until") { const u = v as NonNullable<Step["until"]>; return joined([describe({ type: "wait", until: u }, t, titles), u.date, u.offset && duration(u.offset, t)]); }
  if (field.startsWith("ways[")) { const w = v as { title?: Words; weight: number }; return joined([w.title && pick(w.title), t("change.weight", { n: w.weight })]); }
  if (field === "channels") return (v as string[]).map((c) => t(`channel.${c}`, { defaultValue: c })).join(" → ");
  if (field === "templates") return Object.entries(v as Record<string, string>).map(([c, x]) => `${t(`channel.${c}`, { defaultValue: c })}: ${titles.template.get(x) ?? x}`).join(t("comma"));
  if (field === "purpose") return t(`purpose.${v as string}`);
  if (field === "consent") return t(v === "not_refused" ? "build.notRefused" : "build.optIn");
  if (field === "reentry") return t(`reentry.${String(v).split(":")[0]}`, { d: duration(String(v).split(":")[1], t), defaultValue: String(v) });
  if (field === "type") return t(`node.${v as string}`, { defaultValue: String(v) });
  return written(field, v, t, titles);
}

function written(field: string, v: unknown, t: TFunction, titles: Titles): string {
  if (field === "event") return happening({ event: v as string }, t, titles);
  if (field === "events") return happening({ events: v as string[] }, t, titles);
  if (field === "cap") { const m = /^(\d+)\/(\d+[smhdw])$/.exec((v as { default: string }).default); return m ? t("change.cap", { n: m[1], d: duration(m[2], t) }) : t("build.cap_none"); }
  if (field === "quiet_hours") { const q = v as { from?: string; to?: string; off?: boolean }; return q.off ? t("build.quiet_none") : `${q.from ?? ""}–${q.to ?? ""}`; }
  if (field === "send_days") { const s = v as NonNullable<Definition["send_days"]>; return joined([(s.weekdays ?? []).map((w) => t(`weekday.${w}`)).join(t("comma")), s.not_on_holidays && t("build.noHolidays"), s.not_on_closed_days && t("build.noClosed")]); }
  if (field === "points") { const p = v as NonNullable<Step["points"]>; return joined([t("flow.points", { n: p.amount ?? 0 }), p.reason, p.expires && duration(p.expires, t)]); }
  if (field === "order") return (v as number[]).join(t("comma"));
  if (field === "percent") return `${v as number}%`;
  const named = { template: titles.template, segment: titles.segment, journey: titles.journey }[field];
  if (named) return named.get(String(v)) ?? String(v);
  if (typeof v === "string") return duration(v, t);
  return typeof v === "number" ? String(v) : JSON.stringify(v);
}
