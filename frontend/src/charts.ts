// Charts of the desk, drawn on canvas by ECharts from what a page carries in `data-chart`.
// Each stands above a table that says the same: without this script nothing is lost. A click on a
// part of a chart leads where the same number of the table leads.
import { BarChart, HeatmapChart, LineChart, SankeyChart } from "echarts/charts";
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { type EChartsCoreOption, type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([
  BarChart,
  HeatmapChart,
  LineChart,
  SankeyChart,
  AriaComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
]);

interface Series {
  name: string;
  colour: string;
  values: number[];
  urls?: string[];
}

interface Flow {
  kind: "flow";
  nodes: { id: string; name: string; colour: string; end: boolean; url: string }[];
  links: { source: string; target: string; people: number; colour: string; url: string }[];
}

interface Lines {
  kind: "lines" | "bars";
  labels: string[];
  series: Series[];
}

interface Week {
  kind: "week";
  days: string[];
  hours: string[];
  cells: [number, number, number][];
  says: string[];
}

type Chart = Flow | Lines | Week;
type Clicked = { data?: unknown; seriesIndex?: number; dataIndex?: number };

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map<HTMLElement, EChartsType>();

const token = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function shared(): EChartsCoreOption {
  const ink = token("ink");
  return {
    animation: !calm.matches,
    animationDuration: 300,
    aria: { enabled: false }, // the element says what it is; the table below says the rest
    backgroundColor: "transparent",
    textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13 },
    tooltip: {
      renderMode: "richText", // HTML would need inline styles, which this page forbids
      confine: true,
      backgroundColor: token("surface"),
      borderColor: token("line-strong"),
      textStyle: { color: ink, fontSize: 13 },
    },
  };
}

function flow(chart: Flow, narrow: boolean): EChartsCoreOption {
  const soft = token("ink");
  return {
    series: {
      type: "sankey",
      left: 4,
      right: 4,
      top: 8,
      bottom: 8,
      nodeWidth: 12,
      nodeGap: 14,
      draggable: false,
      layoutIterations: 0,
      emphasis: { focus: "adjacency" },
      data: chart.nodes.map((node) => ({
        name: node.id,
        url: node.url,
        depth: node.end ? 1 : 0,
        itemStyle: { color: token(`stage-${node.colour}`), borderWidth: 0 },
        label: {
          show: true,
          formatter: () => node.name,
          position: node.end ? "left" : "right",
          color: soft,
          fontSize: narrow ? 11 : 13,
          textBorderColor: token("surface"),
          textBorderWidth: 3,
        },
      })),
      links: chart.links.map((link) => ({
        source: link.source,
        target: link.target,
        value: link.people,
        url: link.url,
        lineStyle: {
          color: token(`stage-${link.colour}`),
          opacity: link.source.slice(2) === link.target.slice(2) ? 0.22 : 0.55,
        },
      })),
      tooltip: {
        formatter: (at: { dataType: string; data: Record<string, unknown>; name: string }) => {
          const named = (id: unknown) => chart.nodes.find((node) => node.id === id)?.name ?? "";
          const all = chart.links.filter((link) => [link.source, link.target].includes(at.name));
          const people = all.reduce((sum, link) => sum + link.people, 0);
          if (at.dataType !== "edge") return `${named(at.name)}: ${people.toLocaleString()}`;
          const { source, target, value } = at.data;
          return `${named(source)} → ${named(target)}: ${Number(value).toLocaleString()}`;
        },
      },
    },
  };
}

function axes(labels: string[], stacked: boolean): EChartsCoreOption {
  const soft = { color: token("ink-soft") };
  const line = { lineStyle: { color: token("line") } };
  return {
    legend: {
      type: "scroll",
      bottom: 0,
      icon: "circle",
      itemGap: 14,
      textStyle: { color: token("ink") },
      pageTextStyle: { color: token("ink") },
      pageIconColor: token("accent"),
      pageIconInactiveColor: token("line-strong"),
    },
    grid: { left: 8, right: 16, top: 16, bottom: 40, containLabel: true },
    xAxis: {
      type: "category",
      data: labels,
      boundaryGap: stacked,
      axisLabel: { ...soft, hideOverlap: true },
      axisLine: { lineStyle: { color: token("line-strong") } },
      axisTick: { show: false },
    },
    yAxis: { type: "value", minInterval: 1, axisLabel: soft, splitLine: line },
  };
}

function lines(chart: Lines): EChartsCoreOption {
  return {
    ...axes(chart.labels, false),
    series: chart.series.map((one) => ({
      type: "line",
      name: one.name,
      symbol: "circle",
      symbolSize: 8,
      lineStyle: { width: 2.5, color: token(`stage-${one.colour}`) },
      itemStyle: { color: token(`stage-${one.colour}`) },
      data: one.values.map((value, place) => ({ value, url: one.urls?.[place] })),
    })),
  };
}

function bars(chart: Lines): EChartsCoreOption {
  return {
    ...axes(chart.labels, true),
    series: chart.series.map((one) => ({
      type: "bar",
      name: one.name,
      stack: "all",
      barCategoryGap: "25%",
      itemStyle: { color: token(`stage-${one.colour}`) },
      data: one.values.map((value, place) => ({ value, url: one.urls?.[place] })),
    })),
  };
}

function week(chart: Week): EChartsCoreOption {
  const soft = { color: token("ink-soft") };
  return {
    grid: { left: 8, right: 8, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "category", data: chart.hours, axisLabel: soft, axisTick: { show: false } },
    yAxis: {
      type: "category",
      data: chart.days,
      inverse: true,
      axisLabel: soft,
      axisTick: { show: false },
    },
    visualMap: {
      show: false,
      min: 0,
      max: 1,
      inRange: { color: [token("sunk"), token("accent")] },
    },
    series: {
      type: "heatmap",
      data: chart.cells,
      itemStyle: { borderColor: token("surface"), borderWidth: 2 },
      tooltip: { formatter: (at: { dataIndex: number }) => chart.says[at.dataIndex] ?? "" },
    },
  };
}

function option(chart: Chart, wide: number): EChartsCoreOption {
  if (chart.kind === "flow") return flow(chart, wide < 500);
  if (chart.kind === "week") return week(chart);
  return chart.kind === "lines" ? lines(chart) : bars(chart);
}

function follow(clicked: Clicked): void {
  const data = clicked.data as { url?: string } | undefined;
  if (data?.url) window.location.assign(data.url);
}

function draw(place: HTMLElement): void {
  if (place.clientWidth === 0) return;
  const chart = JSON.parse(place.dataset["chart"] ?? "{}") as Chart;
  const made = drawn.get(place) ?? init(place, null, { renderer: "canvas" });
  if (!drawn.has(place)) made.on("click", (event) => follow(event as Clicked));
  drawn.set(place, made);
  made.setOption({ ...shared(), ...option(chart, place.clientWidth) }, true);
  place.dataset["drawn"] = "yes";
}

function drawAll(root: ParentNode): void {
  for (const place of drawn.keys()) {
    if (place.isConnected) continue;
    drawn.get(place)?.dispose();
    drawn.delete(place);
  }
  for (const place of root.querySelectorAll<HTMLElement>("[data-chart]")) draw(place);
}

let waiting = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => {
    for (const made of drawn.values()) made.resize();
  });
});
dark.addEventListener("change", () => drawAll(document));
document.addEventListener("htmx:afterSettle", () => drawAll(document));
document.addEventListener("toggle", () => drawAll(document), { capture: true });
drawAll(document);
