/** Growing columns of a snapshot's events, written by row. All have one capacity; `length` rows are filled. */
export class EventRows {
  length = 0;
  action: Uint8Array;
  address: Uint32Array;
  size: Uint32Array;
  stream_index: Uint16Array;
  stack_index: Uint32Array;
  time_ns: Uint32Array;
  /** Rows that carried a time. */
  timed = 0;

  /** `capacity`: rows to make room for at once; a guess that is too large costs no memory until it is used. */
  constructor(public capacity: number) {
    this.action = new Uint8Array(capacity);
    this.address = new Uint32Array(2 * capacity);
    this.size = new Uint32Array(2 * capacity);
    this.stream_index = new Uint16Array(capacity);
    this.stack_index = new Uint32Array(capacity);
    this.time_ns = new Uint32Array(2 * capacity);
  }

  /** Doubles; pages not yet touched cost no memory. */
  grow(): void {
    this.capacity *= 2;
    const wider = <T extends Uint8Array | Uint16Array | Uint32Array>(bigger: T, old: T): T => {
      bigger.set(old);
      return bigger;
    };
    this.action = wider(new Uint8Array(this.capacity), this.action);
    this.address = wider(new Uint32Array(2 * this.capacity), this.address);
    this.size = wider(new Uint32Array(2 * this.capacity), this.size);
    this.stream_index = wider(new Uint16Array(this.capacity), this.stream_index);
    this.stack_index = wider(new Uint32Array(this.capacity), this.stack_index);
    this.time_ns = wider(new Uint32Array(2 * this.capacity), this.time_ns);
  }

  /** Unix microseconds, exact, to nanoseconds in two words. */
  setTimeUs(row: number, us: number): void {
    const high = Math.floor(us / 4294967296);
    const low = (us - high * 4294967296) * 1000;
    const carry = Math.floor(low / 4294967296);
    this.time_ns[2 * row] = low - carry * 4294967296;
    this.time_ns[2 * row + 1] = high * 1000 + carry;
    this.timed++;
  }
}
