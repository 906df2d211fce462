import { useQuery, type UseQueryOptions } from "@tanstack/react-query";
import type { paths } from "./api.gen";
import { language } from "./i18n";
import { saveBlob } from "./parts/download";
import type { Problem } from "./types";

/** What the server says when it refuses: RFC 9457. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super((language() === "ja" && problem.detail_ja) || problem.detail || problem.title);
  }
}

// The operations of api/openapi.yaml: a path, a parameter, a field of a body or of an answer that is not there does not compile.
type Method = "get" | "post" | "put" | "delete";
type Path<M extends Method> = { [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never }[keyof paths];
// None of them goes over a union: of all operations together that would be too much for the compiler.
type Parameters<O> = ([O] extends [{ parameters: { path: infer X } }] ? { path: X } : { path?: undefined }) & ([O] extends [{ parameters: { query?: infer X } }] ? { query?: X } : { query?: undefined });
type Body<O> = [O] extends [{ requestBody?: infer R }] ? ([NonNullable<R>] extends [never] ? { body?: undefined } : NonNullable<R> extends { content: { "application/json": infer X } } ? { body: X } : never) : never;
type Answer<O> = O extends { responses: { 200: { content: { "application/json": infer X } } } } ? X : undefined;

/** What GET of a path answers. */
export type Got<P extends Path<"get">> = Answer<paths[P]["get"]>;

// A named workspace lives under /w/NAME; the first one at the root.
export const root = /^\/w\/[a-z0-9_]+/.exec(location.pathname)?.[0] ?? "";

type Values = { path?: Record<string, unknown>; query?: Record<string, unknown> };

/** The address of an operation: values stand in the path, the rest follows as the query; what is empty is left out. */
export function address(path: string, { path: names = {}, query = {} }: Values = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const v of Array.isArray(value) ? value : [value]) if (v != null && v !== "") search.append(key, String(v));
  }
  const text = search.toString();
  return root + "/api/v1" + path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(names[name]))) + (text && "?" + text);
}

const csrf = () => /(?:^|; )enishi_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? "";

async function ask(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": language() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") {
    headers["X-Enishi-CSRF"] = csrf();
    headers["Idempotency-Key"] = crypto.randomUUID();
  }
  try {
    return await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, credentials: "same-origin" });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError({ status: 0, title: "unreachable", detail: "The server does not answer. Is it running?", detail_ja: "サーバーにつながりません。起動しているか確認してください。" });
  }
}

async function send(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
  const answer = await ask(method, url, body, signal);
  const text = await answer.text();
  let data: unknown = undefined;
  try {
    data = text ? JSON.parse(text) : undefined;
  } catch {
    data = undefined;
  }
  if (!answer.ok) throw refusal(answer, data);
  return data;
}

function refusal(answer: Response, data: unknown): ApiError {
  const problem = (data ?? {}) as Partial<Problem>;
  return new ApiError({ ...problem, status: answer.status, title: problem.title ?? answer.statusText, detail: problem.detail ?? problem.title ?? answer.statusText });
}

/** Saves what is answered as a file. */
async function saveAnswer(answer: Response, file: string): Promise<void> {
  if (!answer.ok) throw refusal(answer, await answer.json().catch(() => undefined));
  saveBlob(await answer.blob(), file);
}

/** Saves the people that an export answers. */
export const saveExport = async (body: Body<paths["/segments/export"]["post"]>["body"], file: string): Promise<void> => saveAnswer(await ask("POST", address("/segments/export"), body), file);

/** Saves everything that is kept of a person. */
export const saveDisclosure = async (id: string, format: "zip" | "html", reason: string): Promise<void> => saveAnswer(await ask("GET", address("/people/{id}/export", { path: { id }, query: { format, reason } })), `${id}.${format}`);

/** The one way to ask for something once: to change, to preview. */
export const request = (async (method: string, path: string, { body, signal, ...values }: Values & { body?: unknown; signal?: AbortSignal }) => send(method.toUpperCase(), address(path, values), body, signal)) as unknown as
  <M extends Method, P extends Path<M>>(method: M, path: P, values: Parameters<paths[P][M]> & Body<paths[P][M]> & { signal?: AbortSignal }) => Promise<Answer<paths[P][M]>>;

type Options<T> = Omit<UseQueryOptions<T, ApiError>, "queryKey" | "queryFn">;

/** The one way to read: cached by address, shown again at once on the way back. */
export function useApi<P extends Path<"get">>(path: P, values: Parameters<paths[P]["get"]>, options: Options<Got<P>> = {}) {
  const url = address(path, values as Values);
  return useQuery<Got<P>, ApiError>({ queryKey: [url], queryFn: async ({ signal }) => (await send("GET", url, undefined, signal)) as Got<P>, ...options });
}
