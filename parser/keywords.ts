/**
 * The words of the language and how far each is reserved, exactly as in PostgreSQL's kwlist (version 18), plus the words of
 * the streaming dialect, none of which is reserved. A word's category decides where it may stand as a name:
 *
 *   category       column, table   function, type   label after AS   label without AS
 *   unreserved     yes             yes              yes              yes, unless AS is required
 *   colName        yes             no               yes              yes, unless AS is required
 *   typeFuncName   no              yes              yes              yes, unless AS is required
 *   reserved       no              no               yes              yes, unless AS is required
 */

export type KeywordCategory = 'unreserved' | 'colName' | 'typeFuncName' | 'reserved';

const unreserved = `
abort absent absolute access action add admin after aggregate also alter always asensitive assertion
assignment at atomic attach attribute backward before begin breadth by cache call called cascade
cascaded catalog chain characteristics checkpoint class close cluster columns comment comments
commit committed compression conditional configuration conflict connection constraints content
continue conversion copy cost csv cube current cursor cycle data database day deallocate declare
defaults deferred definer delete delimiter delimiters depends depth detach dictionary disable
discard document domain double drop each empty enable encoding encrypted enforced enum error escape
event exclude excluding exclusive execute explain expression extension external family filter
finalize first following force format forward function functions generated global granted groups
handler header hold hour identity if immediate immutable implicit import include including increment
indent index indexes inherit inherits inline input insensitive insert instead invoker isolation keep
key keys label language large last leakproof level listen load local location lock locked logged
mapping match matched materialized maxvalue merge method minute minvalue mode month move name names
nested new next nfc nfd nfkc nfkd no normalized nothing notify nowait nulls object objects of off
oids old omit operator option options ordinality others over overriding owned owner parallel
parameter parser partial partition passing password path period plan plans policy preceding prepare
prepared preserve prior privileges procedural procedure procedures program publication quote quotes
range read reassign recursive ref referencing refresh reindex relative release rename repeatable
replace replica reset restart restrict return returns revoke role rollback rollup routine routines
rows rule savepoint scalar schema schemas scroll search second security sequence sequences
serializable server session set sets share show simple skip snapshot source sql stable standalone
start statement statistics stdin stdout storage stored strict string strip subscription support
sysid system tables tablespace target temp template temporary text ties transaction transform
trigger truncate trusted type types uescape unbounded uncommitted unconditional unencrypted unknown
unlisten unlogged until update vacuum valid validate validator value varying version view views
virtual volatile whitespace within without work wrapper write xml year yes zone
`;

/** Words of the streaming dialect that PostgreSQL does not know. */
const streaming = `
advance append asof backup backups base64 cancel changelog clock compaction connections connector corresponding cumulate
cursors databases dead delay describe distributed emit encode engine every flush fragment fragments gap
gap_fill hop ignore immediately inject jobs kill late lateness letters link meta overwrite parallelism parameters pause
processlist proctime qualify recover recovery replay reprocess respect retention runtime secret secrets since sink sinks
resume snapshots sources struct subscriptions swap system_time timeout try_cast ttl tumble use wait
watermark
`;

const colName = `
between bigint bit boolean char character coalesce dec decimal exists extract float greatest
grouping inout int integer interval json json_array json_arrayagg json_exists json_object
json_objectagg json_query json_scalar json_serialize json_table json_value least merge_action
national nchar none normalize nullif numeric out overlay position precision real row setof smallint
substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists
xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
`;

const typeFuncName = `
authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull
join left like natural notnull outer overlaps right similar tablesample verbose
`;

const reserved = `
all analyse analyze and any array as asc asymmetric both case cast check collate column constraint
create current_catalog current_date current_role current_time current_timestamp current_user default
deferrable desc distinct do else end except false fetch for foreign from grant group having in
initially intersect into lateral leading limit localtime localtimestamp not null offset on only or
order placing primary references returning select session_user some symmetric system_user table then
to trailing true union unique user using variadic when where window with
`;

/** Words that cannot be a column label without AS. */
const asRequired = `
array as char character create day except fetch filter for from grant group having hour intersect
into limit minute month offset on order over overlaps precision returning second to union varying
where window with within without year
`;

/** The words of a text, as a union of literal types: split into lines, then at blanks. */
type WordsOfLine<S extends string, Found = never> = S extends `${infer W} ${infer Rest}`
  ? WordsOfLine<Rest, Found | W>
  : Found | S;
type WordsOf<S extends string, Found = never> = S extends `${infer Line}\n${infer Rest}`
  ? WordsOf<Rest, Found | WordsOfLine<Line>>
  : Found | WordsOfLine<S>;

/** Every keyword's lower-case spelling. */
export type Word = Exclude<
  WordsOf<typeof unreserved | typeof streaming | typeof colName | typeof typeFuncName | typeof reserved>,
  ''
>;

export interface Keyword {
  readonly word: string;
  readonly category: KeywordCategory;
  /** May be a column label without AS. */
  readonly bareLabel: boolean;
  /** Known to PostgreSQL. */
  readonly standard: boolean;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function buildKeywords(): ReadonlyMap<string, Keyword> {
  const needAs = new Set(words(asRequired));
  const result = new Map<string, Keyword>();
  const add = (text: string, category: KeywordCategory, standard: boolean): void => {
    for (const word of words(text))
      result.set(word, { word, category, bareLabel: !needAs.has(word), standard });
  };
  add(unreserved, 'unreserved', true);
  add(streaming, 'unreserved', false);
  add(colName, 'colName', true);
  add(typeFuncName, 'typeFuncName', true);
  add(reserved, 'reserved', true);
  return result;
}

/** Every keyword by its lower-case spelling. */
export const keywords: ReadonlyMap<string, Keyword> = buildKeywords();
