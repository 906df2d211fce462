import { createContext, useContext } from "react";

/** What is wrong in the form that is open, by field: each field says its own. */
export const Wrong = createContext<Map<string, string>>(new Map());
export const useWrong = (field: string): string | undefined => useContext(Wrong).get(field);

/** The fields that say it themselves; the rest stands above the form. */
export const placed = new Set(["title", "entry", "exits", "goal", "happening", "condition", "timeout", "reset", "date", "percent", "template", "points", "pointsReason", "url", "headers", "body", "journey", "where", "segment"]);
