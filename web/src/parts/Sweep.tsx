import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { count, percent } from "../format";
import i18n, { joined, pick } from "../i18n";
import type { Segment } from "../types";
import { modals, tell } from "./confirm";

/** Holds everybody against a segment's condition again, once the consequence was read. */
export async function evaluateAgain(name: string): Promise<void> {
  if (!(await modals.confirm(i18n.t("sweep.againTitle"), i18n.t("sweep.againText"), i18n.t("sweep.again")))) return;
  await request("post", "/segments/{name}/sweep", { path: { name }, body: {} });
}

/** Why a segment's members may be others than its condition says, how far everybody is evaluated, and what can be done. */
export function Sweep({ segment: s, reload }: { segment: Pick<Segment, "name" | "stale" | "progress" | "members">; reload: () => void }) {
  const { t } = useTranslation();
  const sweeps = useApi("/sweeps", {}, { refetchInterval: 1_000, enabled: !!s.progress });
  const row = sweeps.data?.items.find((x) => x.segments.some((y) => y.name === s.name));
  if (!s.stale) return null;
  const act = async (what: () => Promise<unknown>) => {
    try {
      await what();
      await sweeps.refetch();
      reload();
    } catch (e) {
      tell(e);
    }
  };
  const steer = (how: "pause" | "resume" | "cancel") => act(async () => {
    const others = row!.segments.filter((x) => x.name !== s.name);
    const also = others.length ? t("sweep.also", { names: joined(others.map((x) => pick(x.title))) }) : "";
    if (how === "cancel" && !(await modals.confirm(t("sweep.cancelTitle"), t("sweep.cancelText") + also, t("sweep.cancel")))) return;
    const values = { path: { id: row!.id }, body: {} };
    await (how === "pause" ? request("post", "/sweeps/{id}/pause", values) : how === "resume" ? request("post", "/sweeps/{id}/resume", values) : request("post", "/sweeps/{id}/cancel", values));
  });
  const again = () => act(() => evaluateAgain(s.name));
  const share = row ? row.done / Math.max(1, row.of) : 0;
  const stands = s.stale.code === "cancelled" || s.stale.code === "paused";
  return (
    <Alert color={stands || s.stale.code === "broken" ? "orange" : "blue"} title={pick(s.stale.text)} role="status">
      <Stack gap="sm">
        {row && row.state !== "cancelled" && (
          <div>
            <Progress value={100 * share} aria-label={t("segments.progress")} mb={4} />
            <Text size="sm" className="num">{joined([percent(share), t("sweep.people", { n: count(row.people) }), row.rate > 0 && t("sweep.rate", { n: count(Math.round(row.rate)) }), row.seconds_left > 0 && t("sweep.left", { n: count(Math.ceil(row.seconds_left / 60)) }), row.state === "waiting" && t("sweep.waiting")])}</Text>
          </div>
        )}
        {s.stale.code !== "broken" && s.stale.code !== "behind" && <Text size="sm">{t(stands ? "sweep.stands" : "sweep.meanwhile")}</Text>}
        <Group gap="sm">
          {row && row.state === "paused" && <Button size="xs" onClick={() => void steer("resume")}>{t("sweep.resume")}</Button>}
          {row && (row.state === "running" || row.state === "waiting") && <Button size="xs" variant="default" onClick={() => void steer("pause")}>{t("sweep.pause")}</Button>}
          {row && row.state !== "cancelled" && <Button size="xs" variant="default" onClick={() => void steer("cancel")}>{t("sweep.cancel")}</Button>}
          {s.stale.code === "cancelled" && <Button size="xs" onClick={() => void again()}>{t("sweep.again")}</Button>}
        </Group>
      </Stack>
    </Alert>
  );
}
