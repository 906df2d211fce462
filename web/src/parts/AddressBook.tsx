import { Alert, Anchor, Badge, Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { request, useApi } from "../api";
import { day, instant } from "../format";
import { joined, pick } from "../i18n";
import { pieceColour } from "../postal/state";
import type { PostalBookRow } from "../types";
import { Address, AddressForm, Problems } from "./Address";
import { modals, tell } from "./confirm";
import { Empty, Loading, ProblemBox } from "./Page";

/** Where post to a person goes and where it comes from; where gifts went stands apart and is never used. */
export function AddressBook({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const book = useApi("/people/{id}/addresses", { path: { id } }, { refetchInterval: 15_000 });
  const [editing, setEditing] = useState<PostalBookRow | "new" | null>(null);
  const b = book.data;
  if (book.error && !b) return <ProblemBox error={book.error} retry={() => void book.refetch()} />;
  if (!b) return <Loading />;
  const confirm = async () => {
    if (!(await modals.confirm(t("addresses.confirmTitle"), t("addresses.confirmText"), t("addresses.confirm")))) return;
    try {
      await request("post", "/people/{id}/addresses", { path: { id }, body: { confirm: true } });
      void book.refetch();
    } catch (e) {
      tell(e);
    }
  };
  const chosen = editing === "new" ? undefined : editing;
  return (
    <Stack gap="md">
      <Group justify="space-between"><Text size="sm" c="dimmed">{t("addresses.about")}</Text><Button size="xs" variant="default" onClick={() => setEditing(b.addresses.find((a) => a.source === "profile") ?? "new")}>{t(b.addresses.length > 0 ? "addresses.mend" : "addresses.add")}</Button></Group>
      {pick(b.suppressed) && <Alert color="orange" p="sm">{t("addresses.suppressed", { why: pick(b.suppressed) })}</Alert>}
      {b.addresses.length === 0 && <Empty title={t("addresses.none")}>{t("addresses.noneText")}</Empty>}
      {b.addresses.map((a, i) => <One key={i} a={a} confirm={a.returned ? () => void confirm() : undefined} />)}
      {!b.zip_table && b.addresses.length > 0 && <Text size="xs" c="dimmed">{t("addresses.noTable")} <Anchor component={Link} to="/postal/quality" size="xs" underline="always">{t("postalTab.quality")}</Anchor></Text>}
      {b.gifts.length > 0 && <><Title order={2} mt="sm">{t("addresses.gifts")}</Title><Text size="sm" c="dimmed">{t("addresses.giftsAbout")}</Text>{b.gifts.map((a, i) => <One key={i} a={a} />)}</>}
      {b.pieces.length > 0 && <Title order={2} mt="sm">{t("addresses.pieces")}</Title>}
      {b.pieces.map((x) => <Group key={x.send_id} gap="sm"><Badge variant="light" color={pieceColour[x.state]}>{pick(x.state_label)}</Badge><Anchor component={Link} to={`/postal/${x.batch}`} size="sm">{instant(x.decided_at)}</Anchor><Text size="xs" c="dimmed">{joined([pick(x.reason_label), x.code])}</Text></Group>)}
      {editing && <AddressForm profile={id} name={name} address={chosen ? { ...chosen.address, name: chosen.address.name || name } : undefined} problems={chosen?.problems ?? []} close={() => setEditing(null)} saved={() => { setEditing(null); void book.refetch(); }} />}
    </Stack>
  );
}

function One({ a, confirm }: { a: PostalBookRow; confirm?: () => void }) {
  const { t } = useTranslation();
  return (
    <Card withBorder padding="md" component="article" data-address={a.gift ? "gift" : a.used ? "used" : "other"}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div style={{ minWidth: 0 }}>{a.address.name && <Text size="sm" fw={600}>{a.address.name}</Text>}<Address a={a.address} /></div>
        <Group gap={4}>
          {a.used && <Badge color="teal" variant="light">{t("addresses.used")}</Badge>}
          {!a.gift && <Badge variant="light" color={a.usable ? "teal" : "red"}>{t(a.usable ? "addresses.usable" : "addresses.unusable")}</Badge>}
          {a.returned && <Badge color="red" variant="light">{joined([pick(a.returned_label), a.returned_at && day(a.returned_at)])}</Badge>}
        </Group>
      </Group>
      {a.problems.length > 0 && !a.gift && <div style={{ marginTop: 6 }}><Problems items={a.problems} /></div>}
      <Group justify="space-between" mt={4}><Text size="xs" c="dimmed">{joined([pick(a.source_label), a.order_id, a.at && day(a.at)])}</Text>{confirm && <Button size="compact-xs" variant="subtle" onClick={confirm}>{t("addresses.confirm")}</Button>}</Group>
    </Card>
  );
}
