/** The answer in one line above a view: what fails, what grows, who holds; never a name without what it did. */
import { describe, expect, it } from 'vitest';
import type { Answers } from '../../../src/view/diagnosis/diagnosis.ts';
import { verdictOf } from '../../../src/view/workspace/verdict.ts';

const HOLDER = { name: 's_leak (rec/record.py:167)', words: '33.8 MiB per iteration' };

const answers = (
  lead: Partial<Answers['lead']>,
  who: { short: string | null; holders: unknown[] },
): Answers =>
  ({
    lead: { answer: null, questions: [{ id: 'who', text: 'Who holds the memory?' }], growth: null, ...lead },
    who: { words: 'Nothing was recorded.', ...who },
    ends: { short: 'No. It does not grow.', severity: 'good' },
    back: { words: 'empty_cache()' },
  }) as unknown as Answers;

describe('the line above a view', () => {
  it('says that a line grows, with the severity of the finding', () => {
    const questions = [{ id: 'who', text: 'What grows?' }] as const;
    expect(verdictOf(answers({ questions, growth: 'problem' }, { short: null, holders: [HOLDER] }))).toEqual({
      question: 'What grows?',
      text: 'Grows: s_leak (rec/record.py:167), 33.8 MiB per iteration',
      severity: 'problem',
    });
  });

  it.each([
    [
      { short: null, holders: [HOLDER] },
      'Most is held by s_leak (rec/record.py:167), 33.8 MiB per iteration',
    ],
    [{ short: '99.9 % of the bytes have no stack', holders: [HOLDER] }, '99.9 % of the bytes have no stack'],
    [{ short: null, holders: [] }, 'Nothing was recorded.'],
  ])('says who holds, or that it is not known: %j', (who, text) => {
    expect(verdictOf(answers({}, who))).toMatchObject({ text, severity: null });
  });

  it('says whether it ends where that is asked first', () => {
    const questions = [{ id: 'ends', text: 'Is this a leak?' }] as const;
    expect(verdictOf(answers({ questions }, { short: null, holders: [] }))).toMatchObject({
      text: 'No. It does not grow.',
      severity: 'good',
    });
  });

  it('is none where nothing was judged', () => {
    expect(verdictOf(null)).toBeNull();
  });
});
