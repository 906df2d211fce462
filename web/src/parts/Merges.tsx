import { Button, Divider, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { request } from "../api";
import { short } from "../format";
import { joined } from "../i18n";
import type { Person } from "../types";
import { modals, tell } from "./confirm";

/** What made one person of several identifiers, and the way back. */
export function Merges({ person, reload }: { person: Person; reload: () => void }) {
  const { t } = useTranslation();
  const undo = async (offset: number) => {
    if (!(await modals.confirm(t("person.undoTitle"), t("person.undoText"), t("person.undoDo")))) return;
    try {
      await request("post", "/people/unmerge", { body: { link_offset: offset, reason: "console" } });
      reload();
    } catch (e) {
      tell(e);
    }
  };
  if (person.merges.length === 0) return null;
  return (
    <>
      <Divider my="sm" label={t("person.merges")} />
      {person.merges.map((m) => <Group key={m.link_offset} justify="space-between" gap="sm"><Text size="xs">{joined([short(m.at), m.by])}</Text>{m.can_undo && <Button size="compact-sm" variant="subtle" onClick={() => void undo(m.link_offset)}>{t("person.undo")}</Button>}</Group>)}
    </>
  );
}
