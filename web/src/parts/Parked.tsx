import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { request } from "../api";
import { count } from "../format";
import { pick } from "../i18n";
import { modals, tell } from "./confirm";
import { useSending } from "./Stop";

/** What cannot leave until somebody acts, by destination: try again, or drop it. */
export function Parked() {
  const { t } = useTranslation();
  const sending = useSending();
  const rows = (sending.data?.destinations ?? []).filter((d) => d.parked > 0);
  if (rows.length === 0) return null;
  const act = async (doing: Promise<unknown>) => {
    try {
      await doing;
      void sending.refetch();
    } catch (e) {
      tell(e);
    }
  };
  const drop = async (destination: string, n: number) => {
    if (await modals.confirm(t("parked.dropTitle"), t("parked.dropText", { n: count(n) }), t("parked.drop"))) void act(request("post", "/sending/cancel", { body: { destination } }));
  };
  return (
    <Alert color="orange" title={t("parked.title")}>
      <Stack gap="sm">
        <Text size="sm">{t("parked.about")}</Text>
        {rows.map((d) => (
          <Group key={d.destination} justify="space-between" gap="sm">
            <Text size="sm"><span className="mono">{d.destination}</span>{t("sep")}{t("parked.n", { n: count(d.parked) })}{t("sep")}{pick(d.state_label)}{d.problem && t("paren", { text: d.problem })}</Text>
            <Group gap="xs">
              <Button size="compact-sm" variant="default" onClick={() => void act(request("post", "/sending/resume", { body: { destination: d.destination } }))}>{t("parked.again")}</Button>
              <Button size="compact-sm" variant="subtle" color="red" onClick={() => void drop(d.destination, d.parked)}>{t("parked.drop")}</Button>
            </Group>
          </Group>
        ))}
      </Stack>
    </Alert>
  );
}
