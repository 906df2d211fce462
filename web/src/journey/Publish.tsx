import { Alert, Button, Group, Modal, NativeSelect, Radio, Stack, Stepper, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi, type ApiError, type Got } from "../api";
import { count } from "../format";
import { pick } from "../i18n";
import { Loading, ProblemBox } from "../parts/Page";
import type { Journey } from "../types";
import { ExpectedEntries } from "./Expected";
import { nameOf, type Titles } from "./words";
import type { Definition } from "./model";

const states = ["draft", "in_review", "approved", "live"] as const;
type To = (typeof states)[number];
type Flight = Got<"/journeys/{name}/flight">["items"];

/** From draft to live, and what becomes of who is under way. */
export function Publish({ journey, titles, close, done, failed }: { journey: Journey; titles: Titles; close: () => void; done: (to: To) => void; failed: (e: ApiError) => void }) {
  const { t } = useTranslation();
  const session = useApi("/session", {}, { staleTime: 60_000 });
  const flight = useApi("/journeys/{name}/flight", { path: { name: journey.name } }, { staleTime: 0, refetchOnMount: "always" });
  const [then, setThen] = useState<"finish" | "move" | "exit">("finish");
  const [moves, setMoves] = useState<Record<string, string>>({});
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const may = ["approver", "admin"].includes(session.data?.role ?? "");
  const rows = flight.data?.items ?? [];
  const people = rows.reduce((n, r) => n + r.standing, 0);
  const go = async (to: To) => {
    setBusy(true);
    setError(null);
    try {
      const nodes = Object.fromEntries(Object.entries(moves).filter(([, x]) => x));
      const said = people === 0 ? undefined : then === "move" && Object.keys(nodes).length ? { then, nodes } : { then };
      await request("post", "/journeys/{name}/status", { path: { name: journey.name }, body: { status: to, expect: journey.version, reason, ...(to === "live" && said ? { in_flight: said } : {}) } });
      done(to);
    } catch (e) {
      setError(e as ApiError);
      failed(e as ApiError);
      setBusy(false);
    }
  };
  const s = journey.status;
  return (
    <Modal opened onClose={close} size="lg" title={<Text fw={700}>{t("publish.title")}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
      {flight.error && <ProblemBox error={flight.error} retry={() => void flight.refetch()} />}
      {!flight.data && !flight.error && <Loading lines={3} />}
      {flight.data && (
        <Stack gap="lg">
          <Stepper size="xs" active={Math.max(0, states.indexOf(s as To))} aria-label={t("status")}>{states.map((x) => <Stepper.Step key={x} label={t(`journeyStatus.${x}`)} allowStepSelect={false} />)}</Stepper>
          {people > 0 && <UnderWay rows={rows} people={people} journey={journey} titles={titles} then={then} setThen={setThen} moves={moves} setMoves={setMoves} />}
          <Text size="sm">{t(people > 0 ? "publish.newPeople" : "journey.liveText")}</Text>
          <ExpectedEntries name={journey.name} d={journey.definition as unknown as Definition} />
          <TextInput size="sm" label={t("sheet.reason")} value={reason} maxLength={500} onChange={(e) => setReason(e.currentTarget.value)} />
          {!may && <Alert color="blue" p="sm">{t("publish.mayNot")}</Alert>}
          {error && <ProblemBox error={error} />}
          <Group justify="space-between" gap="sm">
            <Group gap="sm">
              {(s === "in_review" || s === "approved") && <Button variant="default" disabled={busy} onClick={() => void go("draft")}>{t("publish.back")}</Button>}
            </Group>
            <Group gap="sm">
              {s === "draft" && <Button variant="default" disabled={busy} onClick={() => void go("in_review")}>{t("publish.askReview")}</Button>}
              {(s === "draft" || s === "in_review") && <Button variant="default" disabled={busy || !may} onClick={() => void go("approved")}>{t("publish.approve")}</Button>}
              <Button loading={busy} disabled={!may} onClick={() => void go("live")}>{t("journey.live")}</Button>
            </Group>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

function UnderWay({ rows, people, journey, titles, then, setThen, moves, setMoves }: { rows: Flight; people: number; journey: Journey; titles: Titles; then: "finish" | "move" | "exit"; setThen: (x: "finish" | "move" | "exit") => void; moves: Record<string, string>; setMoves: (m: Record<string, string>) => void }) {
  const { t } = useTranslation();
  const d = journey.definition as unknown as Definition;
  const by = new Map<string, { name: string; standing: number; gone: boolean }>();
  for (const r of rows) by.set(r.node, { name: pick(r.title) || (d.nodes?.[r.node] ? nameOf(d, r.node, t, titles) : r.node), standing: (by.get(r.node)?.standing ?? 0) + r.standing, gone: r.gone });
  const gone = [...by].filter(([, x]) => x.gone);
  const steps = Object.keys(d.nodes ?? {}).map((id) => ({ value: id, label: nameOf(d, id, t, titles) }));
  return (
    <Stack gap="sm">
      <Radio.Group label={t("publish.people", { n: count(people) })} description={[...by.values()].map((x) => `${x.name} ${count(x.standing)}`).join(t("sep"))} value={then} onChange={(v) => setThen(v as typeof then)}>
        <Stack gap={6} mt="sm">{(["finish", "move", "exit"] as const).map((x) => <Radio key={x} value={x} label={t(`publish.${x}`)} description={t(`publish.${x}Hint`)} />)}</Stack>
      </Radio.Group>
      {then === "move" && gone.map(([id, x]) => (
        <NativeSelect key={id} size="sm" label={t("publish.gone", { name: x.name, n: count(x.standing) })} value={moves[id] ?? ""} data={[{ value: "", label: t("publish.stays") }, ...steps]} onChange={(e) => setMoves({ ...moves, [id]: e.currentTarget.value })} />
      ))}
    </Stack>
  );
}
