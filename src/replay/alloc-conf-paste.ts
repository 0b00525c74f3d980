/**
 * Finds the configuration string in what people paste: the bare string, `NAME=...`, `export NAME="..."`,
 * `docker run -e NAME=...`, `os.environ["NAME"] = "..."`. PyTorch itself sees only the bare string.
 */
const PREFIX =
  /^\s*(?:\$\s+)?(?:(?:export|set|setx|env|ENV|-e|--env)\s+|\$env:)?(?:os\.environ\[\s*)?(["']?)PYTORCH_(?:CUDA_|HIP_)?ALLOC_CONF(["']?)(?:\s*\])?\s*=\s*/;

export interface PastedConf {
  readonly conf: string;
  /** Character offset of `conf` in the pasted text. */
  readonly offset: number;
}

export function findConf(text: string): PastedConf {
  const prefix = PREFIX.exec(text);
  const from = prefix === null ? /^\s*/.exec(text)![0].length : prefix[0].length;
  const quoted = /^(["'])(.*?)\1/s.exec(text.slice(from));
  if (quoted !== null) return { conf: quoted[2], offset: from + 1 };
  if (prefix === null) return { conf: text, offset: 0 };
  // `docker run -e "NAME=value"`: the quote stands before the name.
  const quoteBefore = prefix[1] !== '' && prefix[2] === '';
  const end = text.slice(from).search(quoteBefore ? /["']/ : /[\s;&|]/);
  return { conf: end === -1 ? text.slice(from) : text.slice(from, from + end), offset: from };
}
