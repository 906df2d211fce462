// Builds dist: ESM and CommonJS for bundlers, and what the server hands out at /sdk.js and /sdk/pixel.js.
import { build } from "esbuild";

const shared = { bundle: true, minify: true, target: "es2020", charset: "utf8", legalComments: "none", logLevel: "warning" };
await Promise.all([
  build({ ...shared, entryPoints: ["src/index.ts"], format: "esm", minify: false, outfile: "dist/index.js" }),
  build({ ...shared, entryPoints: ["src/index.ts"], format: "cjs", minify: false, outfile: "dist/index.cjs" }),
  build({ ...shared, entryPoints: ["src/script.ts"], format: "iife", outfile: "dist/sdk.js" }),
  build({ ...shared, entryPoints: ["src/pixel.ts"], format: "esm", minify: false, outfile: "dist/pixel.mjs" }),
  build({ ...shared, entryPoints: ["src/pixel.ts"], format: "iife", globalName: "EnishiPixel", outfile: "dist/pixel.js" }),
]);
