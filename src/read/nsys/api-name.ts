/** Names of CUDA's calls as their documentation has them. */

/** An API call without its version: "cudaMalloc_v3020" -> "cudaMalloc", "cuMemAlloc_v2" -> "cuMemAlloc". */
export const apiName = (name: string): string => name.replace(/_v\d+(_ptsz|_ptds)?$/, '');
