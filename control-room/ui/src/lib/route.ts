// Where the page is, as the address behind `#` says. It holds a case id at most, never a plate.

const PAGES = ['hotlists', 'yield', 'operations', 'nominals', 'rules', 'follow-ups', 'audit'] as const;

export type Route = { page: 'live'; caseId?: string } | { page: (typeof PAGES)[number] };

export function parse(hash: string): Route {
  const [page, caseId] = hash.replace(/^#\/?/, '').split('/');
  const other = PAGES.find((one) => one === page);
  if (other) return { page: other };
  return caseId && /^[0-9a-f]{32}$/.test(caseId) ? { page: 'live', caseId } : { page: 'live' };
}

export function format(route: Route): string {
  return route.page === 'live' && route.caseId ? `#/live/${route.caseId}` : `#/${route.page}`;
}
