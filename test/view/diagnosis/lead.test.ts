/** What a page asks first, by the worst that was found, and in which order it asks the rest. */
import { describe, expect, it } from 'vitest';
import type { DeviceDiagnosis, Diagnosis, Finding } from '../../../src/engine/protocol.ts';
import { leadOf } from '../../../src/view/diagnosis/lead.ts';
import { exactly } from '../../../src/base/measured.ts';
import { deviceDiagnosis, finding, GIB, holders } from './diagnosis-for-test.ts';

const concluded = (kind: string | null, changes: Partial<DeviceDiagnosis> = {}): DeviceDiagnosis =>
  deviceDiagnosis({
    conclusion: kind === null ? null : { kind, confidence: 'medium', sentence: 'S.' },
    ledgers: [],
    ...changes,
  });
const oom = finding({
  id: 'out-of-memory',
  title: 'Out of memory: 300 MiB requested, 74.7 GiB free on the device',
  headline: 'A limit of the process refused it: 74.7 GiB were free',
  verdict: 'The device had 74.7 GiB (80,215,015,424 bytes) free.',
  confidence: 'certain',
});
const contradiction = finding({
  id: 'contradiction',
  severity: 'risk',
  deviceKey: null,
  title: 'a and b contradict each other by 99 GiB',
});
const ask = (
  own: readonly Finding[],
  general: Diagnosis['findings'] = [],
  device = concluded('no_growth'),
) => {
  const { answer, questions } = leadOf(own, general, device, 'binary');
  return { answer, asked: questions.map(({ text }) => text) };
};

describe('the question a page leads with', () => {
  it('a request that failed: why, with the cause in few words and how sure it is', () => {
    const { answer, asked } = ask([oom, finding(), holders()], [contradiction]);
    expect(answer).toEqual({
      question: 'Why did it fail?',
      short: 'A limit of the process refused it: 74.7 GiB were free',
      severity: 'problem',
      words: 'The device had 74.7 GiB free.',
      confidence: 'Certain',
    });
    expect(asked[0]).toBe('Who holds the memory?');
  });

  it('a rule without a headline answers with its title', () => {
    const log = finding({ id: 'log-out-of-memory', title: 'Out of memory: 2 GiB requested' });
    expect(ask([log]).answer?.short).toBe('Out of memory: 2 GiB requested');
  });

  it.each(['linear-leak', 'masked-leak'])('%s: what grows', (id) => {
    expect(ask([finding({ id })], [contradiction])).toEqual({
      answer: null,
      asked: ['What grows?', 'Will it keep growing?', 'How do I fix it?'],
    });
  });

  it('files that contradict each other: whether they belong together', () => {
    const { answer } = ask([holders()], [contradiction], concluded('caching_allocator'));
    expect(answer?.question).toBe('Do these files belong together?');
    expect(answer?.short).toContain('contradict each other by 99 GiB');
  });

  it('a plateau: whether it is a leak', () => {
    expect(ask([], [], concluded('caching_allocator'))).toEqual({
      answer: null,
      asked: ['Is this a leak?', 'Who holds the memory?', 'How do I get it back?'],
    });
  });

  describe('reserved memory that nobody uses', () => {
    const [{ ledger }] = deviceDiagnosis().ledgers;
    const with_ = (pinned: number, cached: number): DeviceDiagnosis => {
      const part = (id: string, bytes: number) => ({ id, label: id, bytes: exactly(bytes), note: null });
      const parts = [
        part('requested', 10 * GIB - pinned - cached),
        part('inactive_split', pinned),
        part('releasable', cached),
      ];
      return concluded(null, {
        ledgers: [{ when: 'end', ledger: { ...ledger, reserved: 10 * GIB, parts } }],
      });
    };

    it('from a quarter on: where it is', () => {
      const { answer, asked } = ask([holders()], [], with_(GIB, 2 * GIB));
      expect(answer?.question).toBe('Where are the 3 GiB?');
      expect(answer?.short).toBe('30.0 % of reserved memory is unused');
      expect(answer?.words).toContain(
        '2 GiB cached, and released by empty_cache(), 1 GiB pinned by live blocks',
      );
      expect(asked).toEqual(['Who holds the memory?', 'Will it keep growing?', 'How do I get it back?']);
    });

    it('less is no question', () => {
      expect(ask([], [], with_(GIB, GIB)).answer).toBeNull();
    });
  });
});
