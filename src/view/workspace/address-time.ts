/** Address and time as a picture: which address a pixel row is, and what a pixel says. */
import { type ByteUnit, formatBytes, formatInteger } from '../../base/units.ts';
import { percent } from '../../base/words.ts';
import type { AddressTimeAnswer } from '../../engine/protocol.ts';
import { addressText } from './address-map.ts';
import type { Heat } from './free-memory.ts';

/** The lowest addresses at the bottom, as they grow. */
export function addressHeat({ columns, rows, shares }: AddressTimeAnswer): Heat {
  const values = new Uint8Array(shares.length);
  for (let row = 0; row < rows; row++)
    values.set(shares.subarray(row * columns, (row + 1) * columns), (rows - 1 - row) * columns);
  return { columns, rows, values };
}

/** Address at the middle of a pixel row from the top, in text. */
export function addressOfRow(answer: AddressTimeAnswer, y: number): string {
  const { rows, bytes, packed, address, origin } = answer;
  const at = ((rows - 1 - y + 0.5) / rows) * bytes;
  let place = 0;
  while (place + 1 < address.length && packed[place + 1] <= at) place++;
  return addressText(origin, Math.floor(address[place] + at - packed[place]));
}

export function addressTimeWords(answer: AddressTimeAnswer, column: number, y: number): string | null {
  if (column < 0 || column >= answer.columns || y < 0 || y >= answer.rows) return null;
  const share = answer.shares[(answer.rows - 1 - y) * answer.columns + column];
  const when = `after event ${formatInteger(answer.moments[column])}`;
  const where = `near ${addressOfRow(answer, y)}`;
  return share === 0
    ? `Nothing is reserved ${where} ${when}`
    : `${percent((share - 1) / 254)} of what is reserved ${where} is live ${when}`;
}

export function addressTimeName(answer: AddressTimeAnswer, unit: ByteUnit): string {
  const { moments, bytes } = answer;
  const [first, last] = [moments[0], moments[moments.length - 1]];
  return `Addresses over time, after events ${formatInteger(Math.max(0, first))} to ${formatInteger(Math.max(0, last))}: ${formatBytes(bytes, unit)} of addresses that were ever reserved, without the gaps between them. Stronger colour: more of it is live.`;
}
