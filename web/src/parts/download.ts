/** Gives what a page holds as a file. */
export function saveBlob(blob: Blob, file: string): void {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export const saveText = (text: string, file: string): void => saveBlob(new Blob([text], { type: "text/csv;charset=utf-8" }), file);
