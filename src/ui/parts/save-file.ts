/** Bytes, in pieces, to a file of the user's choice, by a link that is clicked for them. */
export function saveFile(name: string, pieces: readonly Uint8Array<ArrayBuffer>[], type: string): void {
  const url = URL.createObjectURL(new Blob([...pieces], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the bytes once it has begun, which is after this task.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
