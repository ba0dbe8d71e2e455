/** Functions of PostgreSQL and RisingWave that are not here: a call answers 0A000 with the name, not "does not exist". */

const names: ReadonlySet<string> = new Set([
  // Maps, variants, vectors, int256.
  ...['map_access', 'map_cat', 'map_contains', 'map_delete', 'map_entries', 'map_filter', 'map_from_entries'],
  ...['map_from_key_values', 'map_insert', 'map_keys', 'map_length', 'map_values', 'jsonb_populate_map'],
  ...['to_variant', 'variant_get', 'try_variant_get', 'variant_typeof'],
  ...[
    'cosine_distance',
    'inner_product',
    'l1_distance',
    'l2_distance',
    'l2_normalize',
    'vector_norm',
    'subvector',
  ],
  ...['openai_embedding', 'hex_to_int256'],
  // Ranges.
  ...['int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange', 'range_merge', 'range_agg'],
  ...['range_intersect_agg', 'isempty', 'lower_inc', 'lower_inf', 'upper_inc', 'upper_inf', 'multirange'],
  // Geometry and networks.
  ...['point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle', 'area', 'center', 'diagonal', 'diameter'],
  ...['abbrev', 'broadcast', 'family', 'host', 'hostmask', 'masklen', 'netmask', 'network', 'set_masklen'],
  ...['inet_same_family', 'inet_merge', 'macaddr8_set7bit'],
  // Text search.
  ...['to_tsvector', 'to_tsquery', 'plainto_tsquery', 'phraseto_tsquery', 'websearch_to_tsquery', 'ts_rank'],
  ...['ts_rank_cd', 'ts_headline', 'ts_rewrite', 'setweight', 'strip', 'numnode', 'querytree', 'ts_debug'],
  ...[
    'array_to_tsvector',
    'json_to_tsvector',
    'jsonb_to_tsvector',
    'tsvector_to_array',
    'ts_lexize',
    'ts_parse',
  ],
  // XML.
  ...['xmlcomment', 'xmlagg', 'xpath', 'xpath_exists', 'xml_is_well_formed', 'query_to_xml', 'table_to_xml'],
  // Sequences and large objects.
  ...[
    'nextval',
    'currval',
    'setval',
    'lastval',
    'lo_create',
    'lo_get',
    'lo_put',
    'lo_from_bytea',
    'lo_unlink',
  ],
  // Symmetric encryption.
  ...[
    'encrypt',
    'decrypt',
    'encrypt_iv',
    'decrypt_iv',
    'crypt',
    'gen_salt',
    'pgp_sym_encrypt',
    'pgp_sym_decrypt',
  ],
  // Internals of RisingWave's clusters, and sources called as functions.
  ...['rw_vnode', 'rw_epoch_to_ts', 'rw_cluster_id', 'rw_recovery_status', 'rw_license', 'rw_actor_vnodes'],
  ...['rw_fragment_vnodes', 'file_scan', 'postgres_query', 'mysql_query'],
  // Locks and advisory functions of PostgreSQL's storage.
  ...['pg_advisory_lock', 'pg_advisory_unlock', 'pg_advisory_xact_lock', 'pg_try_advisory_lock'],
  ...['pg_try_advisory_xact_lock', 'pg_notify', 'pg_column_size', 'pg_column_compression'],
]);

export function isAbsent(name: string): boolean {
  return names.has(name.replace(/^pg_catalog\./, ''));
}
