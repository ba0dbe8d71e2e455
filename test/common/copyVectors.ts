/** What PostgreSQL 15 made of COPY data and options, for a table t (a text, b text). */

/** Options, data, and the rows read or the error (SQLSTATE, message, hint, context). */
export const copyInputs: readonly (readonly [
  options: string,
  data: string | Buffer,
  expected: string | readonly (readonly (string | null)[])[],
])[] = [
  [
    'format text',
    '1\tone\n2\t\\N\n',
    [
      ['1', 'one'],
      ['2', null],
    ],
  ],
  ['format text', '1\tone', [['1', 'one']]],
  ['format text', 'a\\tb\tc\\\\d\\n\\e\n', [['a\tb', 'c\\d\ne']]],
  ['format text', '\\x41\\101\t\\xc3\\xa9\n', [['AA', 'é']]],
  [
    'format text',
    '\\xff\tx\n',
    '22021 | invalid byte sequence for encoding "UTF8": 0xff | COPY t, line 1: "\\xff\tx"',
  ],
  ['format text', 'a\\\nb\tc\n', [['a\nb', 'c']]],
  [
    'format text',
    'a\tb\r\nc\td\r\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    'format text',
    'a\tb\rc\td\r',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    'format text',
    'a\tb\r\nc\td\n',
    '22P04 | literal newline found in data | Use "\\n" to represent newline. | COPY t, line 2',
  ],
  [
    'format text',
    'a\tb\nc\td\r\n',
    '22P04 | literal carriage return found in data | Use "\\r" to represent carriage return. | COPY t, line 2',
  ],
  ['format text', 'a\tb\n\\.\nc\n', [['a', 'b']]],
  ['format text', 'a\tb\n\\.x\n', '22P04 | end-of-copy marker corrupt | COPY t, line 2'],
  ['format text', 'a\tb\tc\n', '22P04 | extra data after last expected column | COPY t, line 1: "a\tb\tc"'],
  ['format text', 'a\n', '22P04 | missing data for column "b" | COPY t, line 1: "a"'],
  ['format text', '\n', '22P04 | missing data for column "b" | COPY t, line 1: ""'],
  ['format text', '', []],
  [
    "format text, null '', delimiter '|'",
    '|\nx|\\N\n',
    [
      [null, null],
      ['x', 'N'],
    ],
  ],
  ['format text, header true', 'a\tb\n1\t2\n', [['1', '2']]],
  ['format text, header match', 'a\tb\n1\t2\n', [['1', '2']]],
  [
    'format text, header match',
    'a\tc\n',
    '22P04 | column name mismatch in header line field 2: got "c", expected "b" | COPY t, line 1: "a\tc"',
  ],
  [
    'format text, header match',
    'a\n',
    '22P04 | wrong number of fields in header line: got 1, expected 2 | COPY t, line 1: "a"',
  ],
  [
    'format text, header match',
    'a\t\\N\n',
    '22P04 | column name mismatch in header line field 2: got null value ("\\N"), expected "b" | COPY t, line 1: "a\t\\N"',
  ],
  [
    'format csv',
    '1,"a, ""b"""\n2,\n"",""\n',
    [
      ['1', 'a, "b"'],
      ['2', null],
      ['', ''],
    ],
  ],
  ['format csv', '"a\nb",c\n', [['a\nb', 'c']]],
  ['format csv', 'a"b,"c"d\n', '22P04 | unterminated CSV quoted field | COPY t, line 1: "a"b,"c"d\n"'],
  ["format csv, escape '\\'", '"a\\"b","c\\\\d\\n"\n', [['a"b', 'c\\d\\n']]],
  [
    "format csv, quote '''', delimiter ';', null 'NULL'",
    "'a;b';NULL\n'NULL';x\n",
    [
      ['a;b', null],
      ['NULL', 'x'],
    ],
  ],
  ['format csv, force_null (a), force_not_null (b)', '"",\n', [[null, '']]],
  ['format csv', 'a,"b\n', '22P04 | unterminated CSV quoted field | COPY t, line 1: "a,"b\n"'],
  ['format csv', '\\.\n', []],
  ['format csv', 'a,b\n\\.\n', [['a', 'b']]],
  [
    'format csv',
    'a,b\n"\r",c\r\n',
    '22P04 | unquoted carriage return found in data | Use quoted CSV field to represent carriage return. | COPY t, line 2',
  ],
  ['format csv', 'é😀,x\n', [['é😀', 'x']]],
  [
    'format text',
    Buffer.from('61ff09620a', 'hex'),
    '22021 | invalid byte sequence for encoding "UTF8": 0xff | COPY t, line 1',
  ],
];

/** Options and the text written for `copyRows`. */
export const copyRows: readonly (readonly (string | null)[])[] = [
  ['1', 'one'],
  ['a\tb', 'c\\d\n\r\b\f\u000b'],
  [null, ''],
  ['\\N', '\\.'],
  ['a,b', 'say "hi"'],
  ['é', 'x|y'],
  ["it's", ';'],
  ['', null],
];
export const copyOutputs: readonly (readonly [options: string, text: string])[] = [
  [
    'format text',
    '1\tone\na\\tb\tc\\\\d\\n\\r\\b\\f\\v\n\\N\t\n\\\\N\t\\\\.\na,b\tsay "hi"\né\tx|y\nit\'s\t;\n\t\\N\n',
  ],
  [
    "format text, delimiter '|', null 'é'",
    '1|one\na\\tb|c\\\\d\\n\\r\\b\\f\\v\né|\n\\\\N|\\\\.\na,b|say "hi"\né|x\\|y\nit\'s|;\n|é\n',
  ],
  ['format csv', '1,one\na\tb,"c\\d\n\r\b\f\u000b"\n,""\n\\N,\\.\n"a,b","say ""hi"""\né,x|y\nit\'s,;\n"",\n'],
  [
    'format csv, header true, force_quote *',
    'a,b\n"1","one"\n"a\tb","c\\d\n\r\b\f\u000b"\n,""\n"\\N","\\."\n"a,b","say ""hi"""\n"é","x|y"\n"it\'s",";"\n"",\n',
  ],
  [
    'format csv, force_quote (b)',
    '1,"one"\na\tb,"c\\d\n\r\b\f\u000b"\n,""\n\\N,"\\."\n"a,b","say ""hi"""\né,"x|y"\nit\'s,";"\n"",\n',
  ],
  [
    "format csv, quote '''', escape '\\', delimiter ';', null 'NULL'",
    "1;one\na\tb;'c\\\\d\n\r\b\f\u000b'\nNULL;\n\\N;\\.\na,b;say \"hi\"\né;x|y\n'it\\'s';';'\n;NULL\n",
  ],
  [
    'format text, header true',
    'a\tb\n1\tone\na\\tb\tc\\\\d\\n\\r\\b\\f\\v\n\\N\t\n\\\\N\t\\\\.\na,b\tsay "hi"\né\tx|y\nit\'s\t;\n\t\\N\n',
  ],
  [
    "format text, delimiter E'\\x08'",
    '1\bone\na\\tb\bc\\\\d\\n\\r\\b\\f\\v\n\\N\b\n\\\\N\b\\\\.\na,b\bsay "hi"\né\bx|y\nit\'s\b;\n\b\\N\n',
  ],
];

/** Options, direction, and "ok" or the error. */
export const copyOptionCases: readonly (readonly [
  options: string,
  direction: 'from' | 'to',
  result: string,
])[] = [
  ['', 'from', 'ok'],
  ['', 'to', 'ok'],
  ['format binry', 'from', '22023 COPY format "binry" not recognized'],
  ['format binry', 'to', '22023 COPY format "binry" not recognized'],
  ["delimiter 'ab'", 'from', '0A000 COPY delimiter must be a single one-byte character'],
  ["delimiter 'ab'", 'to', '0A000 COPY delimiter must be a single one-byte character'],
  ["delimiter E'\\n'", 'from', '22023 COPY delimiter cannot be newline or carriage return'],
  ["delimiter E'\\n'", 'to', '22023 COPY delimiter cannot be newline or carriage return'],
  ["delimiter 'a'", 'from', '22023 COPY delimiter cannot be "a"'],
  ["delimiter 'a'", 'to', '22023 COPY delimiter cannot be "a"'],
  ["null E'\\n'", 'from', '22023 COPY null representation cannot use newline or carriage return'],
  ["null E'\\n'", 'to', '22023 COPY null representation cannot use newline or carriage return'],
  ["quote '\"'", 'from', '0A000 COPY quote available only in CSV mode'],
  ["quote '\"'", 'to', '0A000 COPY quote available only in CSV mode'],
  ["format csv, quote 'ab'", 'from', '0A000 COPY quote must be a single one-byte character'],
  ["format csv, quote 'ab'", 'to', '0A000 COPY quote must be a single one-byte character'],
  ["format csv, quote ','", 'from', '22023 COPY delimiter and quote must be different'],
  ["format csv, quote ','", 'to', '22023 COPY delimiter and quote must be different'],
  ["format csv, escape 'ab'", 'from', '0A000 COPY escape must be a single one-byte character'],
  ["format csv, escape 'ab'", 'to', '0A000 COPY escape must be a single one-byte character'],
  ["format csv, null '\"'", 'from', '0A000 CSV quote character must not appear in the NULL specification'],
  ["format csv, null '\"'", 'to', '0A000 CSV quote character must not appear in the NULL specification'],
  ["null E'x\\ty'", 'from', '0A000 COPY delimiter must not appear in the NULL specification'],
  ["null E'x\\ty'", 'to', '0A000 COPY delimiter must not appear in the NULL specification'],
  ['force_quote *', 'from', '0A000 COPY force quote available only in CSV mode'],
  ['force_quote *', 'to', '0A000 COPY force quote available only in CSV mode'],
  ['format csv, force_quote *', 'from', '0A000 COPY force quote only available using COPY TO'],
  ['format csv, force_quote *', 'to', 'ok'],
  ['force_null (a)', 'from', '0A000 COPY force null available only in CSV mode'],
  ['force_null (a)', 'to', '0A000 COPY force null available only in CSV mode'],
  ['header maybe', 'from', '42601 header requires a Boolean value or "match"'],
  ['header maybe', 'to', '42601 header requires a Boolean value or "match"'],
  ['header 7', 'from', '42601 header requires a Boolean value or "match"'],
  ['header 7', 'to', '42601 header requires a Boolean value or "match"'],
  ["format csv, header 'match'", 'from', '22P04 wrong number of fields in header line: got 1, expected 2'],
  ["format csv, header 'match'", 'to', '0A000 cannot use "match" with HEADER in COPY TO'],
  ['nope 1', 'from', '42601 option "nope" not recognized'],
  ['nope 1', 'to', '42601 option "nope" not recognized'],
  ['format csv, format csv', 'from', '42601 conflicting or redundant options'],
  ['format csv, format csv', 'to', '42601 conflicting or redundant options'],
  ["encoding 'utf-8'", 'from', 'ok'],
  ["encoding 'utf-8'", 'to', 'ok'],
  ["delimiter 'é'", 'from', '0A000 COPY delimiter must be a single one-byte character'],
  ["delimiter 'é'", 'to', '0A000 COPY delimiter must be a single one-byte character'],
  ['header off', 'from', 'ok'],
  ['header off', 'to', 'ok'],
  ['force_not_null (a)', 'from', '0A000 COPY force not null available only in CSV mode'],
  ['force_not_null (a)', 'to', '0A000 COPY force not null available only in CSV mode'],
  ['escape 1', 'from', '0A000 COPY escape available only in CSV mode'],
  ['escape 1', 'to', '0A000 COPY escape available only in CSV mode'],
];
