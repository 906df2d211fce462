import { defineConfig } from "vite";
import react from "@vitejs/plugin-react";

// The server (see `make dev`) answers the API while Vite serves the console.
const server = "http://127.0.0.1:8420";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // From these on a browser knows light-dark() by itself. What is put in its place for older ones needs the page's own
    // color-scheme, which Mantine sets, so the colours would be lost everywhere.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // CodeMirror, the canvas and the charts are loaded with the pages that need them.
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": server, "/v1": server, "/demo": server, "/w": server, "/i": server } },
});
