/** Ids of findings, for those who know the diagnosis through the engine alone. */
import { FINDING_IDS } from '../diagnose/finding-ids.ts';

export const isFindingId = (id: string): boolean => (FINDING_IDS as readonly string[]).includes(id);
