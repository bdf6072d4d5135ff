// A fresh copy of this page, for parts that only the server renders.

/** Fetches and parses the page's own address. */
export async function fetchOwnPage() {
  const response = await fetch(location.pathname);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}
