import { Alert, Anchor, Badge, Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi, type Got } from "../api";
import { count, instant, short } from "../format";
import { actor } from "../i18n";
import { modals, tell } from "./confirm";
import { changes, compare } from "./diff";
import { linesOf } from "./lines";
import { Loading, ProblemBox } from "./Page";

type VersionRow = Got<"/definitions">["items"][number];

/** The versions of a definition: who and when, what one says beside the current one, and the way back to it. */
export function Versions({ kind, name, history, version, now, restore }: { kind: "template" | "words"; name: string; history: VersionRow[]; version: number; now: unknown; restore: (definition: unknown, reason: string) => Promise<void> }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState(0);
  const row = history.find((h) => h.version === chosen);
  return (
    <Stack gap="md">
      <Card withBorder padding="md">
        <Title order={2} mb="sm">{t("journey.history")}</Title>
        <div className="scroll"><Table verticalSpacing={4}><Table.Tbody>
          {history.map((h) => (
            <Table.Tr key={h.version}>
              <Table.Td className="num">{short(h.at)}</Table.Td><Table.Td>{actor(h.actor)}</Table.Td><Table.Td>{h.reason}</Table.Td>
              <Table.Td>{h.version === version ? <Badge variant="light" color="teal">{t("versions.current")}</Badge> : h.deleted ? <Badge variant="light" color="gray">{t("versions.deleted")}</Badge>
                : <Anchor component="button" size="sm" aria-pressed={chosen === h.version} aria-label={t("versions.compareAt", { at: instant(h.at) })} onClick={() => setChosen(chosen === h.version ? 0 : h.version)}>{t("versions.compare")}</Anchor>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody></Table></div>
      </Card>
      {row && <Compared key={row.version} kind={kind} name={name} row={row} now={now} restore={restore} />}
    </Stack>
  );
}

function Compared({ kind, name, row, now, restore }: { kind: "template" | "words"; name: string; row: VersionRow; now: unknown; restore: (definition: unknown, reason: string) => Promise<void> }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const old = useApi("/definitions/{kind}/{name}", { path: { kind, name }, query: { version: row.version } }, { staleTime: Infinity });
  const rows = useMemo(() => (old.data ? changes(compare(linesOf(old.data.body), linesOf(now))) : []), [old.data, now]);
  if (old.error) return <ProblemBox error={old.error} retry={() => void old.refetch()} />;
  if (!old.data) return <Loading lines={3} />;
  const back = async () => {
    if (!(await modals.confirm(t("versions.restoreTitle"), t("versions.restoreText", { at: instant(row.at) }), t("versions.restore")))) return;
    setBusy(true);
    try {
      await restore(old.data.body, t("versions.reason", { at: instant(row.at) }));
    } catch (e) {
      tell(e);
    } finally {
      setBusy(false);
    }
  };
  const same = !rows.some((r) => typeof r !== "number");
  return (
    <Card withBorder padding="md" data-compared>
      <Group justify="space-between" mb="sm"><Text fw={600}>{t("versions.title", { at: instant(row.at) })}</Text><Button size="xs" variant="default" loading={busy} disabled={same} onClick={() => void back()}>{t("versions.restore")}</Button></Group>
      {same ? <Alert color="teal">{t("versions.same")}</Alert> : (
        <div className="scroll" tabIndex={0} role="group" aria-label={t("versions.title", { at: instant(row.at) })}><table className="diff">
          <thead><tr><th scope="col">{short(row.at)}</th><th scope="col">{t("versions.current")}</th></tr></thead>
          <tbody>{rows.map((r, i) => (typeof r === "number" ? <tr key={i}><td colSpan={2} className="skipped">{t("versions.skipped", { n: count(r) })}</td></tr>
            : <tr key={i}><Side text={r.left} mark={r.same ? "" : "−"} name={r.same ? "" : "gone"} /><Side text={r.right} mark={r.same ? "" : "+"} name={r.same ? "" : "come"} /></tr>))}</tbody>
        </table></div>
      )}
    </Card>
  );
}

const Side = ({ text, mark, name }: { text: string | null; mark: string; name: string }) => (text === null ? <td /> : <td className={`mono ${name}`}>{mark && `${mark} `}{text}</td>);
