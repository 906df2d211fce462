import { Alert, Anchor, Badge, Button, Card, Group, NativeSelect, Stack, Table, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";
import { request, useApi } from "../api";
import { instant, short } from "../format";
import { actor } from "../i18n";
import { modals, tell } from "../parts/confirm";
import { forget } from "../parts/draft";
import { Loading, ProblemBox } from "../parts/Page";
import { statusColour } from "../pages/Journeys";
import type { Journey } from "../types";
import { Canvas } from "./Canvas";
import { ChangeList } from "./ChangeList";
import { differences } from "./changes";
import { comparedLooks } from "./looks";
import type { Definition } from "./model";
import { wayWord, type Titles } from "./words";

type Row = Journey["history"][number];

/** The versions of a journey: who, when and why, one beside another on the canvas, and the way back to it. Kept in the address. */
export function History({ journey: j, titles }: { journey: Journey; titles: Titles }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const chosen = j.history.find((h) => h.version === Number(params.get("version")) && !h.deleted);
  const against = j.history.find((h) => h.version === Number(params.get("against")) && !h.deleted) ?? j.history.find((h) => h.version === j.version);
  const put = (by: Record<string, string>) => setParams((p) => { for (const [k, v] of Object.entries(by)) if (v) p.set(k, v); else p.delete(k); return p; }, { replace: true });
  return (
    <Stack gap="md">
      <Card withBorder padding="md">
        <div className="scroll" tabIndex={0} role="group" aria-label={t("journey.history")} style={{ maxHeight: 320, overflowY: "auto" }}><Table verticalSpacing={4} miw={560}>
          <Table.Thead><Table.Tr><Table.Th>{t("updated")}</Table.Th><Table.Th>{t("status")}</Table.Th><Table.Th>{t("journey.by")}</Table.Th><Table.Th>{t("reason")}</Table.Th><Table.Th aria-label={t("versions.compare")} /></Table.Tr></Table.Thead>
          <Table.Tbody>{j.history.map((h) => (
            <Table.Tr key={h.version} bg={h === chosen ? "var(--mantine-color-default-hover)" : undefined}>
              <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{short(h.at)}</Table.Td>
              <Table.Td><Badges h={h} j={j} /></Table.Td>
              <Table.Td>{actor(h.actor)}{t("paren", { text: t(`role.${h.role}`, { defaultValue: h.role }) })}</Table.Td>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{h.reason}</Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>{!h.deleted && h.version !== j.version && <Anchor component="button" size="sm" aria-pressed={h === chosen} aria-label={t("versions.compareAt", { at: instant(h.at) })} onClick={() => put({ version: h === chosen ? "" : String(h.version), against: "" })}>{t("versions.compare")}</Anchor>}</Table.Td>
            </Table.Tr>
          ))}</Table.Tbody>
        </Table></div>
      </Card>
      {chosen && against && <Beside key={`${chosen.version}-${against.version}`} journey={j} row={chosen} against={against} titles={titles} choose={(v) => put({ against: v === j.version ? "" : String(v) })} />}
    </Stack>
  );
}

function Badges({ h, j }: { h: Row; j: Journey }) {
  const { t } = useTranslation();
  if (h.deleted) return <Badge variant="light" color="gray">{t("versions.deleted")}</Badge>;
  return <Group gap={4} wrap="nowrap"><Badge variant="light" color={statusColour[h.status ?? ""]}>{t(`journeyStatus.${h.status}`, { defaultValue: "" })}</Badge>{h.version === j.version && <Badge variant="light" color="teal">{t("versions.current")}</Badge>}{h.version === j.acting && j.acting !== j.version && <Badge variant="light" color="blue">{t("versions.acting")}</Badge>}</Group>;
}

const useVersion = (name: string, version: number) => useApi("/definitions/{kind}/{name}", { path: { kind: "journey", name }, query: { version } }, { staleTime: Infinity });
/** The body of a version as the canvas draws it: its state is told beside. */
const bodyOf = (body: unknown): Definition => { const { state: _, ...d } = body as Definition & { state?: string }; return d; };

function Beside({ journey: j, row, against, titles, choose }: { journey: Journey; row: Row; against: Row; titles: Titles; choose: (version: number) => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [step, setStep] = useState("");
  const [busy, setBusy] = useState(false);
  const old = useVersion(j.name, row.version);
  const now = useVersion(j.name, against.version);
  const x = useMemo(() => {
    if (!old.data || !now.data) return undefined;
    // Whichever was chosen, the picture reads from the older one to the newer one.
    const [a, b] = row.version < against.version ? [bodyOf(old.data.body), bodyOf(now.data.body)] : [bodyOf(now.data.body), bodyOf(old.data.body)];
    const compared = differences(a, b);
    return { a, b, compared, looks: comparedLooks(compared, (w) => wayWord(a, w.from, w.field, t), t) };
  }, [old.data, now.data, row.version, against.version, t]);
  const failed = old.error ?? now.error;
  if (failed) return <ProblemBox error={failed} retry={() => { void old.refetch(); void now.refetch(); }} />;
  if (!x || !old.data) return <Loading lines={6} />;
  const back = async () => {
    if (!(await modals.confirm(t("versions.restoreTitle"), t("versions.draftText", { at: instant(row.at) }), t("versions.restore")))) return;
    setBusy(true);
    try {
      await request("put", "/journeys/{name}", { path: { name: j.name }, body: { definition: bodyOf(old.data.body) as never, status: "draft", expect: j.version, reason: t("versions.reason", { at: instant(row.at) }) } });
      forget(`journey-${j.name}`);
      void go(`/journeys/${j.name}/edit`);
    } catch (e) {
      tell(e);
      setBusy(false);
    }
  };
  const [from, to] = row.version < against.version ? [row, against] : [against, row];
  const none = x.compared.changes.length === 0;
  return (
    <Stack gap="md" data-compared>
      <Group justify="space-between" gap="sm" align="flex-end">
        <Group gap="sm" align="flex-end">
          <Text fw={600} size="sm" pb={6}>{t("change.between", { from: short(from.at), to: short(to.at) })}</Text>
          <NativeSelect size="xs" label={t("change.against")} value={against.version} onChange={(e) => choose(Number(e.currentTarget.value))} data={j.history.filter((h) => !h.deleted && h.version !== row.version).map((h) => ({ value: String(h.version), label: `${short(h.at)} ${t(`journeyStatus.${h.status}`, { defaultValue: "" })}` }))} />
        </Group>
        <Button size="xs" variant="default" loading={busy} onClick={() => void back()}>{t("versions.restore")}</Button>
      </Group>
      {none ? <Alert color="teal">{t("change.none")}</Alert> : (
        <>
          <Canvas definition={x.compared.merged} titles={titles} looks={x.looks} chosen={step} onChoose={setStep} />
          <ChangeList compared={x.compared} before={x.a} after={x.b} titles={titles} choose={setStep} />
        </>
      )}
    </Stack>
  );
}
