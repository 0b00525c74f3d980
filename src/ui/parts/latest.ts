/**
 * One question in flight, and only the newest one waiting: asking sixty times a second costs no more than the
 * engine can answer. Questions of one animation frame become one. An answer that came after `reset` is dropped.
 */
export class Latest<Question, Answer> {
  private waiting: { readonly question: Question } | null = null;
  private frame = 0;
  private busy = false;
  private generation = 0;
  private readonly ask: (question: Question) => Promise<Answer>;
  private readonly deliver: (answer: Answer) => void;
  private readonly fail: (error: unknown) => void;

  constructor(
    ask: (question: Question) => Promise<Answer>,
    deliver: (answer: Answer) => void,
    fail: (error: unknown) => void,
  ) {
    this.ask = ask;
    this.deliver = deliver;
    this.fail = fail;
  }

  want(question: Question): void {
    this.waiting = { question };
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      void this.next();
    });
  }

  /** Forgets what waits and what is under way: the next answer delivered belongs to a later `want`. */
  reset(): void {
    this.generation++;
    this.waiting = null;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private async next(): Promise<void> {
    if (this.busy || this.waiting === null) return;
    const { question } = this.waiting;
    const generation = this.generation;
    this.waiting = null;
    this.busy = true;
    try {
      const answer = await this.ask(question);
      if (generation === this.generation) this.deliver(answer);
    } catch (error) {
      if (generation === this.generation) this.fail(error);
    } finally {
      this.busy = false;
    }
    if (this.frame === 0) await this.next();
  }
}
