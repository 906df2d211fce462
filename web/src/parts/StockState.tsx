import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** Whether a product can be bought now, in words. */
export function StockState({ product: p }: { product: { deleted: boolean; buyable: boolean; low: boolean } }) {
  const { t } = useTranslation();
  const [colour, key] = p.deleted ? (["gray", "deleted"] as const) : !p.buyable ? (["red", "out"] as const) : p.low ? (["orange", "low"] as const) : (["teal", "onSale"] as const);
  return <Badge variant="light" color={colour}>{t(`catalogue.${key}`)}</Badge>;
}
