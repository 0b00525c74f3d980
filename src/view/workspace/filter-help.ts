/** Terms of the filter for the sheet of keys: what is typed, and what passes. docs/views.md has the same. */
export const FILTER_HELP: readonly (readonly [string, string])[] = [
  ['size>1MiB  =24576  >64MiB', 'Requested bytes'],
  ['lifetime<5ms', 'From its allocation to its end'],
  ['stream:7  pool:small', 'Its stream; the pool that served it'],
  ['frame:attention  model.py:97', 'A frame of its stack: name, file, file:line; frame:/attn|mlp/'],
  ['0x7fe592000000', 'Holds this address; b7fe592000000_2 is its third life there'],
  ['live@peak  live@5.2s  live@139440', 'Alive at a moment, a time, an event'],
  ['5.2s..5.4s  made:100..200', 'Alive or made in a range of time or events'],
  ['never-freed  -frame:optimizer', 'Not ended by the recording; not this'],
];
