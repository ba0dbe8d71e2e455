/**
 * The relations of pg_catalog with the columns that PostgreSQL 15 gives them, `!` meaning NOT NULL. Types that there are
 * none of here have a near one: oidvector and int2vector are arrays, aclitem and pg_node_tree text, xid an oid.
 */
import type { ColumnSpecs } from './definition.ts';

export const pgCatalogColumns: ColumnSpecs = {
  pg_aggregate: {
    id: 2600,
    kind: 'r',
    columns:
      'aggfnoid regproc!, aggkind char!, aggnumdirectargs int2!, aggtransfn regproc!, aggfinalfn regproc!, aggcombinefn regproc!, aggserialfn regproc!, aggdeserialfn regproc!, aggmtransfn regproc!, aggminvtransfn regproc!, aggmfinalfn regproc!, aggfinalextra bool!, aggmfinalextra bool!, aggfinalmodify char!, aggmfinalmodify char!, aggsortop oid!, aggtranstype oid!, aggtransspace int4!, aggmtranstype oid!, aggmtransspace int4!, agginitval text, aggminitval text',
  },
  pg_am: { id: 2601, kind: 'r', columns: 'oid oid!, amname name!, amhandler regproc!, amtype char!' },
  pg_amop: {
    id: 2602,
    kind: 'r',
    columns:
      'oid oid!, amopfamily oid!, amoplefttype oid!, amoprighttype oid!, amopstrategy int2!, amoppurpose char!, amopopr oid!, amopmethod oid!, amopsortfamily oid!',
  },
  pg_amproc: {
    id: 2603,
    kind: 'r',
    columns:
      'oid oid!, amprocfamily oid!, amproclefttype oid!, amprocrighttype oid!, amprocnum int2!, amproc regproc!',
  },
  pg_attrdef: { id: 2604, kind: 'r', columns: 'oid oid!, adrelid oid!, adnum int2!, adbin text!' },
  pg_attribute: {
    id: 1249,
    kind: 'r',
    columns:
      'attrelid oid!, attname name!, atttypid oid!, attstattarget int4!, attlen int2!, attnum int2!, attndims int4!, attcacheoff int4!, atttypmod int4!, attbyval bool!, attalign char!, attstorage char!, attcompression char!, attnotnull bool!, atthasdef bool!, atthasmissing bool!, attidentity char!, attgenerated char!, attisdropped bool!, attislocal bool!, attinhcount int4!, attcollation oid!, attacl text[], attoptions text[], attfdwoptions text[], attmissingval text[]',
  },
  pg_auth_members: {
    id: 1261,
    kind: 'r',
    columns: 'roleid oid!, member oid!, grantor oid!, admin_option bool!',
  },
  pg_authid: {
    id: 1260,
    kind: 'r',
    columns:
      'oid oid!, rolname name!, rolsuper bool!, rolinherit bool!, rolcreaterole bool!, rolcreatedb bool!, rolcanlogin bool!, rolreplication bool!, rolbypassrls bool!, rolconnlimit int4!, rolpassword text, rolvaliduntil timestamptz',
  },
  pg_available_extension_versions: {
    id: 12000,
    kind: 'v',
    columns:
      'name name, version text, installed bool, superuser bool, trusted bool, relocatable bool, schema name, requires name[], comment text',
  },
  pg_available_extensions: {
    id: 12001,
    kind: 'v',
    columns: 'name name, default_version text, installed_version text, comment text',
  },
  pg_cast: {
    id: 2605,
    kind: 'r',
    columns: 'oid oid!, castsource oid!, casttarget oid!, castfunc oid!, castcontext char!, castmethod char!',
  },
  pg_class: {
    id: 1259,
    kind: 'r',
    columns:
      'oid oid!, relname name!, relnamespace oid!, reltype oid!, reloftype oid!, relowner oid!, relam oid!, relfilenode oid!, reltablespace oid!, relpages int4!, reltuples float4!, relallvisible int4!, reltoastrelid oid!, relhasindex bool!, relisshared bool!, relpersistence char!, relkind char!, relnatts int2!, relchecks int2!, relhasrules bool!, relhastriggers bool!, relhassubclass bool!, relrowsecurity bool!, relforcerowsecurity bool!, relispopulated bool!, relreplident char!, relispartition bool!, relrewrite oid!, relfrozenxid oid!, relminmxid oid!, relacl text[], reloptions text[], relpartbound text',
  },
  pg_collation: {
    id: 3456,
    kind: 'r',
    columns:
      'oid oid!, collname name!, collnamespace oid!, collowner oid!, collprovider char!, collisdeterministic bool!, collencoding int4!, collcollate text, collctype text, colliculocale text, collversion text',
  },
  pg_config: { id: 12002, kind: 'v', columns: 'name text, setting text' },
  pg_constraint: {
    id: 2606,
    kind: 'r',
    columns:
      'oid oid!, conname name!, connamespace oid!, contype char!, condeferrable bool!, condeferred bool!, convalidated bool!, conrelid oid!, contypid oid!, conindid oid!, conparentid oid!, confrelid oid!, confupdtype char!, confdeltype char!, confmatchtype char!, conislocal bool!, coninhcount int4!, connoinherit bool!, conkey int2[], confkey int2[], conpfeqop oid[], conppeqop oid[], conffeqop oid[], confdelsetcols int2[], conexclop oid[], conbin text',
  },
  pg_conversion: {
    id: 2607,
    kind: 'r',
    columns:
      'oid oid!, conname name!, connamespace oid!, conowner oid!, conforencoding int4!, contoencoding int4!, conproc regproc!, condefault bool!',
  },
  pg_cursors: {
    id: 12003,
    kind: 'v',
    columns:
      'name text, statement text, is_holdable bool, is_binary bool, is_scrollable bool, creation_time timestamptz',
  },
  pg_database: {
    id: 1262,
    kind: 'r',
    columns:
      'oid oid!, datname name!, datdba oid!, encoding int4!, datlocprovider char!, datistemplate bool!, datallowconn bool!, datconnlimit int4!, datfrozenxid oid!, datminmxid oid!, dattablespace oid!, datcollate text!, datctype text!, daticulocale text, datcollversion text, datacl text[]',
  },
  pg_db_role_setting: { id: 2964, kind: 'r', columns: 'setdatabase oid!, setrole oid!, setconfig text[]' },
  pg_default_acl: {
    id: 826,
    kind: 'r',
    columns: 'oid oid!, defaclrole oid!, defaclnamespace oid!, defaclobjtype char!, defaclacl text[]!',
  },
  pg_depend: {
    id: 2608,
    kind: 'r',
    columns:
      'classid oid!, objid oid!, objsubid int4!, refclassid oid!, refobjid oid!, refobjsubid int4!, deptype char!',
  },
  pg_description: {
    id: 2609,
    kind: 'r',
    columns: 'objoid oid!, classoid oid!, objsubid int4!, description text!',
  },
  pg_enum: {
    id: 3501,
    kind: 'r',
    columns: 'oid oid!, enumtypid oid!, enumsortorder float4!, enumlabel name!',
  },
  pg_event_trigger: {
    id: 3466,
    kind: 'r',
    columns:
      'oid oid!, evtname name!, evtevent name!, evtowner oid!, evtfoid oid!, evtenabled char!, evttags text[]',
  },
  pg_extension: {
    id: 3079,
    kind: 'r',
    columns:
      'oid oid!, extname name!, extowner oid!, extnamespace oid!, extrelocatable bool!, extversion text!, extconfig oid[], extcondition text[]',
  },
  pg_foreign_data_wrapper: {
    id: 2328,
    kind: 'r',
    columns:
      'oid oid!, fdwname name!, fdwowner oid!, fdwhandler oid!, fdwvalidator oid!, fdwacl text[], fdwoptions text[]',
  },
  pg_foreign_server: {
    id: 1417,
    kind: 'r',
    columns:
      'oid oid!, srvname name!, srvowner oid!, srvfdw oid!, srvtype text, srvversion text, srvacl text[], srvoptions text[]',
  },
  pg_foreign_table: { id: 3118, kind: 'r', columns: 'ftrelid oid!, ftserver oid!, ftoptions text[]' },
  pg_group: { id: 12004, kind: 'v', columns: 'groname name, grosysid oid, grolist oid[]' },
  pg_index: {
    id: 2610,
    kind: 'r',
    columns:
      'indexrelid oid!, indrelid oid!, indnatts int2!, indnkeyatts int2!, indisunique bool!, indnullsnotdistinct bool!, indisprimary bool!, indisexclusion bool!, indimmediate bool!, indisclustered bool!, indisvalid bool!, indcheckxmin bool!, indisready bool!, indislive bool!, indisreplident bool!, indkey int2[]!, indcollation oid[]!, indclass oid[]!, indoption int2[]!, indexprs text, indpred text',
  },
  pg_indexes: {
    id: 12005,
    kind: 'v',
    columns: 'schemaname name, tablename name, indexname name, tablespace name, indexdef text',
  },
  pg_inherits: {
    id: 2611,
    kind: 'r',
    columns: 'inhrelid oid!, inhparent oid!, inhseqno int4!, inhdetachpending bool!',
  },
  pg_init_privs: {
    id: 3394,
    kind: 'r',
    columns: 'objoid oid!, classoid oid!, objsubid int4!, privtype char!, initprivs text[]!',
  },
  pg_language: {
    id: 2612,
    kind: 'r',
    columns:
      'oid oid!, lanname name!, lanowner oid!, lanispl bool!, lanpltrusted bool!, lanplcallfoid oid!, laninline oid!, lanvalidator oid!, lanacl text[]',
  },
  pg_largeobject: { id: 2613, kind: 'r', columns: 'loid oid!, pageno int4!, data bytea!' },
  pg_largeobject_metadata: { id: 2995, kind: 'r', columns: 'oid oid!, lomowner oid!, lomacl text[]' },
  pg_locks: {
    id: 12006,
    kind: 'v',
    columns:
      'locktype text, database oid, relation oid, page int4, tuple int2, virtualxid text, transactionid oid, classid oid, objid oid, objsubid int2, virtualtransaction text, pid int4, mode text, granted bool, fastpath bool, waitstart timestamptz',
  },
  pg_matviews: {
    id: 12007,
    kind: 'v',
    columns:
      'schemaname name, matviewname name, matviewowner name, tablespace name, hasindexes bool, ispopulated bool, definition text',
  },
  pg_namespace: { id: 2615, kind: 'r', columns: 'oid oid!, nspname name!, nspowner oid!, nspacl text[]' },
  pg_opclass: {
    id: 2616,
    kind: 'r',
    columns:
      'oid oid!, opcmethod oid!, opcname name!, opcnamespace oid!, opcowner oid!, opcfamily oid!, opcintype oid!, opcdefault bool!, opckeytype oid!',
  },
  pg_operator: {
    id: 2617,
    kind: 'r',
    columns:
      'oid oid!, oprname name!, oprnamespace oid!, oprowner oid!, oprkind char!, oprcanmerge bool!, oprcanhash bool!, oprleft oid!, oprright oid!, oprresult oid!, oprcom oid!, oprnegate oid!, oprcode regproc!, oprrest regproc!, oprjoin regproc!',
  },
  pg_opfamily: {
    id: 2753,
    kind: 'r',
    columns: 'oid oid!, opfmethod oid!, opfname name!, opfnamespace oid!, opfowner oid!',
  },
  pg_parameter_acl: { id: 6243, kind: 'r', columns: 'oid oid!, parname text!, paracl text[]' },
  pg_partitioned_table: {
    id: 3350,
    kind: 'r',
    columns:
      'partrelid oid!, partstrat char!, partnatts int2!, partdefid oid!, partattrs int2[]!, partclass oid[]!, partcollation oid[]!, partexprs text',
  },
  pg_policies: {
    id: 12008,
    kind: 'v',
    columns:
      'schemaname name, tablename name, policyname name, permissive text, roles name[], cmd text, qual text, with_check text',
  },
  pg_policy: {
    id: 3256,
    kind: 'r',
    columns:
      'oid oid!, polname name!, polrelid oid!, polcmd char!, polpermissive bool!, polroles oid[]!, polqual text, polwithcheck text',
  },
  pg_prepared_statements: {
    id: 12009,
    kind: 'v',
    columns:
      'name text, statement text, prepare_time timestamptz, parameter_types regtype[], from_sql bool, generic_plans int8, custom_plans int8',
  },
  pg_prepared_xacts: {
    id: 12010,
    kind: 'v',
    columns: 'transaction oid, gid text, prepared timestamptz, owner name, database name',
  },
  pg_proc: {
    id: 1255,
    kind: 'r',
    columns:
      'oid oid!, proname name!, pronamespace oid!, proowner oid!, prolang oid!, procost float4!, prorows float4!, provariadic oid!, prosupport regproc!, prokind char!, prosecdef bool!, proleakproof bool!, proisstrict bool!, proretset bool!, provolatile char!, proparallel char!, pronargs int2!, pronargdefaults int2!, prorettype oid!, proargtypes oid[]!, proallargtypes oid[], proargmodes char[], proargnames text[], proargdefaults text, protrftypes oid[], prosrc text!, probin text, prosqlbody text, proconfig text[], proacl text[]',
  },
  pg_publication: {
    id: 6104,
    kind: 'r',
    columns:
      'oid oid!, pubname name!, pubowner oid!, puballtables bool!, pubinsert bool!, pubupdate bool!, pubdelete bool!, pubtruncate bool!, pubviaroot bool!',
  },
  pg_publication_namespace: { id: 6237, kind: 'r', columns: 'oid oid!, pnpubid oid!, pnnspid oid!' },
  pg_publication_rel: {
    id: 6106,
    kind: 'r',
    columns: 'oid oid!, prpubid oid!, prrelid oid!, prqual text, prattrs int2[]',
  },
  pg_publication_tables: {
    id: 12011,
    kind: 'v',
    columns: 'pubname name, schemaname name, tablename name, attnames name[], rowfilter text',
  },
  pg_range: {
    id: 3541,
    kind: 'r',
    columns:
      'rngtypid oid!, rngsubtype oid!, rngmultitypid oid!, rngcollation oid!, rngsubopc oid!, rngcanonical regproc!, rngsubdiff regproc!',
  },
  pg_replication_origin: { id: 6000, kind: 'r', columns: 'roident oid!, roname text!' },
  pg_replication_origin_status: {
    id: 12012,
    kind: 'v',
    columns: 'local_id oid, external_id text, remote_lsn text, local_lsn text',
  },
  pg_replication_slots: {
    id: 12013,
    kind: 'v',
    columns:
      'slot_name name, plugin name, slot_type text, datoid oid, database name, temporary bool, active bool, active_pid int4, xmin oid, catalog_xmin oid, restart_lsn text, confirmed_flush_lsn text, wal_status text, safe_wal_size int8, two_phase bool',
  },
  pg_rewrite: {
    id: 2618,
    kind: 'r',
    columns:
      'oid oid!, rulename name!, ev_class oid!, ev_type char!, ev_enabled char!, is_instead bool!, ev_qual text!, ev_action text!',
  },
  pg_roles: {
    id: 12014,
    kind: 'v',
    columns:
      'rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool, rolreplication bool, rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz, rolbypassrls bool, rolconfig text[], oid oid',
  },
  pg_rules: {
    id: 12015,
    kind: 'v',
    columns: 'schemaname name, tablename name, rulename name, definition text',
  },
  pg_seclabel: {
    id: 3596,
    kind: 'r',
    columns: 'objoid oid!, classoid oid!, objsubid int4!, provider text!, label text!',
  },
  pg_seclabels: {
    id: 12016,
    kind: 'v',
    columns:
      'objoid oid, classoid oid, objsubid int4, objtype text, objnamespace oid, objname text, provider text, label text',
  },
  pg_sequence: {
    id: 2224,
    kind: 'r',
    columns:
      'seqrelid oid!, seqtypid oid!, seqstart int8!, seqincrement int8!, seqmax int8!, seqmin int8!, seqcache int8!, seqcycle bool!',
  },
  pg_sequences: {
    id: 12017,
    kind: 'v',
    columns:
      'schemaname name, sequencename name, sequenceowner name, data_type regtype, start_value int8, min_value int8, max_value int8, increment_by int8, cycle bool, cache_size int8, last_value int8',
  },
  pg_settings: {
    id: 12018,
    kind: 'v',
    columns:
      'name text, setting text, unit text, category text, short_desc text, extra_desc text, context text, vartype text, source text, min_val text, max_val text, enumvals text[], boot_val text, reset_val text, sourcefile text, sourceline int4, pending_restart bool',
  },
  pg_shadow: {
    id: 12019,
    kind: 'v',
    columns:
      'usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd text, valuntil timestamptz, useconfig text[]',
  },
  pg_shdepend: {
    id: 1214,
    kind: 'r',
    columns:
      'dbid oid!, classid oid!, objid oid!, objsubid int4!, refclassid oid!, refobjid oid!, deptype char!',
  },
  pg_shdescription: { id: 2396, kind: 'r', columns: 'objoid oid!, classoid oid!, description text!' },
  pg_shseclabel: { id: 3592, kind: 'r', columns: 'objoid oid!, classoid oid!, provider text!, label text!' },
  pg_stat_activity: {
    id: 12020,
    kind: 'v',
    columns:
      'datid oid, datname name, pid int4, leader_pid int4, usesysid oid, usename name, application_name text, client_addr text, client_hostname text, client_port int4, backend_start timestamptz, xact_start timestamptz, query_start timestamptz, state_change timestamptz, wait_event_type text, wait_event text, state text, backend_xid oid, backend_xmin oid, query_id int8, query text, backend_type text',
  },
  pg_stat_all_indexes: {
    id: 12021,
    kind: 'v',
    columns:
      'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8, idx_tup_read int8, idx_tup_fetch int8',
  },
  pg_stat_all_tables: {
    id: 12022,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8, n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz, last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8',
  },
  pg_stat_archiver: {
    id: 12023,
    kind: 'v',
    columns:
      'archived_count int8, last_archived_wal text, last_archived_time timestamptz, failed_count int8, last_failed_wal text, last_failed_time timestamptz, stats_reset timestamptz',
  },
  pg_stat_bgwriter: {
    id: 12024,
    kind: 'v',
    columns:
      'checkpoints_timed int8, checkpoints_req int8, checkpoint_write_time float8, checkpoint_sync_time float8, buffers_checkpoint int8, buffers_clean int8, maxwritten_clean int8, buffers_backend int8, buffers_backend_fsync int8, buffers_alloc int8, stats_reset timestamptz',
  },
  pg_stat_database: {
    id: 12025,
    kind: 'v',
    columns:
      'datid oid, datname name, numbackends int4, xact_commit int8, xact_rollback int8, blks_read int8, blks_hit int8, tup_returned int8, tup_fetched int8, tup_inserted int8, tup_updated int8, tup_deleted int8, conflicts int8, temp_files int8, temp_bytes int8, deadlocks int8, checksum_failures int8, checksum_last_failure timestamptz, blk_read_time float8, blk_write_time float8, session_time float8, active_time float8, idle_in_transaction_time float8, sessions int8, sessions_abandoned int8, sessions_fatal int8, sessions_killed int8, stats_reset timestamptz',
  },
  pg_stat_database_conflicts: {
    id: 12026,
    kind: 'v',
    columns:
      'datid oid, datname name, confl_tablespace int8, confl_lock int8, confl_snapshot int8, confl_bufferpin int8, confl_deadlock int8',
  },
  pg_stat_gssapi: {
    id: 12027,
    kind: 'v',
    columns: 'pid int4, gss_authenticated bool, principal text, encrypted bool',
  },
  pg_stat_progress_analyze: {
    id: 12028,
    kind: 'v',
    columns:
      'pid int4, datid oid, datname name, relid oid, phase text, sample_blks_total int8, sample_blks_scanned int8, ext_stats_total int8, ext_stats_computed int8, child_tables_total int8, child_tables_done int8, current_child_table_relid oid',
  },
  pg_stat_progress_basebackup: {
    id: 12029,
    kind: 'v',
    columns:
      'pid int4, phase text, backup_total int8, backup_streamed int8, tablespaces_total int8, tablespaces_streamed int8',
  },
  pg_stat_progress_cluster: {
    id: 12030,
    kind: 'v',
    columns:
      'pid int4, datid oid, datname name, relid oid, command text, phase text, cluster_index_relid oid, heap_tuples_scanned int8, heap_tuples_written int8, heap_blks_total int8, heap_blks_scanned int8, index_rebuild_count int8',
  },
  pg_stat_progress_copy: {
    id: 12031,
    kind: 'v',
    columns:
      'pid int4, datid oid, datname name, relid oid, command text, type text, bytes_processed int8, bytes_total int8, tuples_processed int8, tuples_excluded int8',
  },
  pg_stat_progress_create_index: {
    id: 12032,
    kind: 'v',
    columns:
      'pid int4, datid oid, datname name, relid oid, index_relid oid, command text, phase text, lockers_total int8, lockers_done int8, current_locker_pid int8, blocks_total int8, blocks_done int8, tuples_total int8, tuples_done int8, partitions_total int8, partitions_done int8',
  },
  pg_stat_progress_vacuum: {
    id: 12033,
    kind: 'v',
    columns:
      'pid int4, datid oid, datname name, relid oid, phase text, heap_blks_total int8, heap_blks_scanned int8, heap_blks_vacuumed int8, index_vacuum_count int8, max_dead_tuples int8, num_dead_tuples int8',
  },
  pg_stat_recovery_prefetch: {
    id: 12034,
    kind: 'v',
    columns:
      'stats_reset timestamptz, prefetch int8, hit int8, skip_init int8, skip_new int8, skip_fpw int8, skip_rep int8, wal_distance int4, block_distance int4, io_depth int4',
  },
  pg_stat_replication: {
    id: 12035,
    kind: 'v',
    columns:
      'pid int4, usesysid oid, usename name, application_name text, client_addr text, client_hostname text, client_port int4, backend_start timestamptz, backend_xmin oid, state text, sent_lsn text, write_lsn text, flush_lsn text, replay_lsn text, write_lag interval, flush_lag interval, replay_lag interval, sync_priority int4, sync_state text, reply_time timestamptz',
  },
  pg_stat_replication_slots: {
    id: 12036,
    kind: 'v',
    columns:
      'slot_name text, spill_txns int8, spill_count int8, spill_bytes int8, stream_txns int8, stream_count int8, stream_bytes int8, total_txns int8, total_bytes int8, stats_reset timestamptz',
  },
  pg_stat_slru: {
    id: 12037,
    kind: 'v',
    columns:
      'name text, blks_zeroed int8, blks_hit int8, blks_read int8, blks_written int8, blks_exists int8, flushes int8, truncates int8, stats_reset timestamptz',
  },
  pg_stat_ssl: {
    id: 12038,
    kind: 'v',
    columns:
      'pid int4, ssl bool, version text, cipher text, bits int4, client_dn text, client_serial numeric, issuer_dn text',
  },
  pg_stat_subscription: {
    id: 12039,
    kind: 'v',
    columns:
      'subid oid, subname name, pid int4, relid oid, received_lsn text, last_msg_send_time timestamptz, last_msg_receipt_time timestamptz, latest_end_lsn text, latest_end_time timestamptz',
  },
  pg_stat_subscription_stats: {
    id: 12040,
    kind: 'v',
    columns:
      'subid oid, subname name, apply_error_count int8, sync_error_count int8, stats_reset timestamptz',
  },
  pg_stat_sys_indexes: {
    id: 12041,
    kind: 'v',
    columns:
      'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8, idx_tup_read int8, idx_tup_fetch int8',
  },
  pg_stat_sys_tables: {
    id: 12042,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8, n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz, last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8',
  },
  pg_stat_user_functions: {
    id: 12043,
    kind: 'v',
    columns: 'funcid oid, schemaname name, funcname name, calls int8, total_time float8, self_time float8',
  },
  pg_stat_user_indexes: {
    id: 12044,
    kind: 'v',
    columns:
      'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8, idx_tup_read int8, idx_tup_fetch int8',
  },
  pg_stat_user_tables: {
    id: 12045,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8, n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz, last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8',
  },
  pg_stat_wal: {
    id: 12046,
    kind: 'v',
    columns:
      'wal_records int8, wal_fpi int8, wal_bytes numeric, wal_buffers_full int8, wal_write int8, wal_sync int8, wal_write_time float8, wal_sync_time float8, stats_reset timestamptz',
  },
  pg_stat_wal_receiver: {
    id: 12047,
    kind: 'v',
    columns:
      'pid int4, status text, receive_start_lsn text, receive_start_tli int4, written_lsn text, flushed_lsn text, received_tli int4, last_msg_send_time timestamptz, last_msg_receipt_time timestamptz, latest_end_lsn text, latest_end_time timestamptz, slot_name text, sender_host text, sender_port int4, conninfo text',
  },
  pg_stat_xact_all_tables: {
    id: 12048,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8',
  },
  pg_stat_xact_sys_tables: {
    id: 12049,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8',
  },
  pg_stat_xact_user_functions: {
    id: 12050,
    kind: 'v',
    columns: 'funcid oid, schemaname name, funcname name, calls int8, total_time float8, self_time float8',
  },
  pg_stat_xact_user_tables: {
    id: 12051,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8',
  },
  pg_statio_all_indexes: {
    id: 12052,
    kind: 'v',
    columns:
      'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8, idx_blks_hit int8',
  },
  pg_statio_all_sequences: {
    id: 12053,
    kind: 'v',
    columns: 'relid oid, schemaname name, relname name, blks_read int8, blks_hit int8',
  },
  pg_statio_all_tables: {
    id: 12054,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8, tidx_blks_hit int8',
  },
  pg_statio_sys_indexes: {
    id: 12055,
    kind: 'v',
    columns:
      'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8, idx_blks_hit int8',
  },
  pg_statio_sys_sequences: {
    id: 12056,
    kind: 'v',
    columns: 'relid oid, schemaname name, relname name, blks_read int8, blks_hit int8',
  },
  pg_statio_sys_tables: {
    id: 12057,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8, tidx_blks_hit int8',
  },
  pg_statio_user_indexes: {
    id: 12058,
    kind: 'v',
    columns:
      'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8, idx_blks_hit int8',
  },
  pg_statio_user_sequences: {
    id: 12059,
    kind: 'v',
    columns: 'relid oid, schemaname name, relname name, blks_read int8, blks_hit int8',
  },
  pg_statio_user_tables: {
    id: 12060,
    kind: 'v',
    columns:
      'relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8, tidx_blks_hit int8',
  },
  pg_statistic: {
    id: 2619,
    kind: 'r',
    columns:
      'starelid oid!, staattnum int2!, stainherit bool!, stanullfrac float4!, stawidth int4!, stadistinct float4!, stakind1 int2!, stakind2 int2!, stakind3 int2!, stakind4 int2!, stakind5 int2!, staop1 oid!, staop2 oid!, staop3 oid!, staop4 oid!, staop5 oid!, stacoll1 oid!, stacoll2 oid!, stacoll3 oid!, stacoll4 oid!, stacoll5 oid!, stanumbers1 float4[], stanumbers2 float4[], stanumbers3 float4[], stanumbers4 float4[], stanumbers5 float4[], stavalues1 text[], stavalues2 text[], stavalues3 text[], stavalues4 text[], stavalues5 text[]',
  },
  pg_statistic_ext: {
    id: 3381,
    kind: 'r',
    columns:
      'oid oid!, stxrelid oid!, stxname name!, stxnamespace oid!, stxowner oid!, stxstattarget int4!, stxkeys int2[]!, stxkind char[]!, stxexprs text',
  },
  pg_statistic_ext_data: {
    id: 3429,
    kind: 'r',
    columns:
      'stxoid oid!, stxdinherit bool!, stxdndistinct text, stxddependencies text, stxdmcv text, stxdexpr text[]',
  },
  pg_stats: {
    id: 12061,
    kind: 'v',
    columns:
      'schemaname name, tablename name, attname name, inherited bool, null_frac float4, avg_width int4, n_distinct float4, most_common_vals text[], most_common_freqs float4[], histogram_bounds text[], correlation float4, most_common_elems text[], most_common_elem_freqs float4[], elem_count_histogram float4[]',
  },
  pg_stats_ext: {
    id: 12062,
    kind: 'v',
    columns:
      'schemaname name, tablename name, statistics_schemaname name, statistics_name name, statistics_owner name, attnames name[], exprs text[], kinds char[], inherited bool, n_distinct text, dependencies text, most_common_vals text[], most_common_val_nulls bool[], most_common_freqs float8[], most_common_base_freqs float8[]',
  },
  pg_stats_ext_exprs: {
    id: 12063,
    kind: 'v',
    columns:
      'schemaname name, tablename name, statistics_schemaname name, statistics_name name, statistics_owner name, expr text, inherited bool, null_frac float4, avg_width int4, n_distinct float4, most_common_vals text[], most_common_freqs float4[], histogram_bounds text[], correlation float4, most_common_elems text[], most_common_elem_freqs float4[], elem_count_histogram float4[]',
  },
  pg_subscription: {
    id: 6100,
    kind: 'r',
    columns:
      'oid oid!, subdbid oid!, subskiplsn text!, subname name!, subowner oid!, subenabled bool!, subbinary bool!, substream bool!, subtwophasestate char!, subdisableonerr bool!, subconninfo text!, subslotname name, subsynccommit text!, subpublications text[]!',
  },
  pg_subscription_rel: {
    id: 6102,
    kind: 'r',
    columns: 'srsubid oid!, srrelid oid!, srsubstate char!, srsublsn text',
  },
  pg_tables: {
    id: 12064,
    kind: 'v',
    columns:
      'schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool',
  },
  pg_tablespace: {
    id: 1213,
    kind: 'r',
    columns: 'oid oid!, spcname name!, spcowner oid!, spcacl text[], spcoptions text[]',
  },
  pg_timezone_abbrevs: { id: 12065, kind: 'v', columns: 'abbrev text, utc_offset interval, is_dst bool' },
  pg_timezone_names: {
    id: 12066,
    kind: 'v',
    columns: 'name text, abbrev text, utc_offset interval, is_dst bool',
  },
  pg_transform: {
    id: 3576,
    kind: 'r',
    columns: 'oid oid!, trftype oid!, trflang oid!, trffromsql regproc!, trftosql regproc!',
  },
  pg_trigger: {
    id: 2620,
    kind: 'r',
    columns:
      'oid oid!, tgrelid oid!, tgparentid oid!, tgname name!, tgfoid oid!, tgtype int2!, tgenabled char!, tgisinternal bool!, tgconstrrelid oid!, tgconstrindid oid!, tgconstraint oid!, tgdeferrable bool!, tginitdeferred bool!, tgnargs int2!, tgattr int2[]!, tgargs bytea!, tgqual text, tgoldtable name, tgnewtable name',
  },
  pg_ts_config: {
    id: 3602,
    kind: 'r',
    columns: 'oid oid!, cfgname name!, cfgnamespace oid!, cfgowner oid!, cfgparser oid!',
  },
  pg_ts_config_map: {
    id: 3603,
    kind: 'r',
    columns: 'mapcfg oid!, maptokentype int4!, mapseqno int4!, mapdict oid!',
  },
  pg_ts_dict: {
    id: 3600,
    kind: 'r',
    columns:
      'oid oid!, dictname name!, dictnamespace oid!, dictowner oid!, dicttemplate oid!, dictinitoption text',
  },
  pg_ts_parser: {
    id: 3601,
    kind: 'r',
    columns:
      'oid oid!, prsname name!, prsnamespace oid!, prsstart regproc!, prstoken regproc!, prsend regproc!, prsheadline regproc!, prslextype regproc!',
  },
  pg_ts_template: {
    id: 3764,
    kind: 'r',
    columns: 'oid oid!, tmplname name!, tmplnamespace oid!, tmplinit regproc!, tmpllexize regproc!',
  },
  pg_type: {
    id: 1247,
    kind: 'r',
    columns:
      'oid oid!, typname name!, typnamespace oid!, typowner oid!, typlen int2!, typbyval bool!, typtype char!, typcategory char!, typispreferred bool!, typisdefined bool!, typdelim char!, typrelid oid!, typsubscript regproc!, typelem oid!, typarray oid!, typinput regproc!, typoutput regproc!, typreceive regproc!, typsend regproc!, typmodin regproc!, typmodout regproc!, typanalyze regproc!, typalign char!, typstorage char!, typnotnull bool!, typbasetype oid!, typtypmod int4!, typndims int4!, typcollation oid!, typdefaultbin text, typdefault text, typacl text[]',
  },
  pg_user: {
    id: 12067,
    kind: 'v',
    columns:
      'usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd text, valuntil timestamptz, useconfig text[]',
  },
  pg_user_mapping: { id: 1418, kind: 'r', columns: 'oid oid!, umuser oid!, umserver oid!, umoptions text[]' },
  pg_user_mappings: {
    id: 12068,
    kind: 'v',
    columns: 'umid oid, srvid oid, srvname name, umuser oid, usename name, umoptions text[]',
  },
  pg_views: {
    id: 12069,
    kind: 'v',
    columns: 'schemaname name, viewname name, viewowner name, definition text',
  },
};
