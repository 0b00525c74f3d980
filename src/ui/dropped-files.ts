/** Files of a drop, folders opened and flattened. */

function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  return new Promise((resolve, reject) => {
    // readEntries gives at most 100 at a time and [] at the end.
    const more = (): void =>
      reader.readEntries((entries) => {
        if (entries.length === 0) return resolve(all);
        all.push(...entries);
        more();
      }, reject);
    more();
  });
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [
      await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)),
    ];
  }
  const files: File[] = [];
  for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) {
    if (!child.name.startsWith('.')) files.push(...(await filesOf(child)));
  }
  return files;
}

export const carriesFiles = (event: DragEvent): boolean =>
  event.dataTransfer?.types.includes('Files') ?? false;

export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  // Both are read before the first await: the list of a drop is emptied as soon as its event is over.
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const found: File[] = [];
  for (const entry of entries) if (entry !== null) found.push(...(await filesOf(entry)));
  return found;
}
