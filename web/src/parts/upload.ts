import { request } from "../api";
import type { Import } from "../types";

const piece = 2 << 20; // bytes of a file in one request

export const base64 = (bytes: Uint8Array): string => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
};

/** Sends a file to be imported, from where it ended when it had begun. part is told how much is there, 0 to 1. */
export async function upload(file: File, begun: Import | undefined, part: (done: number) => void): Promise<Import> {
  let m = begun ?? (await request("post", "/imports", { body: { name: file.name, size: file.size } }));
  while (m.state === "receiving") {
    part(m.received / m.size);
    const bytes = new Uint8Array(await file.slice(m.received, m.received + piece).arrayBuffer());
    m = await request("post", "/imports/{id}/part", { path: { id: m.id }, body: { at: m.received, bytes: base64(bytes) } });
  }
  return m;
}
