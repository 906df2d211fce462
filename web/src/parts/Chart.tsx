import { useEffect, useRef } from "react";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { fonts } from "../theme";

use([BarChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

// Told apart by people who see few colours (Okabe and Ito), on light and dark.
const colours = ["#9c3d44", "#e69f00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9"];

/** The one chart: theme, size and name. Its numbers stand in a table beside it. */
export function Chart({ option, label, height, dark }: { option: EChartsCoreOption; label: string; height: number; dark: boolean }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const chart = init(host.current!, dark ? "dark" : undefined, { renderer: "svg" });
    chart.setOption({ backgroundColor: "transparent", color: colours, textStyle: { fontFamily: fonts }, animation: false, ...option });
    const watch = new ResizeObserver(() => chart.resize());
    watch.observe(host.current!);
    return () => {
      watch.disconnect();
      chart.dispose();
    };
  }, [option, dark]);
  return <div ref={host} role="img" aria-label={label} style={{ height, width: "100%" }} />;
}
