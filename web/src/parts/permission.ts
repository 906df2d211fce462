import type { Permission } from "../types";

/** A method taken apart: form:signup@2 is the form "signup" in version 2 of its words. */
export function methodOf(method: string): { kind: string; name: string; version: string } {
  const [kind, ...rest] = method.split(":");
  const [name, version = ""] = rest.join(":").split("@");
  return { kind, name, version };
}

/** What a word on a permission does to it: given, withdrawn, or only asked for. */
export const permissionColour = (state: Permission["state"]): string => ({ in: "teal", out: "red", asked: "orange" })[state];
