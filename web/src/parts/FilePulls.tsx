import { Alert, Anchor, Badge, Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { ago, count, short } from "../format";
import { joined, pick } from "../i18n";
import type { FilePull, Place, PulledFile } from "../types";
import { modals, tell, told } from "./confirm";
import { FilePullForm } from "./FilePullForm";
import { Loading, ProblemBox } from "./Page";

const colours: Record<FilePull["state"], string> = { ok: "teal", waiting: "blue", problem: "red", late: "red", paused: "gray", never: "gray" };
const fileColours: Record<PulledFile["state"], string> = { new: "blue", waiting: "gray", taken: "teal", same: "gray", failed: "red" };

/** Files that come by themselves: when, what came, and what has to be mended. */
export function FilePulls({ mayWrite }: { mayWrite: boolean }) {
  const { t } = useTranslation();
  const all = useApi("/file-pulls", {}, { refetchInterval: 5_000 });
  const [open, setOpen] = useState("");
  const [edit, setEdit] = useState<FilePull | "new" | null>(null);
  const items = all.data?.items ?? [];
  const places: Place[] = all.data?.places ?? [];
  return (
    <Stack gap="sm" component="section" aria-label={t("pulls.title")}>
      <Group justify="space-between" gap="sm"><Title order={2} size="h4">{t("pulls.title")}</Title>{mayWrite && places.length > 0 && <Button size="xs" variant="default" onClick={() => setEdit("new")}>{t("pulls.add")}</Button>}</Group>
      {all.error && !all.data && <ProblemBox error={all.error} retry={() => void all.refetch()} />}
      {!all.data && !all.error && <Loading />}
      {all.data && items.length === 0 && <Text size="sm" c="dimmed">{t(places.length > 0 ? "pulls.none" : "pulls.noPlaces")}</Text>}
      {items.length > 0 && (
        <Card withBorder padding={0}>
          <div className="scroll">
            <Table verticalSpacing="sm" horizontalSpacing="md">
              <Table.Thead><Table.Tr><Table.Th>{t("pulls.name")}</Table.Th><Table.Th>{t("pulls.state")}</Table.Th><Table.Th>{t("pulls.when")}</Table.Th><Table.Th>{t("pulls.lastFile")}</Table.Th><Table.Th>{t("pulls.next")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
              <Table.Tbody>
                {items.map((p) => (
                  <Fragment key={p.name}>
                    <Table.Tr>
                      <Table.Td><Text size="sm" fw={600}>{pick(p.title)}</Text><Text size="xs" c="dimmed">{joined([`${p.body.place}: ${p.body.pattern}`, pick(p.format)])}</Text></Table.Td>
                      <Table.Td><Badge variant="light" color={colours[p.state]}>{t(`pulls.is_${p.state}`)}</Badge></Table.Td>
                      <Table.Td style={{ whiteSpace: "nowrap" }}>{p.body.at ? t("pulls.daily", { at: p.body.at }) : t("pulls.every", { n: p.body.every })}</Table.Td>
                      <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{p.look?.last_file ? ago(p.look.last_file) : "—"}</Table.Td>
                      <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{p.look && p.state !== "paused" ? short(p.look.next) : "—"}</Table.Td>
                      <Table.Td><Button size="compact-xs" variant="default" aria-expanded={open === p.name} aria-label={open === p.name ? undefined : t("pulls.more", { name: pick(p.title) })} onClick={() => setOpen(open === p.name ? "" : p.name)}>{open === p.name ? t("close") : t("pulls.open")}</Button></Table.Td>
                    </Table.Tr>
                    {open === p.name && <Table.Tr><Table.Td colSpan={6}><Detail pull={p} mayWrite={mayWrite} edit={() => setEdit(p)} changed={() => void all.refetch()} /></Table.Td></Table.Tr>}
                  </Fragment>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Card>
      )}
      {edit && <FilePullForm pull={edit === "new" ? undefined : edit} taken={items.map((p) => p.name)} places={places} close={() => setEdit(null)} done={(name) => { setEdit(null); setOpen(name); void all.refetch(); }} />}
    </Stack>
  );
}

/** What the last look found, the files that came, and what can be done. */
function Detail({ pull: p, mayWrite, edit, changed }: { pull: FilePull; mayWrite: boolean; edit: () => void; changed: () => void }) {
  const { t } = useTranslation();
  const one = useApi("/file-pulls/{name}", { path: { name: p.name } }, { refetchInterval: 5_000 });
  const files = one.data?.files ?? [];
  const l = p.look;
  const act = async (what: () => Promise<unknown>, note?: string) => {
    try {
      await what();
      if (note) told(note);
    } catch (e) {
      tell(e);
    }
    changed();
    void one.refetch();
  };
  const pause = () => act(() => request("post", "/file-pulls/{name}/pause", { path: { name: p.name }, body: { paused: p.state !== "paused" } }));
  const run = () => act(() => request("post", "/file-pulls/{name}/run", { path: { name: p.name } }), t("pulls.asked"));
  const remove = async () => {
    if (await modals.confirm(t("pulls.removeTitle", { name: pick(p.title) }), t("pulls.removeText"), t("pulls.remove"))) await act(() => request("delete", "/file-pulls/{name}", { path: { name: p.name }, query: { expect: p.version } }));
  };
  return (
    <Stack gap="sm" py="sm">
      {l?.problem && <Alert color="red" title={t("pulls.problem")}>{pick(l.problem)}</Alert>}
      {p.state === "late" && <Alert color="red">{t("pulls.lateText", { at: p.body.by ?? "" })}</Alert>}
      {l && <Text size="sm">{joined([t("pulls.looked", { at: ago(l.at) }), t("pulls.found", { n: count(l.found) }), l.waiting > 0 && t("pulls.waits", { n: count(l.waiting) }), l.refused > 0 && t("pulls.refused", { n: count(l.refused) })])}</Text>}
      {mayWrite && (
        <Group gap="xs">
          <Button size="compact-sm" onClick={() => void run()}>{t("pulls.run")}</Button>
          <Button size="compact-sm" variant="default" onClick={() => void pause()}>{t(p.state === "paused" ? "pulls.resume" : "pulls.pause")}</Button>
          <Button size="compact-sm" variant="default" onClick={edit}>{t("pulls.change")}</Button>
          <Button size="compact-sm" variant="subtle" color="red" onClick={() => void remove()}>{t("pulls.remove")}</Button>
        </Group>
      )}
      {one.error && !one.data && <ProblemBox error={one.error} retry={() => void one.refetch()} />}
      {one.data && files.length === 0 && <Text size="sm" c="dimmed">{t("pulls.noFiles")}</Text>}
      {files.length > 0 && <PulledFiles files={files} />}
    </Stack>
  );
}

/** Files with what came of them. */
function PulledFiles({ files }: { files: PulledFile[] }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  return (
    <>
      <Table verticalSpacing={4} withRowBorders={false}>
        <Table.Thead><Table.Tr><Table.Th>{t("imports.file")}</Table.Th><Table.Th>{t("imports.state")}</Table.Th><Table.Th ta="right">{t("imports.taken")}</Table.Th><Table.Th ta="right">{t("imports.rejected")}</Table.Th><Table.Th>{t("imports.when")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {files.slice(0, all ? undefined : 10).map((f) => (
            <Table.Tr key={`${f.name} ${f.size} ${f.at}`}>
              <Table.Td>
                <Text size="sm">{f.name}</Text>
                {f.failure && <Text size="xs" className="problem">{pick(f.failure)}</Text>}
                {f.problems.slice(0, 1).map((x) => <Text key={x.line} size="xs" className="problem">{t("imports.problem", { line: x.line, column: x.columns.join(t("comma")), why: pick(x.reason) })}</Text>)}
                {f.rejects && <Text size="xs" c="dimmed">{t("pulls.rejects", { name: f.rejects })}</Text>}
              </Table.Td>
              <Table.Td><Badge variant="light" color={fileColours[f.state]}>{t(`pulls.file_${f.state}`)}</Badge></Table.Td>
              <Table.Td ta="right" className="num">{count(f.events)}</Table.Td>
              <Table.Td ta="right" className="num">{count(f.rejected)}</Table.Td>
              <Table.Td className="num" style={{ whiteSpace: "nowrap" }}>{f.taken_at ? short(f.taken_at) : "—"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {!all && files.length > 10 && <Anchor component="button" size="sm" onClick={() => setAll(true)}>{t("pulls.allFiles", { n: files.length })}</Anchor>}
    </>
  );
}
