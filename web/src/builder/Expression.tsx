import { useMemo } from "react";
import { useComputedColorScheme } from "@mantine/core";
import CodeMirror from "@uiw/react-codemirror";
import { EditorView } from "@codemirror/view";
import { autocompletion, type CompletionContext } from "@codemirror/autocomplete";
import { linter } from "@codemirror/lint";
import { useTranslation } from "react-i18next";
import { language, pick } from "../i18n";
import type { ProblemDetail, SegmentLanguage } from "../types";

/** The expression as it is written: completion of names and functions, errors in their place. */
export function Expression({ value, lang, problems, onChange }: { value: string; lang?: SegmentLanguage; problems: ProblemDetail[]; onChange: (text: string) => void }) {
  const { t } = useTranslation();
  const dark = useComputedColorScheme() === "dark";
  const extensions = useMemo(() => [
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": t("segment.expression") }),
    autocompletion({ override: [(c: CompletionContext) => complete(c, lang)] }),
    linter((view) => problems.map((p) => {
      const line = view.state.doc.line(Math.min(Math.max(p.line ?? 1, 1), view.state.doc.lines));
      const from = Math.min(line.from + Math.max((p.col ?? 1) - 1, 0), line.to);
      return { from, to: Math.min(from + 1, line.to), severity: "error" as const, message: language() === "ja" ? p.message_ja || p.message : p.message };
    }), { delay: 0 }),
    // eslint-disable-next-line react-hooks/exhaustive-deps
  ], [lang, JSON.stringify(problems), t]);
  return (
    <div style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 8, overflow: "hidden" }}>
      <CodeMirror value={value} onChange={onChange} extensions={extensions} theme={dark ? "dark" : "light"} minHeight="96px" basicSetup={{ lineNumbers: false, foldGutter: false, highlightActiveLine: false }} />
    </div>
  );
}

function complete(c: CompletionContext, lang?: SegmentLanguage) {
  const word = c.matchBefore(/[.\w]+/);
  if (!word && !c.explicit) return null;
  const inside = word?.text.startsWith(".");
  const fields = (lang?.fields ?? []).filter((f) => (inside ? f.collection : !f.collection)).map((f) => ({ label: inside ? "." + f.name.replace(/^.*\./, "") : f.name, type: "property", detail: pick(f.label), info: pick(f.about) || undefined }));
  const functions = inside ? [] : (lang?.functions ?? []).map((f) => ({ label: f.name, type: "function", detail: f.signature, info: `${pick(f.about)}\n${f.example}` }));
  return { from: word?.from ?? c.pos, options: [...fields, ...functions] };
}
