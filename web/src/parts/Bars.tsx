import { Box } from "@mantine/core";

/** A small bar chart of the last values, newest right, with its numbers as text for screen readers. */
export function Bars({ values, label, height = 56 }: { values: number[]; label: string; height?: number }) {
  const most = Math.max(1, ...values);
  return (
    <Box role="img" aria-label={`${label}: ${values.at(-1) ?? 0} (max ${most})`}>
      <svg width="100%" height={height} viewBox={`0 0 ${values.length * 4} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {values.map((v, i) => (
          <rect key={i} x={i * 4 + 0.5} width={3} y={height - Math.max(1, (v / most) * height)} height={Math.max(1, (v / most) * height)} fill="var(--mantine-color-enji-filled)" opacity={v ? 0.85 : 0.2} />
        ))}
      </svg>
    </Box>
  );
}
