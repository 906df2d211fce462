import { Button, Card, Group, Select, SimpleGrid, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { both } from "../i18n";
import { columnOf, guess, kinds, mappingOf, ofColumn, shapes, type Field, type Fields, type Kind } from "./columns";
import { ProblemBox } from "./Page";

const freshName = () => `mapping_${new Date().toISOString().slice(0, 10).replaceAll("-", "")}_${crypto.randomUUID().slice(0, 4)}`;

/** What each column is, chosen from a list; whoever needs more writes the expression. */
export function ImportColumns({ name, header, kind, fields, change, saved }: { name: string; header: string[]; kind: Kind; fields: Fields; change: (kind: Kind, fields: Fields) => void; saved: (name: string) => void }) {
  const { t } = useTranslation();
  const [detail, setDetail] = useState(false);
  const [title, setTitle] = useState(name.replace(/\.\w+$/, ""));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const put = (f: Field, expression: string) => change(kind, { ...fields, [f.path]: expression });
  const save = async () => {
    setBusy(true);
    setError(null);
    const to = freshName();
    try {
      await request("put", "/definitions/{kind}/{name}", { path: { kind: "mapping", name: to }, body: { body: mappingOf(kind, fields, both(title)), expect: 0, reason: t("imports.saveReason", { name }) } });
      saved(to);
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };
  return (
    <Card withBorder>
      <Stack gap="md">
        <Group justify="space-between"><Title order={2} size="h4">{t("imports.columns")}</Title><Switch label={t("imports.detail")} checked={detail} onChange={(e) => setDetail(e.currentTarget.checked)} /></Group>
        <Select label={t("imports.kind")} data={kinds.map((k) => ({ value: k, label: t(`importKind.${k}`) }))} value={kind} allowDeselect={false} maw={300} onChange={(k) => k && change(k as Kind, guess(k as Kind, header))} />
        <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }}>
          {shapes[kind].fields.map((f) => {
            const expression = fields[f.path] ?? "";
            const label = t(`importField.${f.key}`);
            return detail
              ? <TextInput key={f.path} label={label} withAsterisk={f.needed} value={expression} onChange={(e) => put(f, e.currentTarget.value)} className="mono" spellCheck={false} />
              : <Select key={f.path} label={label} withAsterisk={f.needed} data={header} value={columnOf(f, expression, header) ?? null} placeholder={expression ? t("imports.written") : t("imports.noColumn")} onChange={(c) => put(f, c ? ofColumn(f, c) : "")} clearable searchable />;
          })}
        </SimpleGrid>
        {detail && <Text size="xs" c="dimmed">{t("imports.detailText")}</Text>}
        {(kind === "orders" || kind === "receipts") && <Text size="xs" c="dimmed">{t("imports.together")}</Text>}
        <Group align="flex-end" gap="sm"><TextInput label={t("imports.saveAs")} value={title} onChange={(e) => setTitle(e.currentTarget.value)} maxLength={100} miw={240} /><Button variant="default" loading={busy} disabled={!title.trim()} onClick={() => void save()}>{t("imports.save")}</Button></Group>
        {error && <ProblemBox error={error} />}
      </Stack>
    </Card>
  );
}
