/**
 * Segments of cudaMalloc and pages of expandable segments by address, with the number of blocks in each; running sums
 * of what is held and what is idle. A block of an expandable segment may lie on several pages.
 */
import { upperBound } from '../../base/binary-search.ts';

interface Unit {
  readonly address: number;
  readonly bytes: number;
  readonly isPrivate: boolean;
  readonly expandable: boolean;
  holders: number;
}

export class UnitCounts {
  private readonly addresses: number[] = [];
  private readonly units: Unit[] = [];
  reserved = 0;
  /** Bytes of units that hold something: segments, and pages. */
  heldSegmentBytes = 0;
  heldPageBytes = 0;
  /** Bytes of blocks, by what they lie in. */
  liveSegmentBytes = 0;
  livePageBytes = 0;
  /** Bytes of units that hold nothing: of the default pool, and of private ones. */
  idleBytes = 0;
  privateIdleBytes = 0;

  add(address: number, bytes: number, isPrivate: boolean, expandable: boolean): void {
    const at = upperBound(this.addresses, address);
    const unit = { address, bytes, isPrivate, expandable, holders: 0 };
    this.addresses.splice(at, 0, address);
    this.units.splice(at, 0, unit);
    this.reserved += bytes;
    this.idle(unit, 1);
  }

  /** Takes the units that begin in [address, address + bytes) away; the driver has them. */
  remove(address: number, bytes: number): void {
    const from = upperBound(this.addresses, address - 1);
    let to = from;
    for (; to < this.units.length && this.addresses[to] < address + bytes; to++) {
      const unit = this.units[to];
      this.reserved -= unit.bytes;
      if (unit.holders === 0) this.idle(unit, -1);
      else this.held(unit, -1);
    }
    this.addresses.splice(from, to - from);
    this.units.splice(from, to - from);
  }

  /** A block came to live there. */
  hold(address: number, bytes: number): void {
    this.move(address, bytes, 1);
  }

  drop(address: number, bytes: number): void {
    this.move(address, bytes, -1);
  }

  private move(address: number, bytes: number, by: 1 | -1): void {
    const end = address + bytes;
    for (
      let at = upperBound(this.addresses, address) - 1;
      at >= 0 && at < this.units.length && this.addresses[at] < end;
      at++
    ) {
      const unit = this.units[at];
      const inside = Math.min(end, unit.address + unit.bytes) - Math.max(address, unit.address);
      if (inside <= 0) continue;
      if (unit.expandable) this.livePageBytes += by * inside;
      else this.liveSegmentBytes += by * inside;
      const before = unit.holders;
      unit.holders += by;
      if (before === 0 || unit.holders === 0) {
        this.idle(unit, before === 0 ? -1 : 1);
        this.held(unit, before === 0 ? 1 : -1);
      }
    }
  }

  private idle(unit: Unit, by: 1 | -1): void {
    if (unit.isPrivate) this.privateIdleBytes += by * unit.bytes;
    else this.idleBytes += by * unit.bytes;
  }

  private held(unit: Unit, by: 1 | -1): void {
    if (unit.expandable) this.heldPageBytes += by * unit.bytes;
    else this.heldSegmentBytes += by * unit.bytes;
  }
}
