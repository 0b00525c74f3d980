/** Files of the repository as a user of the page would open them. */
import { commands, server } from 'vitest/browser';

/** By its path from the root ("samples/leak.pickle.gz"), under another name if one is given. */
export async function fileAt(path: string, name = path.split('/').at(-1)!): Promise<File> {
  const base64 = await commands.readFile(`${server.config.root}/${path}`, 'base64');
  return new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name);
}
