/** Words as they were typed, each once: several may come at once, by pasting or from an input method, with 、 or commas between. */
export const wordsOf = (typed: string[]): string[] => [...new Set(typed.flatMap((w) => w.split(/[、,，\n\t]/)).map((w) => w.trim()).filter(Boolean))];
