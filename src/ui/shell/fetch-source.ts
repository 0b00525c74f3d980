/** The one place that fetches: `?src=`, a path of the page's own origin. */
export async function fetchSource(src: string): Promise<File> {
  const url = new URL(src, location.href);
  if (url.origin !== location.origin || location.origin === 'null') {
    throw new Error(`?src= opens files of this page's own origin only, and ${url.href} is not.`);
  }
  const response = await fetch(url, { credentials: 'same-origin' });
  if (!response.ok)
    throw new Error(`${url.pathname} could not be fetched: ${response.status} ${response.statusText}`);
  const name = decodeURIComponent(url.pathname.split('/').pop() ?? '') || 'file';
  return new File([await response.blob()], name);
}
