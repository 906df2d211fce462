import { NumberInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, useApi } from "../api";
import { FormModal } from "./FormModal";
import { ProblemBox } from "./Page";

const usual = { price_drop: 5, low_stock: 5, window: 24, viewed_days: 14 };
type Numbers = typeof usual;

/** Which changes of products people hear of. */
export function CatalogueSettings({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const setting = useApi("/settings/{name}", { path: { name: "catalogue" } });
  const [typed, setTyped] = useState<Partial<Numbers>>({});
  const now: Numbers = { ...usual, ...(setting.data?.body as Partial<Numbers> | undefined), ...typed };
  const save = async () => {
    await request("put", "/settings/{name}", { path: { name: "catalogue" }, body: { body: now, expect: setting.data!.version, reason: "" } });
    close();
  };
  return (
    <FormModal title={t("catalogue.settings")} action={t("catalogue.save")} ready={!!setting.data} save={save} close={close}>
      {() => (
        <Stack>
          {setting.error && <ProblemBox error={setting.error} />}
          <Text size="sm">{t("catalogue.settingsText")}</Text>
          <NumberInput label={t("catalogue.priceDrop")} suffix=" %" min={0} max={99} allowDecimal={false} value={now.price_drop} onChange={(v) => setTyped({ ...typed, price_drop: Number(v) })} />
          <NumberInput label={t("catalogue.lowStock")} min={0} allowDecimal={false} value={now.low_stock} onChange={(v) => setTyped({ ...typed, low_stock: Number(v) })} />
          <NumberInput label={t("catalogue.window")} description={t("catalogue.windowText")} min={1} max={2160} allowDecimal={false} value={now.window} onChange={(v) => setTyped({ ...typed, window: Number(v) })} />
          <NumberInput label={t("catalogue.viewedDays")} min={0} max={180} allowDecimal={false} value={now.viewed_days} onChange={(v) => setTyped({ ...typed, viewed_days: Number(v) })} />
        </Stack>
      )}
    </FormModal>
  );
}
