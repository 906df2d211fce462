import { Alert, Button, Card, Group, List, Stack, Text, Title } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api";
import { count, instant, short } from "../format";
import { actor, sentences } from "../i18n";
import { modals, tell, told } from "../parts/confirm";
import type { Audience } from "../types";

/** The files of an audience that somebody uploads by hand: what to do now, and who did it when. */
export function Upload({ of: u, name, account, people, may, done }: { of: NonNullable<Audience["upload"]>; name: string; account: string; people: number; may: boolean; done: () => void }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  if (!u.written_at) return <Alert color="blue" icon={<IconUpload />}>{t("audiences.uploadNotYet")}</Alert>;
  const at = instant(u.written_at);
  const say = async () => {
    if (!(await modals.confirm(t("audiences.uploadedTitle"), sentences(t("audiences.uploadedText", { at, account, n: count(people) }), u.left > 0 ? t("audiences.uploadedLeft", { n: count(u.left) }) : ""), t("audiences.uploaded")))) return;
    setBusy(true);
    try {
      await request("post", "/audiences/{name}/uploaded", { path: { name }, body: { written_at: u.written_at } });
      told(t("audiences.uploadedTold"));
      done();
    } catch (e) {
      tell(e);
    }
    setBusy(false);
  };
  return (
    <Card withBorder padding="lg">
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" gap="sm">
          <div>
            <Title order={2}>{t(u.due ? "audiences.uploadDue" : "audiences.uploadDone")}</Title>
            <Text size="sm" c="dimmed">{t("audiences.uploadFiles", { at, n: count(people) })}</Text>
          </div>
          {u.due && may && <Button size="xs" loading={busy} onClick={() => void say()}>{t("audiences.uploaded")}</Button>}
        </Group>
        {u.left > 0 && <Alert color="orange" py="xs">{t("audiences.uploadLeft", { n: count(u.left), account })}</Alert>}
        {u.due && (
          <List type="ordered" size="sm" spacing={4}>
            <List.Item>{t("audiences.uploadStep1")} <span className="mono" style={{ overflowWrap: "anywhere" }}>{u.files}</span></List.Item>
            <List.Item>{t("audiences.uploadStep2", { account })}</List.Item>
            <List.Item>{t("audiences.uploadStep3")}</List.Item>
          </List>
        )}
        {u.uploads.length > 0 && (
          <div>
            <Text size="sm" fw={600}>{t("audiences.uploads")}</Text>
            {u.uploads.slice(0, 5).map((x) => <Text key={x.at} size="sm" className="num">{t("audiences.uploadOf", { at: instant(x.at), who: actor(x.actor), of: short(x.written_at) })}</Text>)}
          </div>
        )}
      </Stack>
    </Card>
  );
}
