/** Files of a drop or of a folder picker: plain files as they are, a folder's files together with their paths in it. */
import { naturalOrder } from '../../base/natural-order.ts';

export interface ChosenFolder {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly file: File }[];
}

export interface Chosen {
  readonly files: readonly File[];
  readonly folders: readonly ChosenFolder[];
}

type PathFile = ChosenFolder['files'][number];

/** Left by file managers and version control; never a recording. */
const isHidden = (path: string): boolean => path.split('/').some((part) => part.startsWith('.'));
const byPath = (a: PathFile, b: PathFile): number => naturalOrder(a.path, b.path);

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

async function filesOf(entry: FileSystemEntry, path: string): Promise<PathFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{ path, file }];
  }
  const files: PathFile[] = [];
  for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) {
    const below = path === '' ? child.name : `${path}/${child.name}`;
    if (!isHidden(child.name)) files.push(...(await filesOf(child, below)));
  }
  return files;
}

async function folderOf(entry: FileSystemEntry): Promise<ChosenFolder> {
  return { name: entry.name, files: (await filesOf(entry, '')).sort(byPath) };
}

export const carriesFiles = (event: DragEvent): boolean =>
  event.dataTransfer?.types.includes('Files') ?? false;

export async function droppedFiles(transfer: DataTransfer): Promise<Chosen> {
  // Both are read before the first await: the list of a drop is emptied as soon as its event is over.
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  if (!entries.some((entry) => entry?.isDirectory)) return { files: plain, folders: [] };
  const files: File[] = [];
  const folders: ChosenFolder[] = [];
  for (const entry of entries) {
    if (entry?.isDirectory) folders.push(await folderOf(entry));
    else if (entry !== null) files.push(...(await filesOf(entry, entry.name)).map(({ file }) => file));
  }
  return { files, folders };
}

/** Whether `<input webkitdirectory>` lets people choose a folder here. */
export const picksFolders = (): boolean => 'webkitdirectory' in HTMLInputElement.prototype;

/** What a folder picker gave: every file below one folder, its path beginning with the folder's name. */
export function pickedFolders(files: readonly File[]): ChosenFolder[] {
  const folders = new Map<string, PathFile[]>();
  for (const file of files) {
    const [name, ...rest] = (file.webkitRelativePath || file.name).split('/');
    const path = rest.length === 0 ? name : rest.join('/');
    if (isHidden(path)) continue;
    const inside = folders.get(name) ?? [];
    inside.push({ path, file });
    folders.set(name, inside);
  }
  return [...folders].map(([name, inside]) => ({ name, files: inside.sort(byPath) }));
}

/** What a page of somebody else hands over as files; throws for what is no list of files, before any of them is opened. */
export function checkedFiles(files: readonly File[]): readonly File[] {
  const given: unknown = files;
  if (!Array.isArray(given)) throw new TypeError('openFiles() takes a list of File objects.');
  // Files of another frame are of that frame's File.
  const other = given.findIndex(
    (one: Partial<File> | null) => typeof one?.slice !== 'function' || !Number.isFinite(one.size),
  );
  if (other >= 0)
    throw new TypeError(`openFiles() takes File objects, and number ${other + 1} of the list is none.`);
  return files;
}
