import type { ReactNode } from "react";
import { Alert, Button, Card, Center, Group, List, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ApiError } from "../api";
import { fresh } from "../format";
import { language } from "../i18n";

/** Every page: a title, what it is through when, what can be done, then the answer. */
export function Page({ title, about, through, actions, children }: { title: ReactNode; about?: ReactNode; through?: string; actions?: ReactNode; children?: ReactNode }) {
  return (
    <Stack gap="lg" maw={1280} mx="auto">
      <Group justify="space-between" align="flex-start" gap="md">
        <div>
          <Title order={1}>{title}</Title>
          {about && <Text c="dimmed" size="sm" maw={720}>{about}</Text>}
        </div>
        <Group gap="md">{through && <Through at={through} />}{actions}</Group>
      </Group>
      {children}
    </Stack>
  );
}

/** ○時○分○秒までのデータ */
export function Through({ at }: { at: string }) {
  const { t } = useTranslation();
  if (at.startsWith("1970") || at.startsWith("0001")) return null;
  return <Text size="xs" c="dimmed" className="num through">{t("through", { at: fresh(at) })}</Text>;
}

/** Loading shows the shape. */
export function Loading({ lines = 5 }: { lines?: number }) {
  const { t } = useTranslation();
  return (
    <Stack gap="md" p="xl" role="status" aria-busy="true" aria-label={t("loading")}>
      <Skeleton h={26} w="30%" />
      {Array.from({ length: lines }, (_, i) => <Skeleton key={i} h={18} w={`${90 - (i * 13) % 40}%`} />)}
    </Stack>
  );
}

/** Empty says why and gives the next step. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Card withBorder>
      <Center py="xl">
        <Stack align="center" gap="sm" maw={460}>
          <Text fw={700}>{title}</Text>
          {children && <Text size="sm" c="dimmed" ta="center">{children}</Text>}
          {action}
        </Stack>
      </Center>
    </Card>
  );
}

/** An error says what, where and how to fix it. */
export function ProblemBox({ error, retry }: { error: ApiError | Error; retry?: () => void }) {
  const { t } = useTranslation();
  const problem = "problem" in error ? error.problem : undefined;
  const said = (e: { message: string; message_ja?: string }) => (language() === "ja" && e.message_ja) || e.message;
  // A single cause often is the whole sentence already.
  const causes = (problem?.errors ?? []).filter((e) => !error.message.includes(said(e)));
  return (
    <Alert color="red" icon={<IconAlertCircle />} title={t("failed")}>
      <Text size="sm">{error.message}</Text>
      {causes.length > 0 && (
        <List size="sm" mt="sm">
          {causes.map((e, i) => (
            <List.Item key={i}>
              {e.line ? t("at", { line: e.line, col: e.col }) + " " : ""}{e.location ? <code>{e.location}</code> : null} {said(e)}
            </List.Item>
          ))}
        </List>
      )}
      {problem?.request_id && <Text size="xs" c="dimmed" mt="sm">{t("requestId")}: <span className="mono">{problem.request_id}</span></Text>}
      {retry && <Button size="xs" variant="light" color="red" mt="sm" onClick={retry}>{t("retry")}</Button>}
    </Alert>
  );
}

/** A number that says what it counts; with to it is a door. */
export function Figure({ label, value, note }: { label: string; value: ReactNode; note?: ReactNode }) {
  return (
    <Card withBorder padding="lg" h="100%">
      <Text size="xs" c="dimmed">{label}</Text>
      <Text fz={24} fw={700} className="num" lh={1.4}>{value}</Text>
      {note && <Text size="xs" c="dimmed">{note}</Text>}
    </Card>
  );
}
