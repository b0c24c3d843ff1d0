// 分工: what of the work one process of several does.

export const ROLES = ['all', 'intake', 'reader', 'worker'] as const;
/** `intake` takes appeals in and answers partners, `reader` reads and decides, `worker` sends to the case system. */
export type Role = (typeof ROLES)[number];

export const takesIn = (role: Role) => role === 'all' || role === 'intake';
export const reads = (role: Role) => role === 'all' || role === 'reader';
export const sends = (role: Role) => role === 'all' || role === 'worker';
