// What changed between two versions of a text, line by line.

/** One row side by side: what was on the left, what is on the right; null where the other side has a line and this one none. */
export interface Row { left: string | null; right: string | null; same: boolean }

// Beyond this many cells of the table the middle is taken as changed as a whole: a page must not stand still.
const maxCells = 4_000_000;

/** The lines of two texts side by side: the longest common sequence stays, a line that was changed stands beside what it became. */
export function compare(left: string[], right: string[]): Row[] {
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head++;
  let tail = 0;
  while (tail < left.length - head && tail < right.length - head && left[left.length - 1 - tail] === right[right.length - 1 - tail]) tail++;
  const same = (lines: string[]): Row[] => lines.map((x) => ({ left: x, right: x, same: true }));
  return [...same(left.slice(0, head)), ...middle(left.slice(head, left.length - tail), right.slice(head, right.length - tail)), ...same(left.slice(left.length - tail))];
}

function middle(a: string[], b: string[]): Row[] {
  if (a.length * b.length > maxCells) return beside(a, b);
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width); // of the longest common sequence of what follows
  for (let i = a.length - 1; i >= 0; i--) {
    for (let k = b.length - 1; k >= 0; k--) length[i * width + k] = a[i] === b[k] ? length[(i + 1) * width + k + 1] + 1 : Math.max(length[(i + 1) * width + k], length[i * width + k + 1]);
  }
  const rows: Row[] = [];
  let gone: string[] = [];
  let come: string[] = [];
  const end = () => { rows.push(...beside(gone, come)); gone = []; come = []; };
  for (let i = 0, k = 0; i < a.length || k < b.length;) {
    if (i < a.length && k < b.length && a[i] === b[k]) {
      end();
      rows.push({ left: a[i++], right: b[k++], same: true });
    } else if (k === b.length || (i < a.length && length[(i + 1) * width + k] >= length[i * width + k + 1])) gone.push(a[i++]);
    else come.push(b[k++]);
  }
  end();
  return rows;
}

const beside = (a: string[], b: string[]): Row[] => Array.from({ length: Math.max(a.length, b.length) }, (_, i) => ({ left: a[i] ?? null, right: b[i] ?? null, same: false }));

/** Rows with only some of those around a change; a number says how many are left out in its place. */
export function changes(rows: Row[], around = 2): (Row | number)[] {
  const near = (i: number) => rows.slice(Math.max(0, i - around), i + around + 1).some((r) => !r.same);
  const out: (Row | number)[] = [];
  rows.forEach((r, i) => {
    const last = out.at(-1);
    if (near(i)) out.push(r);
    else if (typeof last === "number") out[out.length - 1] = last + 1;
    else out.push(1);
  });
  return out;
}
