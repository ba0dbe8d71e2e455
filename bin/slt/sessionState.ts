/** What a session has been told that a new one has to be told again: settings and prepared statements. */

type Effect = 'kept' | 'local' | 'begin' | 'commit' | 'rollback' | 'none';

/** What a statement that succeeded means for the session. */
function effectOf(sql: string): Effect {
  const text = sql.trim().toLowerCase();
  if (/^(begin|start)\b/.test(text)) return 'begin';
  if (/^(commit|end)\b/.test(text)) return 'commit';
  if (/^(abort|rollback)\b/.test(text))
    return /^rollback\s+(work\s+|transaction\s+)?to\b/.test(text) ? 'none' : 'rollback';
  // The server's clock is no session's.
  if (/^(set|reset)\s+(session\s+)?"?millrace\.clock/.test(text)) return 'none';
  if (/^set\s+(local|transaction)\b/.test(text)) return 'local';
  return /^(set|reset|prepare|deallocate|discard)\b/.test(text) ? 'kept' : 'none';
}

export class SessionState {
  readonly #told: string[] = [];
  /** In the transaction that is open; null: none is. */
  #pending: string[] | null = null;

  get inTransaction(): boolean {
    return this.#pending !== null;
  }

  /** What makes a new session like this one. */
  get statements(): readonly string[] {
    return this.#told;
  }

  /** A statement has succeeded. */
  note(sql: string): void {
    switch (effectOf(sql)) {
      case 'begin':
        this.#pending ??= [];
        return;
      case 'commit':
        this.#told.push(...(this.#pending ?? []));
        this.#pending = null;
        return;
      case 'rollback':
        this.#pending = null;
        return;
      case 'kept':
        (this.#pending ?? this.#told).push(sql);
        return;
      case 'local':
      case 'none':
    }
  }

  /** A statement has failed: COMMIT ends the transaction nevertheless. */
  noteFailure(sql: string): void {
    const effect = effectOf(sql);
    if (effect === 'commit' || effect === 'rollback') this.#pending = null;
  }
}
