/** Modules that the build makes (vite.config.ts). */
declare module 'virtual:engine-worker' {
  /** Source of the engine's worker: a classic script. */
  export const workerSource: string;
}

declare module 'virtual:sample' {
  /** File name of the bundled recording. */
  export const sampleName: string;
  /** Its bytes. */
  export const sampleBase64: string;
}

declare module 'virtual:sqlite-wasm' {
  /** SQLite's WebAssembly, gzipped, as base64. */
  export const sqliteBase64: string;
}

/** A file of sql/, as text. */
declare module '*.sql?raw' {
  const sql: string;
  export { sql as default };
}
