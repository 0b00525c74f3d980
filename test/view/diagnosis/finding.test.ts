/** A finding in the user's unit, what can be copied of its remedy, what a click on its evidence shows. */
import { describe, expect, it } from 'vitest';
import {
  findingModel,
  gainVerb,
  isPlaced,
  placeWords,
  remedyOf,
  SEVERITY_WORD,
} from '../../../src/view/diagnosis/finding.ts';
import { finding, MIB, proof } from './diagnosis-for-test.ts';

describe('a remedy', () => {
  it.each([
    [
      '`PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`',
      { words: null, code: 'PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True' },
    ],
    [
      'Leave max_split_size_mb:20 out: `unset PYTORCH_CUDA_ALLOC_CONF`',
      { words: 'Leave max_split_size_mb:20 out:', code: 'unset PYTORCH_CUDA_ALLOC_CONF' },
    ],
    [
      'Nothing has to be done. `torch.cuda.empty_cache()` gives the segments back.',
      {
        words: 'Nothing has to be done. torch.cuda.empty_cache() gives the segments back.',
        code: 'torch.cuda.empty_cache()',
      },
    ],
    // The first of several is offered for copying; all stand in the words.
    ['Run `a()` before and `b(1)` after.', { words: 'Run a() before and b(1) after.', code: 'a()' }],
    // What is not marked is not offered: one of several ways is not the way, and a flag without a value is no line.
    [
      'Fewer requests (--max-num-seqs of a server), or torch.no_grad().',
      { words: 'Fewer requests (--max-num-seqs of a server), or torch.no_grad().', code: null },
    ],
    ['Drop the reference.', { words: 'Drop the reference.', code: null }],
    ['', null],
    [null, null],
  ])('of %j', (text, expected) => expect(remedyOf(text)).toEqual(expected));
});

describe('a gain', () => {
  it('takes the unit of the user, and keeps every digit in its title', () => {
    const told = finding({ gainBytes: 484_442_112, gainHow: 'replayed' });
    expect(findingModel(told, 'binary').gain).toEqual({
      text: '462 MiB',
      title: '484,442,112 bytes',
      how: 'replayed',
    });
    expect(findingModel(told, 'decimal').gain?.text).toBe('484 MB');
  });

  it('is none where none was computed, and nothing is not none', () => {
    expect(findingModel(finding({ gainBytes: null, gainHow: null }), 'binary').gain).toBeNull();
    expect(findingModel(finding({ gainBytes: 0 }), 'binary').gain?.text).toBe('0 B');
  });
});

it('says in words how much it matters and how sure it is', () => {
  expect(findingModel(finding(), 'binary')).toMatchObject({
    word: 'Problem',
    confidence: 'Confidence: high',
    facts: '2 facts',
    remedy: { code: null },
    gain: { title: `${(128 * MIB).toLocaleString('en')} bytes` },
  });
  expect(findingModel(finding({ confidence: 'certain' }), 'binary').confidence).toBe('Certain');
  expect(new Set(Object.values(SEVERITY_WORD)).size).toBe(4);
});

describe('evidence', () => {
  it.each([
    [{}, false, null],
    [{ row: 0 }, true, 'Show the moment on the timeline'],
    [{ rows: [3, 9] as const }, true, 'Show the window on the timeline'],
    [{ stack: 0 }, true, 'Show the stack'],
    [{ row: 4, rows: [3, 9] as const, stack: 2 }, true, 'Show the window on the timeline and the stack'],
  ])('%j can be looked at: %s', (where, placed, words) => {
    expect(isPlaced(proof('x', where))).toBe(placed);
    if (words !== null) expect(placeWords(proof('x', where))).toBe(words);
  });
});

it.each([
  ['better-setting', 'saves'],
  ['setting-in-force', 'saves'],
  ['mig-slice-too-small', 'adds'],
  ['linear-leak', 'gives back'],
])('%s %s', (id, verb) => {
  expect(gainVerb(id)).toBe(verb);
});
