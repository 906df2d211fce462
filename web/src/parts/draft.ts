import { useEffect, useRef, useState } from "react";
import { root } from "../api";

const key = (name: string) => `enishi-draft${root}-${name}`;

interface Kept<D> { version: number; definition: D }

function kept<D>(name: string): Kept<D> | null {
  try {
    return JSON.parse(localStorage.getItem(key(name)) ?? "null") as Kept<D> | null;
  } catch {
    return null;
  }
}

export function forget(name: string) {
  try {
    localStorage.removeItem(key(name));
  } catch {
    // private windows keep nothing
  }
}

/** What is being edited: with undo and redo, and kept on this device until it is saved. */
export function useDraft<D>(name: string, version: number, saved: D) {
  const [base, setBase] = useState(version);
  const [restored, setRestored] = useState(() => { const k = kept<D>(name); return k !== null && k.version === version && JSON.stringify(k.definition) !== JSON.stringify(saved); });
  const [steps, setSteps] = useState(() => ({ list: [restored ? kept<D>(name)!.definition : saved], at: 0 }));
  const last = useRef({ at: 0, what: "" });
  const now = steps.list[steps.at];
  const dirty = JSON.stringify(now) !== JSON.stringify(saved);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (!dirty) return forget(name);
      try {
        localStorage.setItem(key(name), JSON.stringify({ version: base, definition: now } satisfies Kept<D>));
      } catch {
        // a full or private store: saving a version still works
      }
    }, 400);
    return () => clearTimeout(timer);
  }, [name, now, dirty, base]);
  /** what names the field: typing on in one is one step to undo. */
  const change = (to: D, what = "") => {
    const joins = what !== "" && what === last.current.what && Date.now() - last.current.at < 1500;
    last.current = { at: Date.now(), what };
    setSteps(({ list, at }) => { const begun = list.slice(0, joins && at > 0 ? at : at + 1); return { list: [...begun, to].slice(-100), at: Math.min(begun.length, 99) }; });
  };
  const go = (by: number) => { last.current.what = ""; setSteps((s) => ({ ...s, at: Math.max(0, Math.min(s.list.length - 1, s.at + by)) })); };
  return { now, change, dirty, base, restored, canUndo: steps.at > 0, canRedo: steps.at < steps.list.length - 1, undo: () => go(-1), redo: () => go(1), saved: (v: number) => { setBase(v); setRestored(false); forget(name); },
    discard: () => { forget(name); setRestored(false); change(saved); } };
}
