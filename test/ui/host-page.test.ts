/** What a page hands over by a message, and of whom. */
import { describe, expect, it } from 'vitest';
import { handedOver, originsOf } from '../../src/ui/shell/host-page.ts';

describe('a list of origins', () => {
  it('is read as browsers write origins; what is none is left out', () => {
    expect([...originsOf('https://wiki.example/path https://b.example:443, http://c.example:8080')]).toEqual([
      ...['https://wiki.example', 'https://b.example', 'http://c.example:8080'],
    ]);
    for (const nobody of [null, '', '*', 'null', 'wiki.example', 'file:///x', 'data:,x', 'javascript:1'])
      expect(originsOf(nobody).size).toBe(0);
  });
});

describe('a message', () => {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  it('holds a file', () => {
    expect(handedOver({ vramscope: { buffer, title: 'Run 7', fileName: 'a.pickle' } })).toEqual({
      buffer,
      name: 'a.pickle',
    });
    expect(handedOver({ perfetto: { buffer, title: 'Run 7' } })).toEqual({ buffer, name: 'Run 7' });
    expect(handedOver({ vramscope: { buffer } })).toEqual({ buffer, name: 'handed over' });
    const part = handedOver({ vramscope: { buffer: new Uint8Array(buffer, 1, 2) } });
    expect(part).toEqual({ buffer: new Uint8Array([2, 3]).buffer, name: 'handed over' });
  });

  it.each([[null], ['PONG'], [7], [{}], [{ vramscope: 'x' }], [{ other: { buffer } }]])(
    '%j is none',
    (data) => {
      expect(handedOver(data)).toBeNull();
    },
  );

  it('without bytes says so', () => {
    for (const told of [{}, { buffer: 'text' }, { buffer: null }, { buffer: [1, 2] }])
      expect(handedOver({ vramscope: told })).toMatch(/no "buffer"/);
  });
});
