// Where the page is, as the address behind `#` says. It holds a case id at most, never a plate.

export type Route = { page: 'live'; caseId?: string } | { page: 'hotlists' | 'nominals' | 'rules' | 'follow-ups' | 'audit' };

export function parse(hash: string): Route {
  const [page, caseId] = hash.replace(/^#\/?/, '').split('/');
  if (page === 'hotlists' || page === 'nominals' || page === 'rules' || page === 'follow-ups' || page === 'audit') return { page };
  return caseId && /^[0-9a-f]{32}$/.test(caseId) ? { page: 'live', caseId } : { page: 'live' };
}

export function format(route: Route): string {
  return route.page === 'live' && route.caseId ? `#/live/${route.caseId}` : `#/${route.page}`;
}
