import { useQuery, type UseQueryOptions } from "@tanstack/react-query";
import { language } from "./i18n";

/** What the server says when it refuses: RFC 9457. */
export interface Problem {
  status: number;
  title: string;
  detail: string;
  detail_ja?: string;
  code?: string;
  request_id?: string;
  errors?: { location?: string; message: string; message_ja?: string; line?: number; col?: number }[];
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super((language() === "ja" && problem.detail_ja) || problem.detail || problem.title);
  }
}

// A named workspace lives under /w/NAME; the first one at the root.
const workspace = /^\/w\/[a-z0-9_]+/.exec(location.pathname)?.[0] ?? "";
export const root = workspace;
export const api = (path: string) => workspace + "/api/v1" + path;

const csrf = () => /(?:^|; )enishi_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? "";

export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": language() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") {
    headers["X-Enishi-CSRF"] = csrf();
    headers["Idempotency-Key"] = crypto.randomUUID();
  }
  let answer: Response;
  try {
    answer = await fetch(api(path), { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, credentials: "same-origin" });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError({ status: 0, title: "unreachable", detail: "The server does not answer. Is it running?", detail_ja: "サーバーにつながりません。起動しているか確認してください。" });
  }
  const text = await answer.text();
  let data: unknown = undefined;
  try {
    data = text ? JSON.parse(text) : undefined;
  } catch {
    data = undefined;
  }
  if (!answer.ok) {
    const problem = (data ?? {}) as Partial<Problem>;
    throw new ApiError({ ...problem, status: answer.status, title: problem.title ?? answer.statusText, detail: problem.detail ?? problem.title ?? answer.statusText });
  }
  return data as T;
}

type Options<T> = Omit<UseQueryOptions<T, ApiError>, "queryKey" | "queryFn">;

/** The one way to read: cached by path, shown again at once on the way back. */
export function useApi<T>(path: string | null, options: Options<T> = {}) {
  return useQuery<T, ApiError>({
    queryKey: [path],
    queryFn: ({ signal }) => request<T>("GET", path!, undefined, signal),
    enabled: path !== null,
    ...options,
  });
}
