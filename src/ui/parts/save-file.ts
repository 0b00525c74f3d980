/** Bytes to a file of the user's choice, by a link that is clicked for them. */
export function saveFile(name: string, bytes: Uint8Array, type: string): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the bytes once it has begun, which is after this task.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
