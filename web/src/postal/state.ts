/** Colours of a batch's states: what waits for a person stands out, what is done is calm. */
export const batchColour: Record<string, string> = { collecting: "blue", closed: "gray", in_review: "orange", approved: "teal", exporting: "gray", exported: "teal", delivered: "teal", cancelled: "gray" };
export const pieceColour: Record<string, string> = { collected: "blue", ready: "teal", rejected: "red", left_out: "gray", exported: "teal" };

/** Whether the work at a batch goes on by itself: the page looks again soon. */
export const busy = (state: string): boolean => ["closed", "exporting"].includes(state);
