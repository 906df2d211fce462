import { defineConfig } from "vite";
import react from "@vitejs/plugin-react";

// The server (see `make dev`) answers the API while Vite serves the console.
const server = "http://127.0.0.1:8420";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // CodeMirror, the canvas and the charts are loaded with the pages that need them.
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": server, "/v1": server, "/demo": server, "/w": server, "/i": server } },
});
