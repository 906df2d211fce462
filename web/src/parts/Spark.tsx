/** A small line of the last values, newest right. Its numbers stand beside it or a click away. */
export function Spark({ values, label, width = 96, height = 28 }: { values: number[]; label: string; width?: number; height?: number }) {
  if (values.length < 2) return null;
  const low = Math.min(...values);
  const span = Math.max(1, Math.max(...values) - low);
  const at = (v: number, i: number) => `${((i * (width - 4)) / (values.length - 1) + 2).toFixed(1)},${(height - 3 - ((v - low) / span) * (height - 6)).toFixed(1)}`;
  const last = at(values[values.length - 1], values.length - 1).split(",");
  return (
    <svg role="img" aria-label={label} width={width} height={height} style={{ display: "block", flexShrink: 0 }}>
      <polyline points={values.map(at).join(" ")} fill="none" stroke="var(--mantine-color-enji-filled)" strokeWidth={1.5} strokeLinejoin="round" />
      <circle cx={last[0]} cy={last[1]} r={2.2} fill="var(--mantine-color-enji-filled)" />
    </svg>
  );
}
