/** The recording that is built into the page. */
export async function sampleFile(): Promise<File> {
  const { sampleName, sampleBase64 } = await import('virtual:sample');
  const binary = atob(sampleBase64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new File([bytes], sampleName);
}
