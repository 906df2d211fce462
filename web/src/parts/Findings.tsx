import { Alert, Badge, Button, Card, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { instant } from "../format";
import { actor, joined, pick } from "../i18n";
import type { Finding } from "../types";

/** What the check before sending found: where, why, how to mend it; or who takes the responsibility. */
export function Findings({ items, go, override }: { items: Finding[]; go?: (f: Finding) => void; override?: (f: Finding, reason: string) => void }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<Finding | null>(null);
  const [reason, setReason] = useState("");
  if (items.length === 0) return <Alert color="teal" icon={<IconCircleCheck aria-hidden />} title={t("lint.clean")} />;
  const close = () => { setAsked(null); setReason(""); };
  return (
    <Stack gap="sm">
      {items.map((f, i) => {
        const red = f.severity === "error" && !f.override;
        return (
          <Card key={f.code + f.part + f.excerpt + String(i)} withBorder padding="sm" style={{ borderLeft: `3px solid var(--mantine-color-${red ? "red" : f.override ? "gray" : "orange"}-filled)` }} data-finding={f.code}>
            <Group gap="sm" justify="space-between" wrap="nowrap" align="flex-start">
              <Text size="sm" fw={600}>{f.excerpt && !pick(f.text).includes(f.excerpt) && <>{t("lint.quote", { text: f.excerpt })} </>}{pick(f.text)}</Text>
              <Badge variant="light" color={red ? "red" : f.override ? "gray" : "orange"} style={{ flexShrink: 0 }}>{t(f.override ? "lint.overridden" : `lint.${f.severity}`)}</Badge>
            </Group>
            {pick(f.fix) && <Text size="sm">→ {pick(f.fix)}</Text>}
            {f.override && <Text size="xs" c="dimmed">{joined([actor(f.override.by), f.override.at && instant(f.override.at), f.override.reason])}</Text>}
            <Group gap="sm" mt={4}>
              {go && (f.block || f.part) && <Button size="compact-xs" variant="light" onClick={() => go(f)}>{t("lint.go")}</Button>}
              {override && red && <Button size="compact-xs" variant="subtle" color="gray" onClick={() => setAsked(f)}>{t("lint.override")}</Button>}
            </Group>
          </Card>
        );
      })}
      <Modal opened={asked !== null} onClose={close} title={<Text fw={700}>{t("lint.overrideTitle")}</Text>} closeButtonProps={{ "aria-label": t("close") }}>
        <Text size="sm" mb="sm">{t("lint.overrideText")}</Text>
        <Text size="sm" mb="md" fw={600}>{asked && pick(asked.text)}</Text>
        <Textarea label={t("reason")} required autosize minRows={2} value={reason} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
        <Group justify="flex-end" mt="lg" gap="sm"><Button variant="default" onClick={close}>{t("cancel")}</Button><Button disabled={!reason.trim()} onClick={() => { override!(asked!, reason.trim()); close(); }}>{t("lint.take")}</Button></Group>
      </Modal>
    </Stack>
  );
}
