import { Anchor, Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { pick } from "../i18n";
import type { ImportFormat } from "../types";
import { modals, tell, told } from "./confirm";

type Use = NonNullable<ImportFormat["uses"]>[number];

/** The mappings that were saved, with what reads by each. */
export function Mappings({ mayWrite }: { mayWrite: boolean }) {
  const { t } = useTranslation();
  const formats = useApi("/import-formats", {}, { staleTime: 10_000 });
  const own = (formats.data?.items ?? []).filter((f) => !f.preset);
  if (own.length === 0) return null;
  const remove = async (f: ImportFormat) => {
    try {
      const now = (await request("get", "/import-formats", {})).items.find((x) => !x.preset && x.name === f.name);
      const uses = now?.uses ?? [];
      const text = uses.length === 0 ? t("mappings.deleteText") : t("mappings.deleteUsed", { n: uses.length, names: uses.map((u) => `${t(`mappings.use_${u.kind}`)} ${pick(u.title)}`).join(t("comma")) });
      if (!(await modals.confirm(t("mappings.deleteTitle", { name: pick(f.title) || f.name }), text, t("mappings.delete")))) return;
      await request("delete", "/mappings/{name}", { path: { name: f.name }, query: { expect: now?.version ?? f.version, used_by: uses.map((u) => u.name).join(",") } });
      told(t("mappings.deleted", { name: pick(f.title) || f.name }));
      void formats.refetch();
    } catch (e) {
      tell(e);
    }
  };
  return (
    <Stack gap="sm" component="section" aria-label={t("mappings.title")}>
      <div><Title order={2} size="h4">{t("mappings.title")}</Title><Text size="sm" c="dimmed">{t("mappings.about")}</Text></div>
      <Card withBorder padding={0}>
        <div className="scroll">
          <Table verticalSpacing="sm" horizontalSpacing="md">
            <Table.Thead><Table.Tr><Table.Th>{t("mappings.name")}</Table.Th><Table.Th>{t("mappings.usedBy")}</Table.Th>{mayWrite && <Table.Th />}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {own.map((f) => (
                <Table.Tr key={f.name}>
                  <Table.Td><Text size="sm" fw={600}>{pick(f.title) || f.name}</Text>{pick(f.title) !== f.name && pick(f.title) && <Text size="xs" c="dimmed">{f.name}</Text>}</Table.Td>
                  <Table.Td>{(f.uses ?? []).length === 0 ? <Text size="sm" c="dimmed">{t("mappings.unused")}</Text> : <Group gap={4} component="span">{(f.uses ?? []).map((u) => <UseOf key={`${u.kind} ${u.name}`} use={u} />)}</Group>}</Table.Td>
                  {mayWrite && <Table.Td ta="right"><Button size="compact-xs" variant="default" aria-label={t("mappings.deleteName", { name: pick(f.title) || f.name })} onClick={() => void remove(f)}>{t("mappings.delete")}</Button></Table.Td>}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      </Card>
    </Stack>
  );
}

/** One thing that reads by a mapping, as a door where it has a page. */
function UseOf({ use: u }: { use: Use }) {
  const { t } = useTranslation();
  const text = `${t(`mappings.use_${u.kind}`)} ${pick(u.title)}`;
  const to = u.kind === "source" ? `/sources/${u.name}` : u.kind === "import" ? `/imports/${u.name}` : "";
  return to ? <Anchor component={Link} to={to} size="sm">{text}</Anchor> : <Text size="sm">{text}</Text>;
}
