import { Stack, Switch, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../api";
import { Copied } from "./Copied";
import { Loading, ProblemBox } from "./Page";

// Calls that a page makes before the script is there are kept by the first line.
const keep = "<script>window.enishi=window.enishi||new Proxy([],{get:(q,m)=>m in q?q[m]:(...a)=>{q.push([m,...a])}})</script>";

/** What a shop puts into its pages to send what visitors do. token is the write key; without one its place is marked. */
export function Snippet({ token, pixel }: { token?: string; pixel?: boolean }) {
  const { t } = useTranslation();
  const tag = useApi("/tag", {}, { staleTime: Infinity });
  const [fixed, setFixed] = useState(false);
  if (tag.error && !tag.data) return <ProblemBox error={tag.error} retry={() => void tag.refetch()} />;
  if (!tag.data) return <Loading lines={2} />;
  const key = token || t("tag.yourKey");
  const from = (path: string) => location.origin + path;
  const script = fixed
    ? `<script async src="${from(tag.data.pinned)}" data-key="${key}" integrity="${tag.data.integrity}" crossorigin="anonymous"></script>`
    : `<script async src="${from(tag.data.script)}" data-key="${key}"></script>`;
  const custom = `const s = document.createElement("script");
s.src = "${from(tag.data.pixel)}";
s.onload = () => EnishiPixel.start({ writeKey: "${key}", host: "${from(tag.data.script.replace(/\/sdk\.js$/, ""))}", analytics, browser, init });
document.head.append(s);`;
  return (
    <Stack gap="sm">
      <Copied label={t("tag.html")} value={`${keep}\n${script}`} />
      {tag.data.integrity && <Switch label={t("tag.fixed")} description={t("tag.fixedAbout")} checked={fixed} onChange={(e) => setFixed(e.currentTarget.checked)} />}
      {pixel && <><Text size="sm" mt="sm">{t("tag.pixelAbout")}</Text><Copied label={t("tag.pixel")} value={custom} /></>}
    </Stack>
  );
}
