/** base64 (RFC 4648 section 4) decoded a piece at a time, as it stands in a JSON string. */

const INVALID = 255;
const SKIPPED = 254;
const PAD = 253;

const CODES = ((): Uint8Array => {
  const codes = new Uint8Array(256).fill(INVALID);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  for (let i = 0; i < 64; i++) codes[alphabet.charCodeAt(i)] = i;
  // A line break in the text, and the backslash of "\/", which some JSON writers put before every slash.
  for (const byte of [9, 10, 13, 32, 92]) codes[byte] = SKIPPED;
  codes[61] = PAD;
  return codes;
})();

export class Base64Decoder {
  private bits = 0;
  private held = 0;
  private padded = false;

  /** Bytes of text[from, to), and where a character stood that is no base64 (-1: nowhere); what is before it is decoded. */
  push(
    text: Uint8Array,
    from: number,
    to: number,
  ): { readonly bytes: Uint8Array; readonly invalidAt: number } {
    const bytes = new Uint8Array(Math.ceil(((to - from) * 3) / 4) + 3);
    let length = 0;
    let { bits, held } = this;
    let invalidAt = -1;
    for (let i = from; i < to; i++) {
      const code = CODES[text[i]];
      if (code < 64 && !this.padded) {
        bits = ((bits << 6) | code) & 0xffffff;
        if (++held === 4) {
          bytes[length++] = bits >> 16;
          bytes[length++] = bits >> 8;
          bytes[length++] = bits;
          held = 0;
        }
      } else if (code === PAD) {
        this.padded = true;
      } else if (code !== SKIPPED) {
        invalidAt = i;
        break;
      }
    }
    this.bits = bits;
    this.held = held;
    return { bytes: bytes.subarray(0, length), invalidAt };
  }

  /** The last one or two bytes, of a group that is not full. */
  end(): Uint8Array {
    const { bits, held } = this;
    this.held = 0;
    if (held === 3) return Uint8Array.of(bits >> 10, bits >> 2);
    return held === 2 ? Uint8Array.of(bits >> 4) : new Uint8Array(0);
  }
}
