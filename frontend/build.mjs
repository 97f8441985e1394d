// Bundles the desk's script with htmx, and the charts with ECharts, into src/dangol/web/static/built/, which is not committed.
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = here("../src/dangol/web/static/built/");

await rm(target, { recursive: true, force: true });
await build({
  entryPoints: { desk: here("src/desk.ts"), charts: here("src/charts.ts") },
  outdir: target,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  legalComments: "linked",
  logLevel: "warning",
});
