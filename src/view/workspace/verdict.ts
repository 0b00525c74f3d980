/** The answer in one line, for views that take the height of the page: the lead question's, as the first view has it. */
import type { Severity } from '../../engine/protocol.ts';
import type { Answers } from '../diagnosis/diagnosis.ts';

export interface Verdict {
  readonly question: string;
  readonly text: string;
  readonly severity: Severity | null;
}

/** null: nothing was judged. */
export function verdictOf(answers: Answers | null): Verdict | null {
  if (answers === null) return null;
  const { lead, who, ends, back } = answers;
  if (lead.answer !== null)
    return { question: lead.answer.question, text: lead.answer.short, severity: lead.answer.severity };
  const first = lead.questions.at(0);
  if (first === undefined) return null;
  const question = first.text;
  switch (first.id) {
    case 'ends':
      return { question, text: ends.short, severity: ends.severity };
    case 'back':
      return { question, text: back.words, severity: null };
    case 'who': {
      const [holder] = who.holders;
      const text = who.short ?? (holder === undefined ? who.words : `${holder.name}, ${holder.words}`);
      if (lead.growth !== null) return { question, text: `Grows: ${text}`, severity: lead.growth };
      return {
        question,
        text: who.short === null && holder !== undefined ? `Most is held by ${text}` : text,
        severity: null,
      };
    }
  }
}
