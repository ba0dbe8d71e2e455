/** A backup in one line. */
import type { BackupSummary } from '../../server/backup/restore.ts';

export function backupText(file: string, { description, blocks, bytes }: BackupSummary): string {
  const { number, version, takenAt } = description;
  const time = new Date(Number(BigInt(takenAt) / 1000n)).toISOString();
  const objects = description.definitions.filter((d) => d.id !== null).length;
  const size = `${(bytes / 1e6).toFixed(1)} MB in ${blocks} blocks`;
  return `${file}: checkpoint ${number} of ${time}, version ${version}, ${objects} objects, ${size}`;
}
