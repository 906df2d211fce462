import { ActionIcon, Button, Group, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { month as named } from "../format";
import { wall } from "../zone";

/** This month by the shop's clock, as 2026-12. */
export const thisMonth = (): string => wall(new Date().toISOString()).slice(0, 7);

/** A month to look at, with the one before, the one after, and back to this one. */
export function MonthStep({ month, choose }: { month: string; choose: (month: string) => void }) {
  const { t } = useTranslation();
  const by = (n: number) => {
    const [y, m] = month.split("-").map(Number);
    choose(new Date(Date.UTC(y, m - 1 + n, 1)).toISOString().slice(0, 7));
  };
  return (
    <Group gap="xs" wrap="nowrap">
      <ActionIcon variant="default" size={30} aria-label={t("campaign.before")} onClick={() => by(-1)}><IconChevronLeft size={16} aria-hidden /></ActionIcon>
      <Text fw={600} component="span" role="status" miw={104} ta="center" className="num">{named(month)}</Text>
      <ActionIcon variant="default" size={30} aria-label={t("campaign.next")} onClick={() => by(1)}><IconChevronRight size={16} aria-hidden /></ActionIcon>
      <Button size="xs" variant="default" disabled={month === thisMonth()} onClick={() => choose(thisMonth())}>{t("campaign.thisMonth")}</Button>
    </Group>
  );
}
