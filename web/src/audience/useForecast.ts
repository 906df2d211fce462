import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { request, type ApiError } from "../api";
import type { AudienceBody, AudienceForecast } from "../types";

/** What a run would do with an audience as it is typed; name: of one that is there. Without a body nothing is asked. */
export function useForecast(body: AudienceBody | undefined, name?: string) {
  return useQuery<AudienceForecast, ApiError>({
    queryKey: ["audience", "try", name, body],
    queryFn: ({ signal }) => request("post", "/audiences/try", { body: { name, body: body! }, signal }),
    enabled: !!body, retry: false, staleTime: 0, placeholderData: keepPreviousData,
  });
}
