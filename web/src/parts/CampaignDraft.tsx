import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { instant } from "../format";
import { actor } from "../i18n";
import type { BroadcastPage } from "../types";
import { draftState } from "./campaign";
import { modals, tell } from "./confirm";

type Props = { page: BroadcastPage; reload: () => void };
type To = "in_review" | "approved" | "draft" | "discarded";

/** From draft to approved, and back: what may be done next with what is edited. */
export function Review({ page: b, reload }: Props) {
  const { t } = useTranslation();
  const role = useApi("/session", {}, { staleTime: 60_000 }).data?.role ?? "";
  const may = role === "approver" || role === "admin";
  const state = draftState(b);
  const change = async (status: To) => {
    if (status === "discarded" && !(await modals.confirm(t("campaign.discardTitle"), t("campaign.discardText"), t("campaign.discard")))) return;
    try {
      await request("post", "/broadcasts/{name}/status", { path: { name: b.name }, body: { status, ...(status === "discarded" && { reason: t("campaign.discarded") }) } });
      reload();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <>
      {b.draft && <Button size="xs" variant="subtle" color="red" onClick={() => void change("discarded")}>{t("campaign.discard")}</Button>}
      {state === "draft" && <Button size="xs" variant="default" onClick={() => void change("in_review")}>{t("campaign.toReview")}</Button>}
      {state === "in_review" && <Button size="xs" variant="default" onClick={() => void change("draft")}>{t("campaign.reject")}</Button>}
      {state === "approved" && <Button size="xs" variant="default" onClick={() => void change("draft")}>{t("campaign.toDraft")}</Button>}
      {state === "in_review" && may && <Button size="xs" onClick={() => void change("approved")}>{t("campaign.approve")}</Button>}
    </>
  );
}

/** A draft that waits beside what recurs: what goes on meanwhile, what may be done with it. */
export function WaitingDraft({ page: b, reload }: Props) {
  const { t } = useTranslation();
  if (!b.draft) return null;
  const saved = b.history[0];
  return (
    <Alert color={b.draft === "in_review" ? "blue" : b.draft === "approved" ? "teal" : "gray"} title={t(`campaign.waits_${b.draft}`)} role="region" aria-label={t(`campaign.waits_${b.draft}`)}>
      <Stack gap="sm">
        {saved && <Text size="sm">{t("campaign.waitsSince", { who: actor(saved.actor), at: instant(saved.at) })}</Text>}
        <Text size="sm">{t("campaign.waitsText")}</Text>
        <Group gap="sm">
          <Button size="xs" variant="default" component={Link} to="?edit=1">{t("campaign.see")}</Button>
          <Review page={b} reload={reload} />
          {b.draft === "approved" && <Button size="xs" component={Link} to="?edit=1&check=1">{t("broadcast.check")}</Button>}
        </Group>
      </Stack>
    </Alert>
  );
}
