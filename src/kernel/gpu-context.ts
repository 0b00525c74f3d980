/**
 * What the kernels' GPU hosts share: pipelines compiled once, buffers, work inside error scopes, results read back.
 * A GPU error, which WebGPU reports aside and late, becomes a thrown GpuError here.
 */

/** WebGPU failed, or the device is gone. The answer can still be had from the CPU. */
export class GpuError extends Error {
  override readonly name = 'GpuError';
}

/** Work that can be encoded any number of times over the same data. */
export interface GpuWork {
  encode(encoder: GPUCommandEncoder): void;
  /** Frees what the work needs beside the columns. */
  release(): void;
}

/** A part of a buffer that is read back: `words` u32 from word `from` on. */
export interface GpuOutput {
  readonly buffer: GPUBuffer;
  readonly from: number;
  readonly words: number;
}

/** Work with an answer. */
export interface GpuQuery extends GpuWork {
  readonly outputs: readonly GpuOutput[];
}

/** Buffers hold whole pairs of 64-bit elements: kernels load vec4<u32>, and zeros past the end. */
const ALIGNMENT_BYTES = 16;

const SCOPES: readonly GPUErrorFilter[] = ['out-of-memory', 'internal', 'validation'];

export class GpuContext {
  readonly device: GPUDevice;
  /** Most 64-bit elements of one column: it is one binding. */
  readonly maxLength: number;
  private readonly dispatchLimit: number;
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private gone: string | null = null;

  /** `dispatchLimit`: most workgroups in one dimension of a dispatch; tests lower it. */
  constructor(device: GPUDevice, dispatchLimit = device.limits.maxComputeWorkgroupsPerDimension) {
    this.device = device;
    this.dispatchLimit = dispatchLimit;
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    const bytes = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    this.maxLength = Math.floor(bytes / ALIGNMENT_BYTES) * (ALIGNMENT_BYTES / 8);
    void device.lost.then(({ message }) => (this.gone = message || 'The GPU device was lost.'));
  }

  /** The compute pipeline of one entry point; compiled at its first use. */
  pipeline(
    stem: string,
    code: string,
    entryPoint: string,
    constants: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    const key = `${stem} ${entryPoint}`;
    let pipeline = this.pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = this.compile(key, code, entryPoint, constants);
      this.pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  private async compile(
    label: string,
    code: string,
    entryPoint: string,
    constants: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    const module = await this.guard(label, () => this.device.createShaderModule({ label, code }));
    try {
      return await this.device.createComputePipelineAsync({
        label,
        layout: 'auto',
        compute: { module, entryPoint, constants: { ...constants } },
      });
    } catch (error) {
      throw new GpuError(`${label}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Runs synchronous GPU calls inside error scopes; rejects with what they report. */
  async guard<T>(what: string, work: () => T): Promise<T> {
    this.assertAlive(what);
    for (const scope of SCOPES) this.device.pushErrorScope(scope);
    let result: T;
    let popped: Promise<GPUError | null>[];
    try {
      result = work();
    } finally {
      popped = SCOPES.map(() => this.device.popErrorScope());
    }
    const errors = await Promise.all(popped);
    const error = errors.find((reported) => reported !== null);
    if (error) throw new GpuError(`${what}: ${error.message}`);
    this.assertAlive(what);
    return result;
  }

  private assertAlive(what: string): void {
    if (this.gone !== null) throw new GpuError(`${what}: ${this.gone}`);
  }

  /** A zeroed storage buffer for `words` u32, and zeros up to the alignment. */
  createStorage(label: string, words: number): GPUBuffer {
    const size = Math.max(1, Math.ceil((4 * words) / ALIGNMENT_BYTES)) * ALIGNMENT_BYTES;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.device.createBuffer({ label, size, usage });
  }

  /** A small buffer of exactly these words. */
  createFilled(label: string, words: Uint32Array, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = words.byteLength;
    const buffer = this.device.createBuffer({ label, size, usage, mappedAtCreation: true });
    new Uint32Array(buffer.getMappedRange()).set(words);
    buffer.unmap();
    return buffer;
  }

  /** Bind group 0 of an entry point: its buffers by binding number. */
  bind(pipeline: GPUComputePipeline, buffers: Readonly<Record<number, GPUBuffer>>): GPUBindGroup {
    const entries = Object.entries(buffers).map(([binding, buffer]) => ({
      binding: Number(binding),
      resource: { buffer },
    }));
    return this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  /** Workgroups in x and y for `count` of them; a kernel passes over those too many. */
  spread(count: number): readonly [number, number] {
    const x = Math.min(count, this.dispatchLimit);
    return [x, Math.ceil(count / x)];
  }

  submit(encode: (encoder: GPUCommandEncoder) => void): void {
    const encoder = this.device.createCommandEncoder();
    encode(encoder);
    this.device.queue.submit([encoder.finish()]);
  }

  /**
   * Prepares work, encodes and submits it, frees what it needed and reads its outputs: all in one round trip.
   * Gives back the work too, which knows how to read the words.
   */
  async read<W extends GpuQuery>(what: string, prepare: () => W): Promise<readonly [W, Uint32Array[]]> {
    const { work, staging, mapped } = await this.guard(what, () => {
      const work = prepare();
      const words = work.outputs.reduce((sum, output) => sum + output.words, 0);
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = this.device.createBuffer({ label: what, size: Math.max(1, words) * 4, usage });
      this.submit((encoder) => {
        work.encode(encoder);
        let offset = 0;
        for (const { buffer, words, from } of work.outputs) {
          if (words > 0) encoder.copyBufferToBuffer(buffer, 4 * from, staging, offset, 4 * words);
          offset += 4 * words;
        }
      });
      // What has been submitted still runs to its end.
      work.release();
      const mapped = staging.mapAsync(GPUMapMode.READ);
      // Awaited below; where the scopes report an error first, this one must not go unhandled.
      mapped.catch(() => undefined);
      return { work, staging, mapped };
    });
    try {
      await mapped;
      const bytes = staging.getMappedRange();
      let offset = 0;
      const parts = work.outputs.map(({ words }) => {
        const copy = new Uint32Array(bytes, offset, words).slice();
        offset += 4 * words;
        return copy;
      });
      return [work, parts];
    } catch (error) {
      throw new GpuError(`${what}: ${this.gone ?? String(error)}`);
    } finally {
      staging.destroy();
    }
  }
}
