import { useEffect, useRef, useState } from "react";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { request, type ApiError } from "../api";
import { language } from "../i18n";
import type { Block } from "../types";
import { grouped } from "./blocks";

const empty: Block = { kind: "all", blocks: [] };
const convert = (body: { expression: string } | { blocks: Block }, signal?: AbortSignal) => request("post", "/segments/blocks", { body, signal });

/**
 * One condition in two forms. The blocks are written as an expression by the server whenever they change; an expression is
 * read into blocks when somebody goes over to them. Blocks that nobody touched leave the expression as it was written, and
 * blocks that are not complete wait as long as the expression is not edited meanwhile.
 */
export function useCondition(start: string, opening: "blocks" | "text") {
  const [view, setView] = useState<"blocks" | "text" | null>(start.trim() ? null : opening);
  const [root, setRoot] = useState<Block>(empty);
  const [past, setPast] = useState<Block[]>([]);
  const [touched, setTouched] = useState(false);
  const [text, setText] = useState(start);
  const [error, setError] = useState<ApiError | null>(null);
  const kept = useRef<{ root: Block; touched: boolean; text: string } | null>(null);
  const [settled] = useDebouncedValue(root, 120);
  const writing = view === "blocks" && touched;
  const written = useQuery<Awaited<ReturnType<typeof convert>>, ApiError>({ queryKey: ["blocks", JSON.stringify(settled)], queryFn: ({ signal }) => convert({ blocks: settled }, signal), enabled: writing, placeholderData: keepPreviousData, staleTime: Infinity });
  const problems = new Map((writing ? (written.data?.problems ?? []) : []).map((p) => [p.location ?? "blocks", (language() === "ja" && p.message_ja) || p.message]));

  const attempt = async (what: () => Promise<void>) => {
    try {
      setError(null);
      await what();
    } catch (e) {
      setError(e as ApiError);
    }
  };
  // Goes over to blocks, unless the expression cannot be read: then its errors show in the editor.
  const read = () => attempt(async () => {
    if (kept.current?.text === text) {
      setRoot(kept.current.root);
      setTouched(kept.current.touched);
      return setView("blocks");
    }
    const answer = text.trim() ? await convert({ expression: text }) : { blocks: empty };
    if (answer.blocks) {
      setRoot(grouped(answer.blocks));
      setTouched(false);
      setPast([]);
    }
    setView(answer.blocks ? "blocks" : "text");
  });
  useEffect(() => {
    if (start.trim()) void (opening === "blocks" ? read() : setView("text"));
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  return {
    view, root, problems, text, setText,
    error: error ?? (writing ? written.error : null),
    /** What is to be counted; while blocks are being written the last that was. */
    expression: writing ? (written.data?.expression ?? text) : text,
    /** Whether the blocks have changed since they were written last. */
    pending: writing && (settled !== root || written.isPlaceholderData || written.isFetching),
    change(next: Block) {
      setPast((p) => [...p.slice(-99), root]);
      setRoot(next);
      setTouched(true);
    },
    undo: past.length === 0 ? undefined : () => {
      setRoot(past[past.length - 1]);
      setPast(past.slice(0, -1));
    },
    /** The expression of the blocks as they stand; undefined, with the problems in their places, when they have any. */
    async finished(): Promise<string | undefined> {
      if (!writing) return text;
      const answer = await convert({ blocks: root });
      return answer.problems.length ? undefined : answer.expression;
    },
    show: (next: "blocks" | "text") => {
      if (next === view) return;
      if (next === "blocks") return void read();
      void attempt(async () => {
        const now = touched ? (await convert({ blocks: root })).expression : text;
        kept.current = { root, touched, text: now };
        setText(now);
        setView("text");
      });
    },
  };
}
