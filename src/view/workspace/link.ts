/** What is said of an address whose file is not open. */
import { list } from '../../base/words.ts';
import { type ViewAddress } from './address.ts';
import { VIEWS } from './context.ts';

/** "" where the address names no file. */
export function linkNotice({ file, view, unknown }: ViewAddress): string {
  const label = VIEWS.find(({ id }) => id === view)?.label ?? '';
  const shows =
    file === null ? '' : `This link shows ${file} in the view ${label}. Open that file to see it.`;
  if (unknown.length === 0) return shows;
  const names = list(unknown.map(([name]) => `"${name}"`));
  return `${shows} The link has fields that this version does not know: ${names}.`.trim();
}
