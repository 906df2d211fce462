import { Anchor, Badge, Button, Card, Group, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { count } from "../format";
import { pick } from "../i18n";
import type { LintPage, TemplateDefinition } from "../types";
import { ProblemBox } from "./Page";

const colour = { "link.dead": "red", "link.silent": "red", "link.unsure": "orange", "link.private": "gray" } as const;

/** Asks where the links of a template lead, on a click: the servers that are asked are not ours. Without a definition it is the saved one. */
export function Links({ name, definition, title }: { name: string; definition?: TemplateDefinition; title?: string }) {
  const { t } = useTranslation();
  const check = useMutation<LintPage, ApiError>({ mutationFn: () => request("post", "/templates/lint", { query: { links: "check" }, body: definition ? { name, definition } : { name } }) });
  const links = check.data?.links ?? [];
  const bad = links.filter((l) => l.code);
  const unasked = check.data?.items.find((f) => f.code === "link.unasked");
  return (
    <Card withBorder padding="md" component="section" aria-label={title ?? t("links.title")}>
      <Group justify="space-between" gap="sm">
        <div>
          <Text size="sm" fw={600}>{title ?? t("links.title")}</Text>
          <Text size="xs" c="dimmed" role="status">{check.isPending ? t("links.asking") : check.data ? (links.length === 0 ? t("links.none") : bad.length === 0 ? t("links.good", { n: count(links.length) }) : t("links.bad", { n: count(bad.length), of: count(links.length) })) : t("links.about")}</Text>
        </div>
        <Button size="compact-sm" variant="default" loading={check.isPending} onClick={() => check.mutate()}>{t(check.data ? "links.again" : "links.ask")}</Button>
      </Group>
      {check.error && !check.isPending && <ProblemBox error={check.error} />}
      {links.length > 0 && !check.isPending && (
        <Stack gap={6} mt="sm">
          {[...bad, ...links.filter((l) => !l.code)].map((l) => (
            <Group key={l.part + l.url} gap="sm" wrap="nowrap" align="flex-start" data-link={l.code || "ok"}>
              <Badge variant="light" miw={76} color={l.code ? colour[l.code] : "teal"} style={{ flexShrink: 0 }}>{t(l.code ? `links.${l.code.replace("link.", "is_")}` : "links.is_ok")}</Badge>
              <div style={{ minWidth: 0 }}>
                <Anchor href={l.url} target="_blank" rel="noreferrer" size="sm" style={{ overflowWrap: "anywhere" }}>{l.url}</Anchor>
                {l.code && <Text size="xs" c="dimmed">{pick(l.text)}</Text>}
              </div>
            </Group>
          ))}
          {unasked && <Text size="xs" c="dimmed">{pick(unasked.text)}</Text>}
        </Stack>
      )}
    </Card>
  );
}
