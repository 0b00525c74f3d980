/**
 * Which buffers of an answer can be handed over the border instead of copied. Only for answers whose arrays were made
 * for them alone: what is handed over is gone on this side. Part of a larger buffer is left to be copied.
 */

/** Buffers that a typed array of plain data fills whole, each once. */
export function buffersIn(answer: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(answer)) {
    const { buffer, byteLength } = answer;
    if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) found.add(buffer);
  } else if (typeof answer === 'object' && answer !== null) {
    for (const part of Object.values(answer)) buffersIn(part, found);
  }
  return found;
}
