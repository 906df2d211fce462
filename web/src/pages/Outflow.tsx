import { useTranslation } from "react-i18next";
import { BulkExports } from "../parts/BulkExports";
import { DataTabs } from "../parts/DataTabs";
import { OutStreams } from "../parts/OutStreams";
import { Page } from "../parts/Page";

/** What goes out to the shop's other systems. */
export function Outflow() {
  const { t } = useTranslation();
  return (
    <Page title={t("outflow.title")} about={t("bulk.page")}>
      <DataTabs at="/outflow" />
      <OutStreams />
      <BulkExports />
    </Page>
  );
}
