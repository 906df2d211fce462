import { Alert, Badge, Box, Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { IconDownload, IconPrinter } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { useApi } from "../api";
import { instant } from "../format";
import { actor, joined, pick } from "../i18n";
import { useWords } from "../journey/fields";
import { expressionIn, valueWord } from "../journey/ChangeList";
import { layout } from "../journey/layout";
import { entryID, waysOf, type Definition, type Step } from "../journey/model";
import { pictureFile, PictureOf } from "../journey/PictureOf";
import { useTitles } from "../journey/useTitles";
import { nameOf, wayWord, type Titles } from "../journey/words";
import { tell } from "../parts/confirm";
import { saveBlob } from "../parts/download";
import { LineBubbles } from "../parts/LineBubbles";
import { Loading, Page, ProblemBox } from "../parts/Page";
import { useRendered } from "../parts/Preview";
import type { LineMessage } from "../types";
import { statusColour } from "./Journeys";

/** A journey on paper, for those who approve it: the picture, its rules and each step in words with what people will read. The newest version unless ?version= says another. */
export function JourneyPrint() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const [params] = useSearchParams();
  const asked = Number(params.get("version")) || 0;
  const journey = useApi("/journeys/{name}", { path: { name } });
  const old = useApi("/definitions/{kind}/{name}", { path: { kind: "journey", name }, query: { version: asked } }, { enabled: asked > 0, staleTime: Infinity });
  const titles = useTitles();
  const d = (asked ? old.data?.body : journey.data?.definition) as unknown as Definition | undefined;
  const order = useMemo(() => (d ? stepsInOrder(d) : []), [d]);
  const failed = journey.error ?? old.error;
  if (failed && !d) return <Page title={t("nav.journeys")}><ProblemBox error={failed} retry={() => void journey.refetch()} /></Page>;
  if (!d || !journey.data) return <Loading lines={8} />;
  const row = journey.data.history.find((h) => h.version === (asked || journey.data!.version));
  const numbers = new Map(order.map((id, i) => [id, i + 1]));
  const file = async (kind: "svg" | "png") => {
    try {
      saveBlob(await pictureFile("journey-picture", kind), `${name}.${kind}`);
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Box className="paper">
      <Page title={<Group gap="sm"><span>{pick(d.title)}</span>{row?.status && <Badge variant="light" color={statusColour[row.status]}>{t(`journeyStatus.${row.status}`)}</Badge>}</Group>} about={d.about && pick(d.about)} actions={
        <Group gap="sm" className="no-print">
          <Button size="xs" variant="default" component={Link} to={`/journeys/${name}`}>{t("print.back")}</Button>
          <Button size="xs" variant="default" leftSection={<IconDownload size={15} aria-hidden />} onClick={() => void file("svg")}>{t("print.svg")}</Button>
          <Button size="xs" variant="default" leftSection={<IconDownload size={15} aria-hidden />} onClick={() => void file("png")}>{t("print.png")}</Button>
          <Button size="xs" leftSection={<IconPrinter size={15} aria-hidden />} onClick={() => window.print()}>{t("print.print")}</Button>
        </Group>
      }>
        {row && <Text size="sm" c="dimmed">{joined([t("print.version", { n: String(row.version), at: instant(row.at) }), actor(row.actor), row.reason])}</Text>}
        <Rules d={d} titles={titles} />
        <Card withBorder padding="sm" className="sheet"><div className="scroll" tabIndex={0} role="group" aria-label={t("print.picture")}><PictureOf d={d} titles={titles} numbers={numbers} id="journey-picture" /></div></Card>
        <Title order={2}>{t("print.steps")}</Title>
        <Stack gap="sm" component="ol" p={0} m={0} style={{ listStyle: "none" }}>{order.map((id) => <StepCard key={id} d={d} id={id} titles={titles} numbers={numbers} />)}</Stack>
        <Alert color="gray" variant="light" p="sm"><Text size="xs">{t("print.sample")}</Text></Alert>
      </Page>
    </Box>
  );
}

/** The steps from the top of the picture to its foot. */
const stepsInOrder = (d: Definition): string[] => layout(d).boxes.filter((b) => b.id !== entryID).sort((a, b) => a.row - b.row || a.x - b.x).map((b) => b.id);

const rules = ["purpose", "consent", "topic", "cap", "quiet_hours", "send_days", "priority", "exit_on", "goal"] as const;

function Rules({ d, titles }: { d: Definition; titles: Titles }) {
  const { t } = useTranslation();
  const where = useWords(d.entry.where ?? "");
  const entry = joined([nameOf(d, entryID, t, titles), where && t("print.onlyIf", { where }), d.entry.key && t(`runKey.each_${d.entry.key}`, { defaultValue: d.entry.key }), valueWord("reentry", d.entry.reentry || "never", d, t, titles)]);
  const rows = rules.filter((f) => d[f] !== undefined).map((f): [string, string] => [t(`changed.${f}`), valueWord(f, d[f], d, t, titles)]);
  return <Card withBorder padding="sm" className="sheet"><Table verticalSpacing={4}><Table.Tbody>{[[t("node.entry"), entry], ...rows].map(([label, value]) => <Table.Tr key={label}><Table.Th w="30%" style={{ whiteSpace: "normal" }}>{label}</Table.Th><Table.Td>{value}</Table.Td></Table.Tr>)}</Table.Tbody></Table></Card>;
}

function StepCard({ d, id, titles, numbers }: { d: Definition; id: string; titles: Titles; numbers: Map<string, number> }) {
  const { t } = useTranslation();
  const n = d.nodes![id];
  const told = Object.entries(n).filter(([k]) => !["type", "title", "next", "else", "on_timeout", "branches", "ways", "template", "templates"].includes(k));
  const templates: [channel: string, name: string][] = n.template ? [["", n.template]] : (n.channels ?? []).flatMap((c): [string, string][] => (n.templates?.[c] ? [[c, n.templates[c]]] : []));
  return (
    <Card component="li" withBorder padding="md" className="sheet">
      <Text fw={700}>{numbers.get(id)}. {nameOf(d, id, t, titles)} <Text span size="xs" c="dimmed" fw={400}>{t(`node.${n.type}`, { defaultValue: n.type })}</Text></Text>
      {told.map(([k, v]) => <Text key={k} size="sm">{t(`changed.${k}`, { defaultValue: k })}: <Told field={k} of={v} d={d} titles={titles} /></Text>)}
      {waysOf(d, id).map((w) => (
        <Text key={w.field} size="sm">→ {numbers.get(w.to)}. {nameOf(d, w.to, t, titles)}{wayWord(d, id, w.field, t) && t("paren", { text: wayWord(d, id, w.field, t) })}{n.type === "branch" && w.index !== undefined && <> <Told field="branches[]" of={n.branches![w.index]} d={d} titles={titles} /></>}</Text>
      ))}
      {templates.map(([channel, name]) => <Copy key={channel + name} channel={channel} name={name} titles={titles} n={n} />)}
    </Card>
  );
}

function Told({ field, of, d, titles }: { field: string; of: unknown; d: Definition; titles: Titles }) {
  const { t } = useTranslation();
  const expression = expressionIn(field, of);
  const said = useWords(expression);
  return <>{expression ? said : valueWord(field, of, d, t, titles)}</>;
}

/** What people will read, as a made-up person gets it. */
function Copy({ channel, name, titles, n }: { channel: string; name: string; titles: Titles; n: Step }) {
  const { t } = useTranslation();
  const rendered = useRendered(name, "", "");
  const r = rendered.data;
  const line = (r?.messages as LineMessage[] | undefined) ?? [];
  return (
    <Box mt="sm" pl="md" style={{ borderLeft: "3px solid var(--mantine-color-default-border)" }}>
      <Text size="sm" fw={600}>{joined([channel && `${n.channels!.length > 1 ? `${n.channels!.indexOf(channel) + 1}. ` : ""}${t(`channel.${channel}`, { defaultValue: channel })}`, titles.template.get(name) ?? name])}</Text>
      {rendered.error && <Text size="sm" c="dimmed">{rendered.error.message}</Text>}
      {r && line.length > 0 && <Box mt={4} maw={420}><LineBubbles messages={line} /></Box>}
      {r && line.length === 0 && <><Text size="sm" mt={4}><b>{r.subject || t("preview.noSubject")}</b> {r.preheader}</Text><Text component="pre" size="sm" m={0} style={{ whiteSpace: "pre-wrap", fontFamily: "inherit", overflowWrap: "anywhere" }}>{r.text}</Text></>}
    </Box>
  );
}
